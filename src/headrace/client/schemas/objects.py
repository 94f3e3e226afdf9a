"""States, runs and limits, as the engine itself uses them."""

from headrace.core.limits import ConcurrencyLeaseHolder
from headrace.core.records import FlowRun, TaskRun
from headrace.core.states import TERMINAL, State, StateDetails, StateType
from headrace.store.protocol import ConcurrencyLimit

#: The types of states after which nothing more happens to a run.
TERMINAL_STATES = TERMINAL

__all__ = [
    "TERMINAL_STATES",
    "ConcurrencyLeaseHolder",
    "ConcurrencyLimit",
    "FlowRun",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
]
