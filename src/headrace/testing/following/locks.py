"""Locks and simple queues for code on virtual time: the real ones, which participants wait for in turns.

`Condition`, and all that is built on it, works through the methods of its lock, so it takes part as well.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from headrace.clock.virtual import VirtualClock
from headrace.testing.following.active import clock_of
from headrace.testing.following.lines import come_free, wait_for

_LOCK: Any = type(threading.Lock())
_RLOCK: Any = type(threading.RLock())
_QUEUE: Any = queue.SimpleQueue

#: The methods as they were before anybody replaced them.
_ACQUIRE, _RELEASE = _LOCK.acquire, _LOCK.release
_REACQUIRE, _UNRELEASE = _RLOCK.acquire, _RLOCK.release
_SAVE, _RESTORE = _RLOCK._release_save, _RLOCK._acquire_restore
_GET, _PUT = _QUEUE.get, _QUEUE.put

#: Modules that hold their locks for a moment, in which nothing happens: nobody ever waits for one. Some are taken once
#: in a process, and would else be a step of its first simulation alone.
_MOMENTARY = frozenset({"asyncio.events", "asyncio.mixins"})

#: Packages whose events, queues and futures take locks for who uses them.
_BUILT_ON_LOCKS = frozenset({"threading", "queue", "concurrent"})

#: For how many real seconds a lock is waited for that no participant holds, before the others may go on.
_BRIEFLY = 0.05

#: The clock and the name of the participant that holds a lock, by the id of the lock.
_HOLDERS: dict[int, tuple[VirtualClock, str]] = {}


class _Local(threading.local):
    #: While a thread waits for the first or the last instruction of another, which is a real wait.
    is_real = False
    #: The condition, by its id, and the moment at which the thread last looked at one without waiting; how often.
    look: tuple[int, int] | None = None
    looks = 0


LOCAL = _Local()


def _clock(frame: FrameType) -> VirtualClock | None:
    """Return the clock that the caller waits by; None: it waits in real time."""
    if LOCAL.is_real or frame.f_globals.get("__name__") in _MOMENTARY:
        return None
    clock = clock_of(frame)
    return None if clock is None or clock.turns.lock._is_owned() or _is_engines(frame) else clock


def _is_engines(frame: FrameType | None) -> bool:
    """Say whether the engine takes a lock, be it within an event: it may hold another, and make no step meanwhile."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        package = module.partition(".")[0]
        if package not in _BUILT_ON_LOCKS:  # threads of users' begin in a function of this package
            return package == "headrace" and not module.startswith(__package__ or "")
        frame = frame.f_back
    return False


def _take(clock: VirtualClock, really: Callable[..., bool], lock: Any, blocking: bool, timeout: float) -> bool:
    if not blocking or (timeout < 0 and timeout != -1):
        taken = really(lock, blocking, timeout)
    else:
        clock.turns.step("takes a lock")
        taken = really(lock, False) or _wait(clock, really, lock, None if timeout == -1 else timeout)
    if taken:
        here = clock.turns.here()
        _HOLDERS[id(lock)] = clock, here.acting.name if here is not None else ""
    return taken


def _wait(clock: VirtualClock, really: Callable[..., bool], lock: Any, seconds: float | None) -> bool:
    whose, _ = _HOLDERS.get(id(lock), (None, ""))
    if whose is clock:
        taken = wait_for(clock, lock, lambda: really(lock, False), seconds, lambda: f"a lock, held by {_holder(lock)}")
        return taken or (seconds is None and really(lock))  # the simulation has ended, and this thread goes on
    if seconds is None or seconds > _BRIEFLY:
        if really(lock, True, _BRIEFLY):
            return True
        with clock.in_flight("a lock, held by code that takes no part in the simulation"):
            return really(lock, True, -1 if seconds is None else seconds)
    return really(lock, True, seconds)


def forget_holders() -> None:
    """Know nothing of locks that nobody gave back while the last clock was followed."""
    _HOLDERS.clear()


def _holder(lock: Any) -> str:
    return _HOLDERS.get(id(lock), (None, "nobody"))[1]


