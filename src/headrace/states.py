"""States, and the functions that make them and look into them."""

from __future__ import annotations

import datetime
import sys
import traceback as _traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.core import final, messages
from headrace.core.awaiting import awaitable_too
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, exception_of, is_state_iterable
from headrace.drive.world import current_world
from headrace.runs.steps import settled

__all__ = [
    "AwaitingConcurrencySlot",
    "AwaitingRetry",
    "Cached",
    "Cancelled",
    "Cancelling",
    "Completed",
    "Crashed",
    "Failed",
    "Late",
    "NotReady",
    "Paused",
    "Pending",
    "Resuming",
    "Retrying",
    "RolledBack",
    "Running",
    "Scheduled",
    "State",
    "StateDetails",
    "StateGroup",
    "StateType",
    "Submitting",
    "Suspended",
    "TimedOut",
    "aget_state_exception",
    "araise_state_exception",
    "exception_to_crashed_state",
    "exception_to_failed_state",
    "format_exception",
    "get_state_exception",
    "get_state_result",
    "is_state",
    "is_state_iterable",
    "raise_state_exception",
    "return_value_to_state",
]


def _made(type_: StateType, name: str, fields: dict[str, Any], **details: Any) -> State:
    """Make a state of `fields`, and of class `cls`, where they have one; `details` go before those given."""
    kind = fields.pop("cls", State)
    known = _details_in(fields)
    fields.pop("state_details", None)
    made: State = kind(type_, fields.pop("name", None) or name, state_details={**known, **details}, **fields)
    return made


def _details_in(fields: dict[str, Any]) -> dict[str, Any]:
    given = fields.get("state_details") or {}
    return dict(given) if isinstance(given, Mapping) else given.model_dump()


def Scheduled(scheduled_time: datetime.datetime | None = None, **fields: Any) -> State:  # noqa: N802
    """A run that is to begin at `scheduled_time` (aware; now)."""
    return _scheduled("Scheduled", scheduled_time, fields)


def Late(scheduled_time: datetime.datetime | None = None, **fields: Any) -> State:  # noqa: N802
    """A run that should have begun at `scheduled_time`."""
    return _scheduled("Late", scheduled_time, fields)


def AwaitingRetry(scheduled_time: datetime.datetime | None = None, **fields: Any) -> State:  # noqa: N802
    """A run that is tried again at `scheduled_time`."""
    return _scheduled("AwaitingRetry", scheduled_time, fields)


def AwaitingConcurrencySlot(scheduled_time: datetime.datetime | None = None, **fields: Any) -> State:  # noqa: N802
    """A run that waits for a concurrency slot."""
    return _scheduled("AwaitingConcurrencySlot", scheduled_time, fields)


def Resuming(scheduled_time: datetime.datetime | None = None, **fields: Any) -> State:  # noqa: N802
    """A paused run that was resumed and is to go on at `scheduled_time`."""
    return _scheduled("Resuming", scheduled_time, fields)


def _scheduled(name: str, scheduled_time: datetime.datetime | None, fields: dict[str, Any]) -> State:
    given = _details_in(fields).get("scheduled_time")
    if given is not None and scheduled_time is not None:
        raise ValueError("An extra scheduled_time was given: it is in state_details already.")
    return _made(StateType.SCHEDULED, name, fields, scheduled_time=scheduled_time or given)


def Pending(**fields: Any) -> State:  # noqa: N802
    """A run that has not begun."""
    return _made(StateType.PENDING, "Pending", fields)


def NotReady(**fields: Any) -> State:  # noqa: N802
    """A run that never begins, because a run that it needs did not complete."""
    return _made(StateType.PENDING, "NotReady", fields)


def Submitting(**fields: Any) -> State:  # noqa: N802
    """A run that is being handed over."""
    return _made(StateType.PENDING, "Submitting", fields)


def Running(**fields: Any) -> State:  # noqa: N802
    """A run whose function is being run."""
    return _made(StateType.RUNNING, "Running", fields)


def Retrying(**fields: Any) -> State:  # noqa: N802
    """A run whose function is being run again."""
    return _made(StateType.RUNNING, "Retrying", fields)


def Completed(**fields: Any) -> State:  # noqa: N802
    """A run that ended well."""
    return _made(StateType.COMPLETED, "Completed", fields)


def Cached(**fields: Any) -> State:  # noqa: N802
    """A run that did not have to run, because its result was there."""
    return _made(StateType.COMPLETED, "Cached", fields)


def RolledBack(**fields: Any) -> State:  # noqa: N802
    """A run that ended well and was undone."""
    return _made(StateType.COMPLETED, "RolledBack", fields)


def Failed(**fields: Any) -> State:  # noqa: N802
    """A run whose function failed."""
    return _made(StateType.FAILED, "Failed", fields)


def TimedOut(**fields: Any) -> State:  # noqa: N802
    """A run whose function took too long."""
    return _made(StateType.FAILED, "TimedOut", fields)


def Crashed(**fields: Any) -> State:  # noqa: N802
    """A run that was ended from outside."""
    return _made(StateType.CRASHED, "Crashed", fields)


def Cancelling(**fields: Any) -> State:  # noqa: N802
    """A run that was asked to stop."""
    return _made(StateType.CANCELLING, "Cancelling", fields)


def Cancelled(**fields: Any) -> State:  # noqa: N802
    """A run that was cancelled."""
    return _made(StateType.CANCELLED, "Cancelled", fields)


