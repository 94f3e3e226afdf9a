"""Real time limits on a block of sync code: raise an error inside it when it takes too long.

Python offers two ways to interrupt a thread, and neither is enough alone:

* On the main thread a timer signal (SIGALRM) interrupts even a blocking system call. There is one such timer in the
  process, so nested limits share it: whoever rings first asks the limit (or the foreign handler, pytest-timeout's say)
  below it whether it was meant.
* On any other thread an exception can be planted (`PyThreadState_SetAsyncExc`), which is raised before the next
  bytecode. A blocking C call is not interrupted until it returns; a warning then says that the limit is late.

Both race with the end of the block. The block's end disarms under a lock, and takes back a planted exception that has
not been raised yet.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any

#: How long a planted exception may stay unraised before we warn, in seconds.
LATE_AFTER = 1.0


@contextmanager
def time_limit(seconds: float, error: Exception) -> Iterator[None]:
    """Raise `error` inside the block once `seconds` have passed."""
    on_main = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    with _signal_limit(seconds, error) if on_main else _planted_limit(seconds, error):
        yield


@contextmanager
def _signal_limit(seconds: float, error: Exception) -> Iterator[None]:
    deadline = monotonic() + seconds
    armed = True

    def ring(signum: int, frame: FrameType | None) -> None:
        if armed and monotonic() >= deadline:
            raise error
        if callable(outer):
            outer(signum, frame)
        if armed:
            signal.setitimer(signal.ITIMER_REAL, max(deadline - monotonic(), 1e-6))

    outer: Any = signal.signal(signal.SIGALRM, ring)
    outer_left, outer_interval = signal.setitimer(signal.ITIMER_REAL, 0)
    outer_deadline = monotonic() + outer_left if outer_left else None
    first = min(seconds, outer_left) if outer_left else seconds
    try:
        signal.setitimer(signal.ITIMER_REAL, max(first, 1e-6))
        yield
    finally:
        try:
            armed = False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, outer)
            if outer_deadline is not None:
                signal.setitimer(signal.ITIMER_REAL, max(outer_deadline - monotonic(), 1e-6), outer_interval)


class _Planted:
    """A limit on a thread other than the main one."""

    def __init__(self, seconds: float, error: Exception) -> None:
        self.deadline = monotonic() + seconds
        self.thread_id = threading.get_ident()
        self.thread_name = threading.current_thread().name
        self.error = error
        # The interpreter takes a class only, and makes the instance itself; a class of its own tells limits apart.
        self.kind: type[Exception] = type(type(error).__name__, (type(error),), {"__init__": lambda planted: None})
        self.lock = threading.Lock()
        self.active = True
        self.planted = False

    def ring(self) -> float | None:
        """Plant the exception, or warn when it has been planted and is late; return when to ring again."""
        with self.lock:
            if not self.active:
                return None
            if self.planted:
                logging.getLogger("headrace").warning(
                    "%s The thread %r is in a blocking call, which can't be interrupted; the time-out takes effect "
                    "when the call returns.",
                    self.error,
                    self.thread_name,
                )
                return None
            _plant(self.thread_id, self.kind)
            self.planted = True
            return monotonic() + LATE_AFTER

    def end(self) -> None:
        """Disarm, and take back what has not been raised yet."""
        with self.lock:
            self.active = False
            if self.planted:
                _plant(self.thread_id, None)


def _plant(thread_id: int, kind: type[BaseException] | None) -> None:
    import ctypes  # takes milliseconds, and few runs have a limit on another thread

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(kind) if kind is not None else None
    )


@contextmanager
def _planted_limit(seconds: float, error: Exception) -> Iterator[None]:
    limit = _Planted(seconds, error)
    _ALARMS.add(limit)
    try:
        try:
            yield
        finally:
            limit.end()
    except limit.kind as raised:
        raise error.with_traceback(raised.__traceback__) from None


class _Alarms:
    """One daemon thread that rings the limits of all other threads, begun with the first of them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, _Planted]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, limit: _Planted) -> None:
        with self._changed:
            heapq.heappush(self._heap, (limit.deadline, next(self._order), limit))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="headrace-alarms", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _watch(self) -> None:
        while True:
            limit = self._next_due()
            again = limit.ring()
            if again is not None:
                with self._changed:
                    heapq.heappush(self._heap, (again, next(self._order), limit))

    def _next_due(self) -> _Planted:
        with self._changed:
            while not self._heap or self._heap[0][0] > monotonic():
                self._changed.wait(self._heap[0][0] - monotonic() if self._heap else None)
            return heapq.heappop(self._heap)[2]


_ALARMS = _Alarms()