def _given_back(lock: Any) -> None:
    _HOLDERS.pop(id(lock), None)
    come_free(lock)


def acquire(self: Any, blocking: bool = True, timeout: float = -1) -> bool:
    """Take a lock; see `threading.Lock`."""
    clock = _clock(sys._getframe(1))
    return _ACQUIRE(self, blocking, timeout) if clock is None else _take(clock, _ACQUIRE, self, blocking, timeout)


def release(self: Any) -> None:
    """Give a lock back."""
    _RELEASE(self)
    _given_back(self)


def enter(self: Any) -> bool:
    """Take a lock."""
    clock = _clock(sys._getframe(1))
    return _ACQUIRE(self) if clock is None else _take(clock, _ACQUIRE, self, True, -1)


def leave(
    self: Any, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
) -> None:
    """Give a lock back."""
    release(self)


def reacquire(self: Any, blocking: bool = True, timeout: float = -1) -> bool:
    """Take a lock, once more where this thread holds it; see `threading.RLock`."""
    clock = _clock(sys._getframe(1))
    return _REACQUIRE(self, blocking, timeout) if clock is None else _take(clock, _REACQUIRE, self, blocking, timeout)


def unrelease(self: Any) -> None:
    """Give it back once."""
    _UNRELEASE(self)
    if not self._is_owned():
        _given_back(self)


def reenter(self: Any) -> bool:
    """Take a lock, once more where this thread holds it."""
    clock = _clock(sys._getframe(1))
    return _REACQUIRE(self) if clock is None else _take(clock, _REACQUIRE, self, True, -1)


def releave(
    self: Any, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
) -> None:
    """Give it back once."""
    unrelease(self)


def release_save(self: Any) -> tuple[int, int]:
    """Give it back, however often it was taken, and return what `acquire_restore` needs."""
    saved: tuple[int, int] = _SAVE(self)
    _given_back(self)
    return saved


def acquire_restore(self: Any, saved: tuple[int, int]) -> None:
    """Take it as often as it had been."""
    clock = _clock(sys._getframe(1))
    if clock is None:
        _RESTORE(self, saved)
        return
    _take(clock, _REACQUIRE, self, True, -1)
    for _ in range(saved[0] - 1):
        _REACQUIRE(self)


def get(self: Any, block: bool = True, timeout: float | None = None) -> Any:
    """Take the first item; see `queue.SimpleQueue`."""
    clock = _clock(sys._getframe(1))
    if clock is None or not block or (timeout is not None and timeout < 0):
        return _GET(self, block, timeout)
    clock.turns.step("takes from a queue")
    items: list[Any] = []

    def take() -> bool:
        try:
            items.append(_GET(self, False))
        except queue.Empty:
            return False
        return True

    if wait_for(clock, self, take, timeout, "an item of a queue"):
        return items[0]
    return _GET(self, timeout is None)  # raises Empty; or the simulation has ended, and this thread goes on


def put(self: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
    """Append an item; see `queue.SimpleQueue`."""
    clock = _clock(sys._getframe(1))
    if clock is not None:
        clock.turns.step("puts into a queue")
    _PUT(self, item)
    come_free(self)


def put_nowait(self: Any, item: Any) -> None:
    """Append an item."""
    put(self, item)


#: Methods to be replaced: owner, name, stand-in.
METHODS: list[tuple[type, str, Callable[..., Any]]] = [
    (_LOCK, "acquire", acquire),
    (_LOCK, "acquire_lock", acquire),
    (_LOCK, "release", release),
    (_LOCK, "release_lock", release),
    (_LOCK, "__enter__", enter),
    (_LOCK, "__exit__", leave),
    (_RLOCK, "acquire", reacquire),
    (_RLOCK, "release", unrelease),
    (_RLOCK, "__enter__", reenter),
    (_RLOCK, "__exit__", releave),
    (_RLOCK, "_release_save", release_save),
    (_RLOCK, "_acquire_restore", acquire_restore),
    (_QUEUE, "get", get),
    (_QUEUE, "put", put),
    (_QUEUE, "put_nowait", put_nowait),
]
