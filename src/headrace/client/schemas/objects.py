"""States, runs and limits, as the engine itself uses them."""

from headrace.core.records import FlowRun, TaskRun
from headrace.core.states import State, StateDetails, StateType
from headrace.store.protocol import ConcurrencyLimit

__all__ = ["ConcurrencyLimit", "FlowRun", "State", "StateDetails", "StateType", "TaskRun"]
