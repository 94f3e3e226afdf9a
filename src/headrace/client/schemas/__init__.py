"""The values that a client gives."""

from headrace.client.schemas.objects import ConcurrencyLimit, FlowRun, State, StateDetails, StateType, TaskRun

__all__ = ["ConcurrencyLimit", "FlowRun", "State", "StateDetails", "StateType", "TaskRun"]
