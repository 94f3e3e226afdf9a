"""A clock that jumps over every wait.

Threads that work for a run are *participants*. While one of them runs, time stands still; when all of them wait, the
clock jumps to the earliest deadline and wakes who waits for it, one at a time, first come first served. Whoever makes
another participant runnable (sets an event, hands work to a thread) counts it as running *before* it is released, so
that the clock can't jump over work in flight.

What this clock can't see is a participant in a real wait: a socket, a lock of the user's own. It holds the clock still
until it moves on. Because that could be for ever (the participant waits for a thread that waits for the clock), a wait
whose time would come gives up on the others after `stall_seconds` of real time and lets the clock jump.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from headrace.clock.protocol import datetime_of, nanoseconds_of

if TYPE_CHECKING:
    import asyncio

_SECOND = 1_000_000_000
_DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)


class Parking:
    """One wait of one thread. `deadline` is in virtual nanoseconds, None for ever."""

    __slots__ = ("_gate", "counted", "deadline", "on_wake", "woken")

    def __init__(self, deadline: int | None, counted: bool, on_wake: Callable[[], None] | None) -> None:
        self.deadline = deadline
        self.counted = counted
        self.on_wake = on_wake
        self.woken = False
        self._gate = threading.Lock()
        self._gate.acquire()

    def release(self) -> None:
        """Let the thread go."""
        self._gate.release()
        if self.on_wake is not None:
            self.on_wake()

    def block(self, timeout: float) -> bool:
        """Wait for `release`, at most `timeout` real seconds."""
        return self._gate.acquire(timeout=timeout)


class _Limit(NamedTuple):
    """A time limit of one thread; the deadline is in virtual nanoseconds."""

    deadline: int
    ring: Callable[[], object]


class VirtualClock:
    """A clock at `start` (aware; default 2026-01-01 UTC) that moves only when everybody waits.

    `elapsed` is what has passed since then in virtual seconds. Compares equal to that number, so that a test can say
    ``assert clock == 30``.
    """

    def __init__(self, start: datetime = _DEFAULT_START, *, stall_seconds: float = 1.0) -> None:
        if start.tzinfo is None:
            raise ValueError(f"A virtual clock starts at an aware datetime, not at the naive {start!r}: add tzinfo.")
        self._start = self._now = nanoseconds_of(start)
        self._stall_seconds = stall_seconds
        self._lock = threading.RLock()
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, Parking]] = []
        self._participants: Counter[int] = Counter()
        self._running = 0
        self._limits: dict[int, list[_Limit]] = {}

    # reading ---------------------------------------------------------------------------------------------------

    def time_ns(self) -> int:
        """Return virtual nanoseconds since 1970."""
        return self._now

    def monotonic_ns(self) -> int:
        """Return virtual nanoseconds from a beginning that is not 1970, so that code that mixes clocks shows."""
        return self._now - self._start + 1_000 * _SECOND

    def now(self) -> datetime:
        """Return the virtual moment, aware UTC."""
        return datetime_of(self._now)

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start; an int where they are whole."""
        passed = self._now - self._start
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
        self.event().wait(seconds)

    def event(self) -> VirtualEvent:
        """Return an event whose waits follow this clock."""
        return VirtualEvent(self)

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop on virtual time."""
        from headrace.clock.loop import VirtualEventLoop  # asyncio is slow to import

        return VirtualEventLoop(self)

    @contextmanager
    def time_limit(self, seconds: float, ring: Callable[[], object]) -> Iterator[None]:
        """Call `ring` in the wait, of this thread, that would go beyond `seconds` from now."""
        thread = threading.get_ident()
        limit = _Limit(self._now + _nanoseconds(seconds), ring)
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

    @contextmanager
    def participant(self) -> Iterator[None]:
        """Hold the clock while this thread runs in the block."""
        with self._lock:
            self._join(announced=False)
        try:
            yield
        finally:
            with self._lock:
                self._leave()

    def expect_participant(self) -> None:
        """Hold the clock for a participant that starts in a moment in another thread."""
        with self._lock:
            self._running += 1

    def adopt_participant(self) -> AbstractContextManager[None]:
        """Be the participant that was announced."""
        return self._adopted()

    @contextmanager
    def _adopted(self) -> Iterator[None]:
        with self._lock:
            self._join(announced=True)
        try:
            yield
        finally:
            with self._lock:
                self._leave()

    def _join(self, announced: bool) -> None:
        thread = threading.get_ident()
        self._participants[thread] += 1
        already_counted = self._participants[thread] > 1
        if announced == already_counted:
            self._running += -1 if announced else 1

    def _leave(self) -> None:
        thread = threading.get_ident()
        self._participants[thread] -= 1
        if not self._participants[thread]:
            del self._participants[thread]
            self._running -= 1
            self._jump_if_idle()

    # waiting: all with the lock held -----------------------------------------------------------------------------

    def _park(self, seconds: float | None, on_wake: Callable[[], None] | None = None) -> Parking:
        deadline = None if seconds is None else self._now + _nanoseconds(seconds)
        limits = self._limits.get(threading.get_ident())
        if limits:
            first = min(limit.deadline for limit in limits)
            deadline = first if deadline is None else min(deadline, first)
        counted = threading.get_ident() in self._participants
        parking = Parking(deadline, counted, on_wake)
        if deadline is not None:
            heapq.heappush(self._waiting, (deadline, next(self._order), parking))
        if counted:
            self._running -= 1
        self._jump_if_idle()
        return parking

    def _wake(self, parking: Parking) -> None:
        if not parking.woken:
            parking.woken = True
            if parking.counted:
                self._running += 1
            parking.release()

    def _jump_if_idle(self, stalled: bool = False) -> None:
        if self._running > 0 and not stalled:
            return
        while self._waiting:
            deadline, _, parking = heapq.heappop(self._waiting)
            if not parking.woken:
                self._now = max(self._now, deadline)
                self._wake(parking)
                return

    def _block(self, parking: Parking) -> None:
        """Wait until woken; when nothing moves for a while in real time, let the clock jump all the same."""
        while not parking.block(self._stall_seconds):
            with self._lock:
                if not parking.woken and parking.deadline is not None:
                    self._jump_if_idle(stalled=True)

    def _ring_expired_limits(self) -> None:
        limits = self._limits.get(threading.get_ident(), [])
        due = [limit for limit in limits if limit.deadline <= self._now]
        for limit in due:
            limits.remove(limit)  # each rings once
        for limit in due:  # the outermost may raise: then the block is left that the others are for
            limit.ring()


class VirtualEvent:
    """An event whose waits follow a virtual clock."""

    __slots__ = ("_clock", "_parked", "_set")

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._set = False
        self._parked: list[Parking] = []

    def is_set(self) -> bool:
        """Say whether the flag is up."""
        return self._set

    def set(self) -> None:
        """Raise the flag; who waits counts as running from here on."""
        clock = self._clock
        with clock._lock:
            self._set = True
            for parking in self._parked:
                clock._wake(parking)
            self._parked.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait on virtual time; a time limit of this thread that runs out meanwhile is raised here."""
        clock = self._clock
        with clock._lock:
            if self._set:
                return True
            parking = clock._park(timeout)
            self._parked.append(parking)
        try:
            clock._block(parking)
        except BaseException:
            with clock._lock:
                clock._wake(parking)  # a signal ended the wait: this thread runs again
            raise
        if not self._set:
            clock._ring_expired_limits()
        return self._set


def _nanoseconds(seconds: float) -> int:
    """Return the nearest whole number; asyncio allows its timers the one nanosecond that may be lost."""
    return seconds * _SECOND if isinstance(seconds, int) else round(seconds * _SECOND) or int(seconds > 0)
