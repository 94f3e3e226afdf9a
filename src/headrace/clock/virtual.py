"""A clock that jumps over every wait.

Threads that work for a run are *participants*, and take turns (see `turns`): one runs at a time. While it runs, time
stands still; when all of them wait, time jumps to the earliest deadline. Threads that take no part may wait on the
clock too; nobody waits for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from headrace.clock.participants import Limit, Parking, Participant, Why
from headrace.clock.protocol import datetime_of, nanoseconds_of
from headrace.clock.schedules import Schedule
from headrace.clock.turns import Turns

if TYPE_CHECKING:
    import asyncio

_SECOND = 1_000_000_000
#: Where a clock starts that is not told otherwise.
DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)


class Lines(Protocol):
    """What lets functions be interrupted between two lines."""

    def around(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls `fn`, and may be interrupted in it."""


class VirtualClock:
    """A clock at `start` (aware; default 2026-01-01 UTC) that moves only when everybody waits.

    `elapsed` is what has passed since then in virtual seconds. Compares equal to that number, so that a test can say
    ``assert clock == 30``. `schedule` chooses who goes next (None: first come, first served). A real wait that stops
    everything for `stall_seconds` of real time is an error.
    """

    def __init__(
        self, start: datetime = DEFAULT_START, *, schedule: Schedule | None = None, stall_seconds: float = 10.0
    ) -> None:
        if start.tzinfo is None:
            raise ValueError(f"A virtual clock starts at an aware datetime, not at the naive {start!r}: add tzinfo.")
        self._live_by(Turns(nanoseconds_of(start), schedule, stall_seconds))

    def _live_by(self, turns: Turns) -> None:
        self.turns = turns
        self._limits: dict[int, list[Limit]] = {}
        #: What threads of the user's are interrupted by in their lines, if anything.
        self.lines: Lines | None = None
        #: Called before a thread waits; it may raise instead.
        self.before_wait: Callable[[], object] | None = None

    # reading ---------------------------------------------------------------------------------------------------

    def time_ns(self) -> int:
        """Return virtual nanoseconds since 1970."""
        return self.turns.now

    def monotonic_ns(self) -> int:
        """Return virtual nanoseconds from a beginning that is not 1970, so that code that mixes clocks shows."""
        return self.turns.now - self.turns.start + 1_000 * _SECOND

    def now(self) -> datetime:
        """Return the virtual moment, aware UTC."""
        return datetime_of(self.turns.now)

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start, to the microsecond; an int where they are whole."""
        passed = round(self.turns.now - self.turns.start, -3)
        return passed // _SECOND if passed % _SECOND == 0 else passed / _SECOND

    def __eq__(self, other: object) -> bool:
        if isinstance(other, VirtualClock):
            return self is other
        return self.elapsed == other if isinstance(other, int | float) else NotImplemented

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<VirtualClock at {self.now().isoformat()}, {self.elapsed} s after its start>"

    # moving ----------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass for this thread, stepping through every deadline on the way. Raises ValueError below 0."""
        if seconds < 0:
            raise ValueError(f"Time does not go back: advance({seconds!r}).")
        self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        """Wait in this thread, without waiting."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.event(f"{seconds:g} s of sleep").wait(seconds)

    def event(self, why: Why = "") -> VirtualEvent:
        """Return an event whose waits follow this clock; `why` says in a report what it is that is waited for."""
        return VirtualEvent(self, why)

    def listening(self, loop: asyncio.AbstractEventLoop | None) -> AbstractContextManager[None]:
        """Do nothing: no wait on virtual time is long."""
        return nullcontext()

    def check_loop(self) -> None:
        """Raise RuntimeError where the event loop that runs here is on real time."""
        import asyncio

        from headrace.clock.loop import check_loop  # it is imported where there are loops

        check_loop(self, asyncio.get_running_loop())

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop on virtual time."""
        from headrace.clock.loop import VirtualEventLoop  # asyncio is slow to import

        return VirtualEventLoop(self)

    @contextmanager
    def time_limit(self, seconds: float, ring: Callable[[], object]) -> Iterator[None]:
        """Call `ring` in the wait, of this thread, that would go beyond `seconds` from now."""
        thread = threading.get_ident()
        limit = Limit(self.turns.now + nanoseconds(seconds), ring)
        limits = self._limits.setdefault(thread, [])
        limits.append(limit)
        try:
            yield
        finally:
            if limit in limits:
                limits.remove(limit)
            if not limits:
                self._limits.pop(thread, None)

    # participants ----------------------------------------------------------------------------------------------

    def participant(self, name: str = "test") -> AbstractContextManager[object]:
        """Take part in the block, in turns with the others."""
        return self.turns.taking_part(name)

    def expect_participant(self, name: str) -> Participant:
        """Announce a participant that starts in a moment in another thread; its place in the order is fixed now."""
        return self.turns.expect(name)

    def adopt_participant(self, announced: object) -> AbstractContextManager[object]:
        """Be the participant that was announced."""
        assert isinstance(announced, Participant)
        return self.turns.adopting(announced)

    def name_participant(self, name: str, subject: object) -> None:
        """Name the participant of this thread after the run that it is about to live."""
        self.turns.rename(name, subject)

    def in_flight(self, why: str) -> AbstractContextManager[None]:
        """Wait for something real in the block: time does not jump over it."""
        return self.turns.in_flight(why)

    def delegating(self, why: str) -> AbstractContextManager[None]:
        """Let another process act in the place of this thread in the block, which keeps its turn."""
        return self.turns.delegating(why)

    def set_aside(self, why: Why) -> None:
        """Let the others go on: what acts in the place of this thread is in a real wait."""
        self.turns.set_aside(why)

    # waiting ---------------------------------------------------------------------------------------------------

    def park(self, seconds: float | None, why: Why) -> Parking:
        """Begin a wait of this thread, for as long as its time limits allow. The lock of `turns` is held."""
        deadline = None if seconds is None else self.turns.now + nanoseconds(seconds)
        limits = self._limits.get(threading.get_ident())
        if limits:
            first = min(limit.deadline for limit in limits)
            deadline = first if deadline is None else min(deadline, first)
        return self.turns.park(deadline, why)

    def ring_expired_limits(self) -> None:
        """Ring the time limits of this thread that have run out."""
        limits = self._limits.get(threading.get_ident(), [])
        due = [limit for limit in limits if limit.deadline <= self.turns.now]
        for limit in due:
            limits.remove(limit)  # each rings once
        for limit in due:  # the outermost may raise: then the block is left that the others are for
            limit.ring()


