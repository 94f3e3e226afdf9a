"""Conditions and threads for code on virtual time.

Everything that waits in `threading`, `queue` and `concurrent.futures` (events, semaphores, barriers, timers, futures)
waits on a `Condition`, so beside `locks` it is enough to replace that one wait, and how threads begin and are joined.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from headrace.clock.protocol import Over
from headrace.clock.virtual import VirtualClock, VirtualEvent
from headrace.exceptions import SimulatedCrash
from headrace.runs.context import CURRENT
from headrace.testing.following.active import clock_here
from headrace.testing.following.locks import LOCAL

_CONDITION_WAIT = threading.Condition.wait
_START = threading.Thread.start
_JOIN = threading.Thread.join
_LOCK: Any = type(threading.Lock())
_RLOCK: Any = type(threading.RLock())


class _Waiter(VirtualEvent):
    """What a condition keeps of one that waits; `notify` releases it."""

    __slots__ = ()

    def release(self) -> None:
        """End the wait."""
        self.set()


def condition_wait(self: Any, timeout: float | None = None) -> bool:
    """Wait until notified, on virtual time where the thread is on it."""
    clock = clock_here()
    if clock is None or LOCAL.is_real:
        return _CONDITION_WAIT(self, timeout)
    if timeout is not None and timeout <= 0:
        if not _looks_for_ever(self, clock):
            return _CONDITION_WAIT(self, timeout)
        timeout = _A_MOMENT
    if not self._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = _Waiter(clock, "a condition to be notified")
    self._waiters.append(waiter)
    saved = _release_save(self)
    notified = False
    try:
        notified = waiter.wait(timeout)
        return notified
    finally:
        _acquire_restore(self, saved)
        if not notified:
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)


#: In virtual seconds: the least there is.
_A_MOMENT = 1e-9
#: How often in a row code may look at one condition at one moment without waiting.
_MOST_LOOKS = 200


def _looks_for_ever(condition: Any, clock: VirtualClock) -> bool:
    """Say whether this thread looks at a condition again and again, at one moment.

    Code that waits for what is left of a deadline (`concurrent.futures.as_completed`) does so exactly on the deadline.
    In real time some always passes between two looks.
    """
    look = id(condition), clock.time_ns()
    LOCAL.looks = LOCAL.looks + 1 if LOCAL.look == look else 1
    LOCAL.look = look
    return LOCAL.looks > _MOST_LOOKS


def _release_save(condition: Any) -> Any:
    """Give its lock back. A condition keeps methods that its lock had when it was made, so the lock itself is asked."""
    if type(condition._lock) is _RLOCK:
        return condition._lock._release_save()
    if type(condition._lock) is _LOCK:
        return condition._lock.release()
    return condition._release_save()


def _acquire_restore(condition: Any, saved: Any) -> None:
    if type(condition._lock) is _RLOCK:
        condition._lock._acquire_restore(saved)
    elif type(condition._lock) is _LOCK:
        condition._lock.acquire()
    else:
        condition._acquire_restore(saved)


def thread_start(self: Any) -> None:
    """Start a thread; one that is started by a participant takes part as well."""
    clock = clock_here()
    if clock is None:
        _START(self)
    elif self.name.startswith("headrace-"):
        _really_started(self, clock)  # the engine announces its own
    else:
        _started_as_participant(self, clock)


def _started_as_participant(thread: Any, clock: VirtualClock) -> None:
    announced = clock.turns.expect(_name_of(thread.name), background=thread.daemon)
    announced.outlives = getattr(thread, "_target", None) is _executor_worker()
    announced.within = None if announced.outlives else CURRENT.get()
    done, run = clock.event(f"the thread {thread.name!r} to end"), thread.run
    if clock.lines is not None and not announced.outlives:
        run = clock.lines.around(run)

    def lived() -> None:
        try:
            # What ends with its process, or its simulation, prints no traceback.
            with contextlib.suppress(SimulatedCrash, Over), clock.adopt_participant(announced):
                try:
                    run()
                finally:
                    done.set()
        finally:
            del thread.run

    thread.run = lived
    thread._headrace_done = clock, done
    try:
        _really_started(thread, clock)
    except BaseException:
        clock.turns.withdraw(announced)
        raise


#: What threads are called that nobody has named: they are counted over all of the process.
_UNNAMED = re.compile(r"Thread-\d+(?: \((?P<target>.*)\))?|(?P<executor>ThreadPoolExecutor)-\d+_\d+")


def _name_of(name: str) -> str:
    """Return the name of a thread without its number, which is another each time."""
    unnamed = _UNNAMED.fullmatch(name)
    return name if unnamed is None else unnamed["target"] or unnamed["executor"] or "thread"


def _executor_worker() -> Any:
    """Return what the threads of an executor run: they wait for work as long as it lives."""
    executors = sys.modules.get("concurrent.futures.thread")
    return getattr(executors, "_worker", _executor_worker)


def _really_started(thread: Any, clock: VirtualClock) -> None:
    with _for_a_moment(clock, "a thread to start"):
        _START(thread)


@contextlib.contextmanager
def _for_a_moment(clock: VirtualClock, why: str) -> Iterator[None]:
    """Wait, in real time, for the first or last instructions of another thread, and keep the turn meanwhile."""
    with clock.delegating(why), _in_real_time():
        yield


@contextlib.contextmanager
def _in_real_time() -> Iterator[None]:
    LOCAL.is_real = True
    try:
        yield
    finally:
        LOCAL.is_real = False


def thread_join(self: Any, timeout: float | None = None) -> None:
    """Wait for a thread to end; for one that takes part, on virtual time."""
    clock = clock_here()
    taking_part = getattr(self, "_headrace_done", None)
    if clock is None:
        _JOIN(self, timeout)
    elif taking_part is not None and taking_part[0] is clock:
        if taking_part[1].wait(timeout):
            with _for_a_moment(clock, "a thread to end"):
                _JOIN(self)
    elif self.name.startswith("headrace-"):  # the engine waits for what its own do before it joins them
        with _for_a_moment(clock, "a thread to end"):
            _JOIN(self, timeout)
    else:
        with clock.in_flight(f"the thread {self.name!r} to end"), _in_real_time():
            _JOIN(self, timeout)


#: Methods to be replaced: owner, name, stand-in.
METHODS: list[tuple[type, str, Callable[..., Any]]] = [
    (threading.Condition, "wait", condition_wait),
    (threading.Thread, "start", thread_start),
    (threading.Thread, "join", thread_join),
]
