"""Real time limits on a block of sync code.

Python offers two ways to interrupt a thread, and neither is enough alone. On the main thread a timer signal
(SIGALRM) interrupts even a blocking system call. There is one such timer in the process, which nested
limits share, and which may be somebody else's. Any other thread is told by a thread that watches all their
limits; how the news gets in is up to who set the limit.
"""

from __future__ import annotations

import heapq
import itertools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from types import FrameType
from typing import Any

#: How long after the first ring the second comes, in seconds, if the block has not ended by then.
LATE_AFTER = 1.0

Ring = Callable[[], object]


def time_limit(seconds: float, ring: Ring) -> AbstractContextManager[None]:
    """Call `ring` when the block takes longer than `seconds`."""
    on_main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    return _signal_limit(seconds, ring) if on_main else _watched_limit(seconds, ring)


class _Alarm:
    """A limit on the main thread, or the timer that was set before ours (`interval`: it repeats)."""

    def __init__(self, deadline: float, ring: Ring, interval: float = 0.0) -> None:
        self.deadline = deadline
        self.interval = interval
        self.ring = ring


class _Alarms:
    """The nested limits of the main thread, outermost first: they share the one timer of the process.

    A timer that somebody else had set (pytest-timeout's) is kept as if it were the outermost limit: it rings in its
    time, by its own handler, and is given back what is left of it.
    """

    def __init__(self) -> None:
        self._alarms: list[_Alarm] = []
        self._foreign: _Alarm | None = None
        self._handler: Any = None
        self._depth = 0

    def enter(self, alarm: _Alarm) -> None:
        if self._depth == 0:
            self._take_over()
        self._depth += 1
        self._alarms.append(alarm)
        self._set_timer()

    def leave(self, alarm: _Alarm) -> None:
        if alarm in self._alarms:
            self._alarms.remove(alarm)
        self._depth -= 1
        if self._depth:
            self._set_timer()
        else:
            self._give_back()

    def _take_over(self) -> None:
        left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
        self._handler = signal.signal(signal.SIGALRM, self._rung)
        if left:
            self._foreign = _Alarm(monotonic() + left, lambda: None, interval)
            self._alarms.append(self._foreign)

    def _give_back(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._handler)
        self._set_timer()  # what is left now is the foreign one, if it has not rung
        self._alarms, self._foreign, self._handler = [], None, None

    def _set_timer(self) -> None:
        first = min((alarm.deadline for alarm in self._alarms), default=None)
        if first is None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            interval = self._alarms[0].interval if self._depth == 0 else 0.0
            signal.setitimer(signal.ITIMER_REAL, max(first - monotonic(), 1e-6), interval)

    def _rung(self, signum: int, frame: FrameType | None) -> None:
        now = monotonic()
        due = [alarm for alarm in self._alarms if alarm.deadline <= now]
        for alarm in due:
            if alarm.interval:
                alarm.deadline = now + alarm.interval
            else:
                self._alarms.remove(alarm)
        self._set_timer()
        for alarm in due:  # the outermost may raise: then the block is left that the others are for
            if alarm is not self._foreign:
                alarm.ring()
            elif callable(self._handler):
                self._handler(signum, frame)


_ALARMS = _Alarms()


@contextmanager
def _signal_limit(seconds: float, ring: Ring) -> Iterator[None]:
    alarm = _Alarm(monotonic() + seconds, ring)
    _ALARMS.enter(alarm)
    try:
        yield
    finally:
        _ALARMS.leave(alarm)


@contextmanager
def _watched_limit(seconds: float, ring: Ring) -> Iterator[None]:
    limit = _Watched(monotonic() + seconds, ring)
    _WATCH.add(limit)
    try:
        yield
    finally:
        limit.end()


class _Watched:
    """A limit on a thread other than the main one. Its lock keeps a ring from racing with the block's end."""

    def __init__(self, deadline: float, ring: Ring) -> None:
        self.deadline = deadline
        self._ring = ring
        self._lock = threading.Lock()
        self._active = True
        self._rung = False

    def ring(self) -> bool:
        """Ring, if the block has not ended; True: ring once more later."""
        with self._lock:
            if not self._active:
                return False
            self._ring()
            again, self._rung = not self._rung, True
            return again

    def end(self) -> None:
        """Disarm."""
        with self._lock:
            self._active = False


class _Watch:
    """One daemon thread that rings the limits of all other threads, begun with the first of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, _Watched]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, limit: _Watched) -> None:
        with self._changed:
            heapq.heappush(self._heap, (limit.deadline, next(self._order), limit))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="headrace-alarms", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _watch(self) -> None:
        while True:
            limit = self._next_due()
            if limit.ring():
                with self._changed:
                    heapq.heappush(self._heap, (monotonic() + LATE_AFTER, next(self._order), limit))

    def _next_due(self) -> _Watched:
        with self._changed:
            while not self._heap or self._heap[0][0] > monotonic():
                self._changed.wait(self._heap[0][0] - monotonic() if self._heap else None)
            return heapq.heappop(self._heap)[2]


_WATCH = _Watch()
