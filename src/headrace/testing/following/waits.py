"""Locks, conditions and threads for code on virtual time.

Everything that waits in `threading`, `queue` and `concurrent.futures` (events, semaphores, barriers, timers, futures)
waits on a `Condition`, so it is enough to replace that one wait, the locks, and how threads begin and are joined.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from headrace.clock.virtual import VirtualClock, VirtualEvent
from headrace.exceptions import SimulatedCrash
from headrace.runs.context import CURRENT
from headrace.testing.following.active import clock_here, clock_of

_CONDITION_WAIT = threading.Condition.wait
_START = threading.Thread.start
_JOIN = threading.Thread.join
_LOCK: Callable[[], Any] = threading.Lock
_RLOCK: Callable[[], Any] = threading.RLock
_SIMPLE_QUEUE = queue.SimpleQueue


class _Waiter(VirtualEvent):
    """What a condition keeps of one that waits; `notify` releases it."""

    __slots__ = ()

    def release(self) -> None:
        """End the wait."""
        self.set()


def condition_wait(self: Any, timeout: float | None = None) -> bool:
    """Wait until notified, on virtual time where the thread is on it."""
    clock = clock_here()
    if clock is None or _LOCAL.is_starting or (timeout is not None and timeout <= 0):
        return _CONDITION_WAIT(self, timeout)
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = _Waiter(clock, "a condition to be notified")
    self._waiters.append(waiter)
    saved = self._release_save()
    notified = False
    try:
        notified = waiter.wait(timeout)
        return notified
    finally:
        self._acquire_restore(saved)
        if not notified:
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)


class _Local(threading.local):
    #: While a thread waits for the first instruction of another, which is a real wait.
    is_starting = False


_LOCAL = _Local()


def thread_start(self: Any) -> None:
    """Start a thread; one that is started by a participant takes part as well."""
    clock = clock_here()
    if clock is None:
        _START(self)
    elif self.name.startswith("headrace-"):
        _really_started(self)  # the engine announces its own
    else:
        _started_as_participant(self, clock)


def _started_as_participant(thread: Any, clock: VirtualClock) -> None:
    announced = clock.turns.expect(thread.name, background=thread.daemon)
    announced.outlives = getattr(thread, "_target", None) is _executor_worker()
    announced.within = None if announced.outlives else CURRENT.get()
    done, run = clock.event(f"the thread {thread.name!r} to end"), thread.run

    def lived() -> None:
        try:
            with clock.adopt_participant(announced):
                try:
                    with contextlib.suppress(SimulatedCrash):  # a process that dies prints no traceback
                        run()
                finally:
                    done.set()
        finally:
            del thread.run

    thread.run = lived
    thread._headrace_done = clock, done
    try:
        _really_started(thread)
    except BaseException:
        clock.turns.withdraw(announced)
        raise


def _executor_worker() -> Any:
    """Return what the threads of an executor run: they wait for work as long as it lives."""
    executors = sys.modules.get("concurrent.futures.thread")
    return getattr(executors, "_worker", _executor_worker)


def _really_started(thread: Any) -> None:
    _LOCAL.is_starting = True
    try:
        _START(thread)
    finally:
        _LOCAL.is_starting = False


def thread_join(self: Any, timeout: float | None = None) -> None:
    """Wait for a thread to end; for one that takes part, on virtual time."""
    clock = clock_here()
    taking_part = getattr(self, "_headrace_done", None)
    if clock is None:
        _JOIN(self, timeout)
    elif taking_part is not None and taking_part[0] is clock:
        if taking_part[1].wait(timeout):
            _JOIN(self)
    else:
        with clock.in_flight(f"the thread {self.name!r} to end"):
            _JOIN(self, timeout)


class VirtualLock:
    """A lock for which participants wait on virtual time, and others in real time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._real = _LOCK()
        self._waiting: deque[VirtualEvent] = deque()
        self._holder = ""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; see `threading.Lock`."""
        if _LOCAL.is_starting or clock_here() is not self._clock:
            return bool(self._real.acquire(blocking, timeout))
        if blocking:
            self._clock.turns.step("takes a lock")
        deadline = None if timeout < 0 else self._clock.monotonic_ns() + int(timeout * 1e9)
        while not self._real.acquire(False):
            if not blocking or not self._wait(deadline):
                return False
        here = self._clock.turns.here()
        self._holder = here.name if here is not None else ""
        return True

    def _wait(self, deadline: int | None) -> bool:
        left = None if deadline is None else (deadline - self._clock.monotonic_ns()) / 1e9
        if left is not None and left <= 0:
            return False
        event = self._clock.event(lambda: f"a lock, held by {self._holder}")
        self._waiting.append(event)
        try:
            event.wait(left)
        finally:
            if not event.is_set():
                self._waiting.remove(event)
        return True

    def release(self) -> None:
        """Give the lock back; see `threading.Lock`."""
        self._real.release()
        self._holder = ""
        if self._waiting:
            self._waiting.popleft().set()

    def locked(self) -> bool:
        """Say whether somebody holds it."""
        return bool(self._real.locked())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._real._at_fork_reinit()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {'held by ' + self._holder if self.locked() else 'free'}>"


class VirtualRLock(VirtualLock):
    """A lock that its holder may take again."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, once more where this thread holds it."""
        me = threading.get_ident()
        if self._owner != me:
            if not super().acquire(blocking, timeout):
                return False
            self._owner = me
        self._depth += 1
        return True

    def release(self) -> None:
        """Give the lock back once."""
        if self._owner != threading.get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        self._depth -= 1
        if not self._depth:
            self._owner = None
            super().release()

    def _is_owned(self) -> bool:
        return self._owner == threading.get_ident()

    def _release_save(self) -> int:
        depth, self._depth, self._owner = self._depth, 0, None
        super().release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        super().acquire()
        self._depth, self._owner = depth, threading.get_ident()


def lock() -> Any:
    """Make a lock: a virtual one for code on virtual time."""
    clock = clock_of(sys._getframe(1))
    return _LOCK() if clock is None else VirtualLock(clock)


def rlock() -> Any:
    """Make a lock that may be taken again: a virtual one for code on virtual time."""
    clock = clock_of(sys._getframe(1))
    return _RLOCK() if clock is None else VirtualRLock(clock)


def simple_queue() -> Any:
    """Make a simple queue: for code on virtual time the one that is written in Python, on a semaphore."""
    clock = clock_of(sys._getframe(1))
    return _SIMPLE_QUEUE() if clock is None else queue._PySimpleQueue()  # type: ignore[attr-defined]


#: The stand-ins, by what each stands in for.
FACTORIES: dict[Callable[..., Any], Callable[..., Any]] = {_LOCK: lock, _RLOCK: rlock, _SIMPLE_QUEUE: simple_queue}
#: Methods to be replaced: owner, name, stand-in.
METHODS: list[tuple[type, str, Callable[..., Any]]] = [
    (threading.Condition, "wait", condition_wait),
    (threading.Thread, "start", thread_start),
    (threading.Thread, "join", thread_join),
]
