"""Which arcs the history of one run went along.

The store keeps states. That an attempt which was tried again had timed out is not among them: the run's log tells it,
and is asked only where it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from headrace.core.state_types import StateType
from headrace.core.states import State

#: The hooks that fire when a run enters a state of this type.
_FIRES = {
    StateType.RUNNING: "on_running",
    StateType.COMPLETED: "on_completion",
    StateType.FAILED: "on_failure",
    StateType.CRASHED: "on_crashed",
    StateType.CANCELLING: "on_cancellation",
}


def transitions(states: Sequence[State]) -> Iterator[str]:
    """Yield each step of a run, as ``Running → AwaitingRetry``."""
    return (f"{before.name} → {after.name}" for before, after in pairwise(states))


def exercised(states: Sequence[State], definition: Any, has_timed_out: Callable[[], bool]) -> set[str]:
    """Return the names of the arcs of a run; `has_timed_out` says whether any attempt exceeded its time-out."""
    steps = zip((None, *states), states, strict=False)
    reached = {name for before, state in steps for name in _of_step(before, state)}
    if definition.timeout_seconds and _may_have_timed_out(states) and has_timed_out():
        reached.add("timed-out")
        if states[-1].name == "TimedOut":
            reached.discard("failed")
    reached |= _of_end(states, definition.policy.retries)
    return reached


def _may_have_timed_out(states: Sequence[State]) -> bool:
    return any(state.name in ("TimedOut", "AwaitingRetry", "Retrying") for state in states)


def _of_step(before: State | None, state: State) -> Iterator[str]:
    if state.type in _FIRES and state.name != "RolledBack":
        yield _FIRES[state.type]
    if state.type is StateType.COMPLETED:
        yield from _of_completion(before, state)
    elif state.type is StateType.FAILED:
        yield "failed"
    elif state.type is StateType.CANCELLED:
        yield "cancelled"
    elif state.name == "AwaitingRetry":
        yield "awaiting-retry"
    elif state.name == "Retrying":
        waited = before is not None and before.name != "Running" and before.name != "Retrying"
        yield "retried" if waited else "retried-at-once"


def _of_completion(before: State | None, state: State) -> Iterator[str]:
    if state.name in ("Cached", "RolledBack"):
        yield "cached" if state.name == "Cached" else "rolled-back"
        return
    yield "completed"
    if before is not None and before.name == "Retrying":
        yield "recovered"


def _of_end(states: Sequence[State], retries: int) -> set[str]:
    end, attempts = states[-1], sum(state.type is StateType.RUNNING for state in states)
    if end.type is StateType.COMPLETED and end.name not in ("Cached", "RolledBack"):
        return {"on_commit"}
    if end.type is StateType.FAILED and retries and attempts:
        return {"retries-exhausted" if attempts > retries else "retry-refused"}
    return set()
