"""When something from outside may interrupt a thread: only while user code runs, or while it waits.

A signal, a time-out or a cancellation that arrives while the engine is at work (a store write, say) is remembered, and
delivered when the next call or wait begins. In its own thread an interrupt is simply raised. To another thread an
exception is planted, under a lock, so that it can't hit the engine; it is raised before the next bytecode, and so not
before a blocking C call returns. The main thread gets a signal instead, which ends blocking calls too.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from headrace.exceptions import TerminationSignal


class Guard:
    """The interrupts of one thread that drives runs. Begins closed.

    `wake` is set while the thread waits in the engine: calling it ends the wait, and the waiter looks at `pending`.
    `delivered` is the last interrupt that was raised in user code.
    """

    __slots__ = ("_lock", "_planted", "delivered", "is_open", "pending", "thread_id", "wake")

    def __init__(self) -> None:
        self.thread_id = threading.get_ident()
        self.is_open = False
        self.pending: BaseException | None = None
        self.delivered: BaseException | None = None
        self.wake: Callable[[], object] | None = None
        self._planted: BaseException | None = None
        self._lock = threading.RLock()

    def open(self) -> None:
        """Let interrupts through. Raises the one that came while the guard was closed."""
        self.is_open = True
        if self.pending is not None:
            self._raise(self.pending)

    def close(self) -> None:
        """Hold interrupts back; one that was planted and has not been raised stays pending."""
        with self._lock:
            self.is_open = False
            if self._planted is not None:
                _plant(self.thread_id, None)
                self._planted = None

    def interrupt(self, reason: BaseException) -> None:
        """Interrupt the thread with this exception, now if it may be, else as soon as it may be."""
        if threading.get_ident() == self.thread_id:
            if self.is_open:
                self._raise(reason)
            self.pending = reason
            return
        with self._lock:
            self.pending = reason
            if self.wake is not None:
                self.wake()
            elif self.is_open:
                self._reach(reason)

    def raised(self, error: BaseException) -> BaseException:
        """Return the interrupt that an exception stands for, if it was planted here; else the exception."""
        original: BaseException | None = getattr(error, "headrace_original", None)
        if original is None:
            return error
        self.delivered, self.pending, self._planted = original, None, None
        return original.with_traceback(error.__traceback__)

    def take_pending(self) -> BaseException | None:
        """Return what came while the guard was closed, once."""
        with self._lock:
            self.delivered, self.pending = self.pending, None
        return self.delivered

    @property
    def is_late(self) -> bool:
        """Say whether an interrupt was planted and has not been raised yet."""
        return self._planted is not None

    def _raise(self, reason: BaseException) -> None:
        self.is_open = False
        self.delivered, self.pending = reason, None
        raise reason

    def _reach(self, reason: BaseException) -> None:
        if _signals.heard and self.thread_id == threading.main_thread().ident:
            signal.pthread_kill(self.thread_id, signal.SIGINT)  # the handler finds `pending`
            return
        self._planted = reason
        # The interpreter takes a class and makes the instance itself; a class of its own leads back to ours.
        body: dict[str, Any] = {"__init__": lambda planted: None, "headrace_original": reason}
        _plant(self.thread_id, type(type(reason).__name__, (type(reason),), body))


def _plant(thread_id: int, kind: type[BaseException] | None) -> None:
    import ctypes  # takes milliseconds, and few runs are interrupted from another thread

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(kind) if kind is not None else None
    )


class _ThreadLocal(threading.local):
    guard: Guard | None = None


class _Signals:
    """Whether our handler of SIGINT is installed."""

    heard = False


_local = _ThreadLocal()
_signals = _Signals()


def thread_guard() -> Guard:
    """Return the guard of this thread."""
    guard = _local.guard
    if guard is None:
        guard = _local.guard = Guard()
    return guard


@contextmanager
def signals(interrupt: Callable[[BaseException], object], guard: Guard) -> Iterator[None]:
    """Hear SIGINT and SIGTERM for the outermost run on the main thread; SIGTERM is delivered again after the block.

    Handlers of the user's own are left alone. Does nothing on other threads, or where an outer run hears already.
    """
    if _signals.heard or threading.current_thread() is not threading.main_thread():
        yield
        return
    terminations: list[TerminationSignal] = []

    def interrupted(signum: int, frame: FrameType | None) -> None:
        interrupt(guard.take_pending() or KeyboardInterrupt())

    def terminated(signum: int, frame: FrameType | None) -> None:
        terminations.append(TerminationSignal(signum))
        interrupt(terminations[-1])

    heard = _hear(signal.SIGINT, signal.default_int_handler, interrupted)
    heard += _hear(signal.SIGTERM, signal.SIG_DFL, terminated)
    _signals.heard = any(signum == signal.SIGINT for signum, _ in heard)
    try:
        yield
    finally:
        _signals.heard = False
        for signum, usual in heard:
            signal.signal(signum, usual)
        if terminations:
            os.kill(os.getpid(), terminations[0].signal)


def _hear(signum: int, usual: Any, handler: Any) -> list[tuple[int, Any]]:
    if signal.getsignal(signum) is not usual:
        return []
    signal.signal(signum, handler)
    return [(signum, usual)]
