"""A world for one example of a property: Hypothesis runs many in one test, and none may see the runs of another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.testing import Runs, Simulation, simulate


@contextmanager
def own_world() -> Iterator[tuple[Runs, Simulation]]:
    """Live in a simulation inside the block."""
    with simulate() as simulation:
        yield simulation.runs, simulation
