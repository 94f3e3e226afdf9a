"""States as the engine makes them: each name with its type, its message, and the data and moments that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from headrace import states as constructors
from headrace.states import State

from .checking import Choice, anything, check_choices, check_error, checked_by, choice, refuse

#: The names that there are, the plainest first.
NAMES = [
    "Completed",
    "Failed",
    "Pending",
    "Running",
    "Cancelled",
    "Crashed",
    "Scheduled",
    "AwaitingRetry",
    "Retrying",
    "Cancelling",
    "Paused",
    "TimedOut",
    "NotReady",
    "Cached",
    "RolledBack",
    "Late",
    "AwaitingConcurrencySlot",
    "Resuming",
    "Suspended",
    "Submitting",
]
_FINAL = frozenset({"Completed", "Cached", "RolledBack", "Failed", "TimedOut", "Crashed", "Cancelled"})
_WITH_RESULT = frozenset({"Completed", "Cached", "RolledBack"})
_WITH_ERROR = frozenset({"Failed", "Crashed", "Cancelled"})
_SCHEDULED = frozenset({"Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot", "Resuming"})

_START = datetime(2026, 1, 1, tzinfo=UTC)
_MOMENTS = st.integers(0, 86_400).map(lambda seconds: _START + timedelta(seconds=seconds))
_MESSAGES = st.none() | st.text(max_size=20)
_VALUES = st.booleans() | st.integers() | st.text(max_size=10)
_ERRORS = st.sampled_from([ConnectionError, ValueError, TimeoutError])


def _check(names: Any, final: object, values: Any, errors: Any) -> None:
    check_choices("names", NAMES if names is None else names, NAMES)
    if final is not None and not isinstance(final, bool):
        refuse(f"final={final!r} must be True for ends, False for all else, or None for both.")
    if not _allowed(names, final):
        refuse(f"No state is left: none of names={names!r} is {'an end' if final else 'short of one'}.")
    choice("values", values, anything, _VALUES)
    choice("errors", errors, check_error, _ERRORS)


@checked_by(_check)
@st.composite
def states(
    draw: st.DrawFn,
    *,
    names: Sequence[str] | None = None,
    final: bool | None = None,
    values: Choice[Any] = None,
    errors: Choice[Exception | type[Exception]] = None,
) -> State:
    """Draw states, stamped with a moment of 2026-01-01 (UTC), as runs would enter them.

    `names` restricts to states of these names, `final` to ends or to all else. `values` are the data of completed
    states, `errors` those of failed, crashed and cancelled ones; each a strategy or a list. Shrinks to Completed.
    """
    name = draw(st.sampled_from(_allowed(names, final)))
    at = draw(_MOMENTS)
    fields: dict[str, Any] = {"timestamp": at, "message": draw(_MESSAGES)}
    if name in _WITH_RESULT:
        fields["data"] = draw(choice("values", values, anything, _VALUES))
    elif name in _WITH_ERROR:
        fields["data"] = draw(_raised(choice("errors", errors, check_error, _ERRORS)))
    elif name == "TimedOut":
        fields["data"] = TimeoutError("took too long")
    elif name in _SCHEDULED:
        fields["scheduled_time"] = at + timedelta(seconds=draw(st.integers(0, 3600)))
    elif name == "Paused":
        fields["pause_expiration_time"] = at + timedelta(seconds=draw(st.integers(0, 3600)))
    state: State = getattr(constructors, name)(**fields)
    return state


def _allowed(names: Sequence[str] | None, final: bool | None) -> list[str]:
    wanted = NAMES if names is None else names
    return [name for name in NAMES if name in wanted and final in (None, name in _FINAL)]


def _raised(errors: SearchStrategy[Any]) -> SearchStrategy[Exception]:
    return errors.map(lambda error: error("as drawn") if isinstance(error, type) else error)