def Paused(  # noqa: N802
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime.datetime | None = None,
    reschedule: bool = False,
    pause_key: str | None = None,
    **fields: Any,
) -> State:
    """A run that waits to be resumed, until `pause_expiration_time` or for `timeout_seconds`; not both."""
    if pause_expiration_time is not None and timeout_seconds is not None:
        raise ValueError("Give either timeout_seconds or pause_expiration_time, not both.")
    given = _details_in(fields)
    if given.get("pause_timeout") is not None and (pause_expiration_time or timeout_seconds) is not None:
        raise ValueError("An extra pause timeout was given: it is in state_details already.")
    if timeout_seconds is not None:
        pause_expiration_time = current_world().clock.now() + datetime.timedelta(seconds=timeout_seconds)
    return _made(
        StateType.PAUSED,
        "Paused",
        fields,
        pause_timeout=pause_expiration_time or given.get("pause_timeout"),
        pause_reschedule=reschedule or given.get("pause_reschedule", False),
        pause_key=pause_key or given.get("pause_key"),
    )


def Suspended(  # noqa: N802
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime.datetime | None = None,
    pause_key: str | None = None,
    **fields: Any,
) -> State:
    """A run that has ended its process and waits to be begun again."""
    fields.setdefault("name", "Suspended")
    return Paused(timeout_seconds, pause_expiration_time, True, pause_key, **fields)


class StateGroup:
    """Count and sum up several states."""

    def __init__(self, states: Iterable[State]) -> None:
        self.states = list(states)
        self.total_count = len(self.states)
        self.cancelled_count = self._count(State.is_cancelled)
        self.failed_count = self._count(lambda state: state.is_failed() or state.is_crashed())
        self.paused_count = self._count(State.is_paused)
        self.final_count = self._count(State.is_final)
        self.not_final_count = self.total_count - self.final_count
        #: How many there are of each type, in order of appearance; 0 for the others.
        self.type_counts = Counter(state.type for state in self.states)

    def _count(self, wanted: Any) -> int:
        return sum(1 for state in self.states if wanted(state))

    @property
    def fail_count(self) -> int:
        """How many failed or crashed."""
        return self.failed_count

    def all_completed(self) -> bool:
        """Say whether all completed."""
        return self.type_counts[StateType.COMPLETED] == self.total_count

    def any_cancelled(self) -> bool:
        """Say whether any was cancelled."""
        return self.cancelled_count > 0

    def any_failed(self) -> bool:
        """Say whether any failed or crashed."""
        return self.failed_count > 0

    def any_paused(self) -> bool:
        """Say whether any is paused."""
        return self.paused_count > 0

    def all_final(self) -> bool:
        """Say whether all have ended."""
        return self.final_count == self.total_count

    def counts_message(self) -> str:
        """Return the counts in words."""
        counts = [f"total={self.total_count}"]
        if self.not_final_count:
            counts.append(f"not_final={self.not_final_count}")
        counts += [f"{type_.value!r}={count}" for type_, count in self.type_counts.items()]
        return ", ".join(counts)

    def __repr__(self) -> str:
        return f"StateGroup<{self.counts_message()}>"


def is_state(value: object) -> bool:
    """Say whether this is a state."""
    return isinstance(value, State)


@awaitable_too
def get_state_exception(state: State) -> BaseException:
    """Return the exception that an unsuccessful state stands for. Raises ValueError for a successful one."""
    return exception_of(state)


@awaitable_too
def get_state_result(state: State, raise_on_failure: bool = True) -> Any:
    """Do as `state.result(raise_on_failure)`."""
    return state.result(raise_on_failure)


async def aget_state_exception(state: State) -> BaseException:
    """Do as `get_state_exception`, for async code; it waits for nothing."""
    return exception_of(state)


@awaitable_too
def raise_state_exception(state: State) -> None:
    """Raise the exception of an unsuccessful state; do nothing for any other."""
    if state.is_failed() or state.is_crashed() or state.is_cancelled():
        raise exception_of(state)


async def araise_state_exception(state: State) -> None:
    """Do as `raise_state_exception`, for async code; it waits for nothing."""
    raise_state_exception(state)


@awaitable_too
def return_value_to_state(retval: Any, *_: Any, **__: Any) -> State:
    """Return the final state of a run whose function returned this value."""
    return final.state_of_return(retval, settled)


@awaitable_too
def exception_to_failed_state(exc: BaseException | None = None, *_: Any, **fields: Any) -> State:
    """Return the failed state of a run whose function raised `exc`; by default the exception at hand in an `except`.

    A `message` goes before the exception's own. Raises ValueError where there is no exception.
    """
    exc = exc if exc is not None else sys.exc_info()[1]
    if exc is None:
        raise ValueError("There is no exception to make a failed state of: pass one, or call this in an except block.")
    fields.pop("write_result", None)
    words = [text for text in (fields.pop("message", None), messages.described(exc)) if text]
    return Failed(data=exc, message=" ".join(words), **fields)


@awaitable_too
def exception_to_crashed_state(exc: BaseException, *_: Any, **__: Any) -> State:
    """Return the crashed state of a run that was ended from outside."""
    return Crashed(message=messages.crash_message(exc), data=exc)


def format_exception(exc: BaseException, tb: Any = None) -> str:
    """Return the traceback as text."""
    return "".join(_traceback.format_exception(type(exc), exc, tb or exc.__traceback__))