class VirtualEvent:
    """An event whose waits follow a virtual clock."""

    __slots__ = ("_clock", "_parked", "_set", "why")

    def __init__(self, clock: VirtualClock, why: Why = "") -> None:
        self._clock = clock
        self._set = False
        self._parked: list[Parking] = []
        self.why = why

    def is_set(self) -> bool:
        """Say whether the flag is up."""
        return self._set

    def set(self) -> None:
        """Raise the flag; who waits is ready from here on."""
        turns = self._clock.turns
        with turns.lock:
            self._set = True
            for parking in self._parked:
                turns.wake(parking)
            self._parked.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait on virtual time; a time limit of this thread that runs out meanwhile is raised here."""
        if self._clock.before_wait is not None:
            self._clock.before_wait()
        turns = self._clock.turns
        with turns.lock:
            if self._set:
                return True
            parking = self._clock.park(timeout, self.why)
            self._parked.append(parking)
        turns.block(parking)
        if not self._set:
            self._clock.ring_expired_limits()
        return self._set


def nanoseconds(seconds: float) -> int:
    """Return the nearest whole number; asyncio allows its timers the one nanosecond that may be lost."""
    return seconds * _SECOND if isinstance(seconds, int) else round(seconds * _SECOND) or int(seconds > 0)
