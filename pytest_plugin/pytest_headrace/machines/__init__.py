"""State machines for Hypothesis to inherit from: what holds of the engine whatever is done, and of stores.

A machine is a test by its ``TestCase``; a subclass says what it is to be of::

    class MyFlows(EngineMachine):
        flows = [ingest, publish]

    TestMyFlows = MyFlows.TestCase
"""

from .engine import EngineMachine
from .stores import StoresAgree

__all__ = ["EngineMachine", "StoresAgree"]
