"""Stubs and faults: what a simulation puts in the place of bodies, and what it lets go wrong."""

from headrace.testing.faults.failures import Failure, Slowness
from headrace.testing.faults.outcomes import Raises, Returns
from headrace.testing.faults.plan import Faults
from headrace.testing.faults.stores import StoreFault
from headrace.testing.faults.stubs import Stub

__all__ = ["Failure", "Faults", "Raises", "Returns", "Slowness", "StoreFault", "Stub"]
