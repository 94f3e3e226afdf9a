"""What the engine asks of a clock.

Seconds are floats at the edge and integer nanoseconds inside. Whoever waits in the engine (a retry's delay, a future,
a slot, an event loop with nothing to do) waits through the clock, so that a virtual one can jump over the wait.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Event(Protocol):
    """A flag that is raised once, and that threads wait for."""

    def set(self) -> None:
        """Raise the flag and make everybody who waits runnable, before they are released."""
        ...

    def is_set(self) -> bool:
        """Say whether the flag is up."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the flag at most `timeout` seconds (None: for ever); return whether it is up."""
        ...


class Over(BaseException):
    """Ends what still waits, or has not begun, when the time that it lives in has come to its end."""


class Clock(Protocol):
    """Where the engine gets the time from, and where it waits."""

    def time_ns(self) -> int:
        """Return the wall clock: nanoseconds since 1970, UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds from an arbitrary beginning; never goes back."""
        ...

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime, to the microsecond."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait in this thread."""
        ...

    def event(self, why: str | Callable[[], str] = "") -> Event:
        """Return a new event whose waits follow this clock; `why` says, in a report, what it stands for."""
        ...

    def time_limit(self, seconds: float, ring: Callable[[], object]) -> AbstractContextManager[None]:
        """Call `ring` once when the block takes longer than `seconds`, to interrupt it, and again where it has not.

        It is called in this thread where that can be done (it may then raise), else in another.
        """
        ...

    def participant(self, name: str = "test") -> AbstractContextManager[object]:
        """Mark this thread as at work in the block: a virtual clock does not jump while a participant runs.

        Does nothing where the thread takes part already.
        """
        ...

    def expect_participant(self, name: str) -> object:
        """Announce a participant that is about to start in another thread; what is returned is for `adopt_participant`.

        Without it a virtual clock could jump between the hand-over and the start.
        """
        ...

    def adopt_participant(self, announced: object) -> AbstractContextManager[object]:
        """Like `participant`, for one that `expect_participant` has announced."""
        ...

    def name_participant(self, name: str, subject: object) -> None:
        """Say what the participant of this thread is about to do: a run, and its name."""
        ...

    def in_flight(self, why: str) -> AbstractContextManager[None]:
        """Wait, in the block, for something that the clock knows nothing of: a process, a socket."""
        ...

    def delegating(self, why: str) -> AbstractContextManager[None]:
        """Wait, in the block, for another process that lives by this clock and acts in this thread's place."""
        ...

    def listening(self, loop: asyncio.AbstractEventLoop | None) -> AbstractContextManager[None]:
        """Let the main thread hear signals in the block, also while it waits in this event loop, if there is one."""
        ...

    def check_loop(self) -> None:
        """Raise RuntimeError where the running event loop does not follow this clock, though code in it should."""
        ...

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return a new event loop whose time is this clock's."""
        ...


def datetime_of(time_ns: int) -> datetime:
    """Turn nanoseconds since 1970 into an aware UTC datetime; what is below a microsecond is cut off."""
    return EPOCH + timedelta(microseconds=time_ns // 1000)


def nanoseconds_of(moment: datetime) -> int:
    """Turn an aware datetime into nanoseconds since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
