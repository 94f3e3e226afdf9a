"""The states that a run went through, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from headrace.core.state_types import StateType
from headrace.core.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A state that a run entered; times are in seconds.

    `lasted` is None for the last one. `attempt` is the number of the attempt that began, 0 for other states; `delay` is
    for how long the run was to wait from here, None where it was not told to.
    """

    type: StateType
    name: str
    at: datetime | None
    lasted: float | None
    message: str | None
    attempt: int
    delay: float | None


def entries(states: Sequence[State]) -> list[Entry]:
    """Return a run's history, in order."""
    return list(_entries(states))


def _entries(states: Sequence[State]) -> Iterator[Entry]:
    attempts = 0
    for state, after in zip_longest(states, states[1:]):
        attempts += state.is_running()
        yield Entry(
            type=state.type,
            name=state.name,
            at=state.timestamp,
            lasted=_between(state.timestamp, after.timestamp if after is not None else None),
            message=state.message,
            attempt=attempts if state.is_running() else 0,
            delay=_between(state.timestamp, state.state_details.scheduled_time),
        )


def _between(first: datetime | None, second: datetime | None) -> float | None:
    return (second - first).total_seconds() if first is not None and second is not None else None
