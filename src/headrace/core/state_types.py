"""The types of states, and the names that the engine gives to states of each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class StateType(StrEnum):
    """What kind of state this is; the name says which of its kind."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"
    CANCELLED = "CANCELLED"

    __hash__ = str.__hash__  # three times as quick as an enumeration's own


S, P, R, PA, CG = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING
CO, F, CR, CA = StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED

TERMINAL: frozenset[StateType] = frozenset({CO, F, CR, CA})

#: The names that the engine itself gives, by type, the usual one first.
NAMES: Mapping[StateType, tuple[str, ...]] = {
    S: ("Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Resuming"),
    P: ("Pending", "NotReady", "Submitting"),
    R: ("Running", "Retrying"),
    PA: ("Paused", "Suspended"),
    CG: ("Cancelling",),
    CO: ("Completed", "Cached", "RolledBack"),
    F: ("Failed", "TimedOut"),
    CR: ("Crashed",),
    CA: ("Cancelled",),
}

TYPE_OF_NAME: Mapping[str, StateType] = {name: type_ for type_, names in NAMES.items() for name in names}
