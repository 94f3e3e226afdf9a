"""What whoever claims a run from the background makes of the state that it is in."""

from __future__ import annotations

from datetime import datetime

from headrace.core import messages
from headrace.core.records import TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped

LOST = "The process that ran it is gone: its lease ran out before it told how the run ended."


def end_of_claimed(run: TaskRun) -> State | None:
    """Return how a claimed run, which has not ended, is to end without being run; None: it is to be run.

    A run that was at work when whoever ran it was gone has crashed: what it has done by then nobody knows, so it is not
    done again. One that had not begun, or waited for a retry or a slot, goes on from there.
    """
    assert run.state is not None, "what was scheduled has a state"
    if run.state.is_cancelling():
        return unstamped(StateType.CANCELLED, message=messages.cancelled_ahead)
    is_lost = run.run_count > 0 and not run.state.is_scheduled()
    return unstamped(StateType.CRASHED, message=LOST) if is_lost else None


def seconds_to_wait(run: TaskRun, now: datetime) -> float:
    """Return how long a claimed run has to wait still for its retry: 0 or less where its time has come."""
    at = run.state.state_details.scheduled_time if run.state is not None and run.run_count else None
    return (at - now).total_seconds() if at is not None else 0.0


def has_ended(state: State) -> bool:
    """Say whether nothing more will come of a run: it is final, or it will never begin."""
    return state.is_final() or state.name == "NotReady"


def seconds_to_look_again(retry_at: datetime | None, now: datetime, poll: float | None) -> float | None:
    """Return in how many seconds there may be something to claim though nobody says so; None: never.

    `retry_at` is when a lease runs out, `poll` how often a store is looked at that other processes use.
    """
    left = max((retry_at - now).total_seconds(), 0.0) if retry_at is not None else None
    return min((seconds for seconds in (left, poll) if seconds is not None), default=None)
