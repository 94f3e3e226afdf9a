"""Real time limits on a block of sync code.

Python offers two ways to interrupt a thread, and neither is enough alone. On the main thread a timer signal (SIGALRM)
interrupts even a blocking system call. There is one such timer in the process, so nested limits share it: whoever rings
first lets the limit (or the foreign handler, pytest-timeout's say) below it know. Any other thread is told by a thread
that watches all their limits; how the news gets in is up to who set the limit.
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


@contextmanager
def _signal_limit(seconds: float, ring: Ring) -> Iterator[None]:
    deadline = monotonic() + seconds
    armed = True

    def alarm(signum: int, frame: FrameType | None) -> None:
        nonlocal armed
        if armed and monotonic() >= deadline:
            armed = False
            _set_timer(outer_deadline, outer_interval)
            ring()
            return
        if callable(outer):
            outer(signum, frame)
        if armed:
            _set_timer(deadline)

    outer: Any = signal.signal(signal.SIGALRM, alarm)
    outer_left, outer_interval = signal.setitimer(signal.ITIMER_REAL, 0)
    outer_deadline = monotonic() + outer_left if outer_left else None
    try:
        _set_timer(min(deadline, outer_deadline) if outer_deadline else deadline)
        yield
    finally:
        try:
            armed = False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, outer)
            _set_timer(outer_deadline, outer_interval)


def _set_timer(deadline: float | None, interval: float = 0.0) -> None:
    if deadline is not None:
        signal.setitimer(signal.ITIMER_REAL, max(deadline - monotonic(), 1e-6), interval)


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
