"""When something from outside may interrupt a thread: only while user code runs, or while it waits.

A signal, a time-out or a cancellation that arrives while the engine is at work (a store write, say) is remembered, and
delivered when the next call or wait begins, or when the thread is back in user code. In its own thread an interrupt is
simply raised. To another thread an exception is planted, under a lock, so that it can't hit the engine; it is raised
before the next bytecode, and so not before a blocking C call returns. The main thread gets SIGURG instead, which ends
blocking calls too: what does not know of it ignores it, so it means nothing to the processes that user code starts.

User code that was interrupted may clean up undisturbed: what comes then is told later. A further signal is not: who
presses Ctrl-C again does not want to wait for that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from headrace.exceptions import CancelRequested, SimulatedCrash, TerminationSignal, TimeIsUp

if TYPE_CHECKING:
    import asyncio

    from headrace.clock import Clock


class Guard:
    """The interrupts of one thread that drives runs. Begins closed.

    `wake` is set while the thread waits in the engine: calling it ends the wait, and the waiter takes what is pending.
    `delivered` is the last interrupt that was raised in user code. `is_ajar`: that code cleans up now, and a signal
    gets in, but nothing else.
    """

    __slots__ = ("_lock", "_pending", "_planted", "delivered", "is_ajar", "is_open", "thread_id", "wake")

    def __init__(self) -> None:
        self.thread_id = threading.get_ident()
        self.is_open = False
        self.is_ajar = False
        self.delivered: BaseException | None = None
        self.wake: Callable[[], object] | None = None
        self._pending: list[BaseException] = []
        self._planted: BaseException | None = None
        self._lock = threading.RLock()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop in which the thread waits; None where it waits by itself."""
        return None

    # in the thread itself ----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Let interrupts through. Raises the one that came while the guard was closed."""
        with self._lock:
            self.is_open = True  # first: a signal that comes from here on is raised at once
            if self._pending:
                self._raise()

    def close(self) -> None:
        """Hold interrupts back; one that was planted and has not been raised stays pending."""
        self.is_ajar = False
        if not self.is_open and self._planted is None:
            return  # closed already: nobody plants anything then
        with self._lock:
            self.is_open = False
            if self._planted is not None:
                self._planted = None
                _take_back()

    def shut(self) -> bool | None:
        """Close, and say how the guard stood, for `reopen`: open, closed (False) or ajar (None)."""
        stood = None if self.is_ajar else self.is_open
        self.close()
        return stood

    def restore(self, stood: bool | None) -> None:
        """Stand as before `shut`, while an error is on its way already: what is pending is told later."""
        self.is_open, self.is_ajar = stood is True, stood is None

    def reopen(self, stood: bool | None) -> None:
        """Stand as before `shut`: back in user code, which is told of what came meanwhile."""
        if stood:
            self.open()
        elif stood is None:
            self.restore(stood)
            if self._pending and _is_signal(self._pending[0]):
                self._raise()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let interrupts through in a block of user code, inside a run or not."""
        stood = self.shut()
        try:
            self.open()
            yield
        except BaseException:
            self.close()
            self.restore(stood)
            raise
        self.close()
        self.reopen(stood)

    def raised(self, error: BaseException) -> BaseException:
        """Return the interrupt that an exception stands for, if it was planted here; else the exception."""
        original: BaseException | None = getattr(error, "headrace_original", None)
        if original is None:
            return error
        self.withdraw(original)
        self.delivered = original
        return original.with_traceback(error.__traceback__)

    def take_pending(self) -> BaseException | None:
        """Return what came while the guard was closed, once."""
        return self._taken() if self._pending else None

    def withdraw(self, reason: BaseException) -> None:
        """Take an interrupt back that has not been delivered: what it was to end has ended."""
        with self._lock:
            if reason in self._pending:
                self._pending.remove(reason)

    def count_as_delivered(self, reason: BaseException) -> None:
        """Deliver this interrupt no more: it has reached the thread in another way."""
        with self._lock:
            self.delivered = reason
        self.withdraw(reason)

    def withdraw_cancel(self, flow_run_id: object) -> None:
        """Take back what is to end a flow run that has ended."""
        for reason in list(self._pending):
            if isinstance(reason, CancelRequested | SimulatedCrash) and reason.flow_run_id == flow_run_id:
                self.withdraw(reason)

    def _taken(self) -> BaseException:
        with self._lock:
            self.delivered = reason = self._pending.pop(0)
        return reason

    # from anywhere -----------------------------------------------------------------------------------------------

    def interrupt(self, reason: BaseException) -> None:
        """Interrupt the thread with this exception, now if it may be, else as soon as it may be."""
        if threading.get_ident() == self.thread_id:
            if self._remember(reason) and (self.is_open or (self.is_ajar and _is_signal(reason))):
                self._raise()
            return
        with self._lock:
            if not self._remember(reason):
                return
            if self.wake is not None:
                self.wake()
            elif self.is_open:
                self._reach(reason)

    @property
    def is_late(self) -> bool:
        """Say whether an interrupt was planted and has not been raised yet."""
        return self._planted is not None

    def _remember(self, reason: BaseException) -> bool:
        """Keep it, in order of arrival, but signals before cancellations and those before time-outs.

        False: it is known. One thing may be told in several ways.
        """
        with self._lock:
            if reason is self.delivered or reason in self._pending:
                return False
            self._pending.insert(sum(_rank(other) <= _rank(reason) for other in self._pending), reason)
            return True

    def _reach(self, reason: BaseException) -> None:
        at_once = _SIGNALS.heard and self.thread_id == threading.main_thread().ident
        # As in real time: a signal ends a wait of the main thread, another's ends by itself before it is interrupted.
        if any(interrupt(self.thread_id, reason, at_once) for interrupt in INTERRUPTS):
            self.is_open = False
            self.withdraw(reason)
            self.delivered = reason
            return
        if at_once:
            assert sys.platform != "win32", "it has no such signal to be heard"
            signal.pthread_kill(self.thread_id, signal.SIGURG)  # its handler calls `answer_signal`
            return
        self._planted = reason
        # The interpreter takes a class and makes the instance itself; a class of its own leads back to ours.
        body: dict[str, Any] = {"__init__": lambda planted: self._struck(), "headrace_original": reason}
        _plant(self.thread_id, type(type(reason).__name__, (type(reason),), body))

    def _struck(self) -> None:
        self._planted = None

    def answer_signal(self) -> None:
        """Raise what another thread sent a signal for, unless it has been raised already."""
        if self.is_open and self._pending:
            self._raise()

    def _raise(self) -> NoReturn:
        """Raise what is pending in user code, which may then clean up."""
        self.is_open, self.is_ajar = False, True
        raise self._taken()


def _is_signal(reason: BaseException) -> bool:
    return isinstance(reason, KeyboardInterrupt | TerminationSignal)


def _rank(reason: BaseException) -> int:
    return 0 if _is_signal(reason) else 2 if isinstance(reason, Exception | TimeIsUp) else 1


#: How threads are interrupted that wait in some other way than a system call: on virtual time. Each is given a thread,
#: what to raise in it, and whether at once; it answers whether the thread waits there.
INTERRUPTS: list[Callable[[int, BaseException, bool], bool]] = []


def _plant(thread_id: int, kind: type[BaseException]) -> None:
    import ctypes  # takes milliseconds, and few runs are interrupted from another thread

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(kind))


class _Nothing(BaseException):
    """Planted in place of what is taken back."""


def _take_back() -> None:
    """Let this thread forget what was planted in it.

    Planting NULL, as the interpreter's own documentation has it, takes the exception away and leaves all threads told
    that there is one, for ever; CPython 3.11 then spins at the first function that a debugger or a measure of coverage
    follows. Only an exception that is raised puts that right.
    """
    try:
        _plant(threading.get_ident(), _Nothing)
        for _ in range(1000):  # it is raised at the end of a turn
            pass
    except BaseException as error:
        if not isinstance(error, _Nothing) and not hasattr(error, "headrace_original"):
            raise


class _ThreadLocal(threading.local):
    guard: Guard | None = None


_local = _ThreadLocal()


def thread_guard() -> Guard:
    """Return the guard of this thread."""
    guard = _local.guard
    if guard is None:
        guard = _local.guard = Guard()
    return guard


class _Signals:
    """Our handlers of SIGINT and SIGTERM, and the guards of the outermost runs that they tell.

    `heard`: another thread can reach the main thread by SIGURG, which user code has no handler for.
    """

    def __init__(self) -> None:
        self.heard = False
        self._guards: list[Guard] = []
        self._usual: list[tuple[int, Any]] = []
        self._terminations: list[TerminationSignal] = []

    def enter(self, guard: Guard) -> None:
        self._guards.append(guard)
        if len(self._guards) == 1:
            self._hear(signal.SIGINT, _is_usual, self._interrupted)
            self._hear(signal.SIGTERM, lambda handler: handler is signal.SIG_DFL, self._terminated)
            if sys.platform != "win32":
                self.heard = self._hear(signal.SIGURG, lambda handler: handler is signal.SIG_DFL, self._reached)

    def leave(self, guard: Guard) -> None:
        self._guards.remove(guard)
        if self._guards:
            return
        usual, self._usual, self.heard = self._usual, [], False
        for signum, handler in usual:
            signal.signal(signum, handler)
        terminations, self._terminations = self._terminations, []
        if terminations:
            os.kill(os.getpid(), terminations[0].signal)

    def answered(self, reason: BaseException) -> None:
        """Deliver a SIGTERM no more: somebody has done what it asks for."""
        self._terminations = [one for one in self._terminations if one is not reason]

    def _hear(self, signum: int, is_usual: Callable[[Any], bool], handler: Any) -> bool:
        """Handle a signal, unless the user does; say whether we do."""
        usual = signal.getsignal(signum)
        if not is_usual(usual):
            return False
        signal.signal(signum, handler)
        self._usual.append((signum, usual))
        return True

    def _reached(self, signum: int, frame: FrameType | None) -> None:
        thread_guard().answer_signal()

    def _interrupted(self, signum: int, frame: FrameType | None) -> None:
        self._tell(KeyboardInterrupt())

    def _terminated(self, signum: int, frame: FrameType | None) -> None:
        self._terminations.append(TerminationSignal(signum))
        self._tell(self._terminations[-1])

    def _tell(self, reason: BaseException) -> None:
        inner = thread_guard()
        # Sync code inside an event loop can be interrupted at once, the asyncio task around it only at its next await.
        for guard in (inner,) if inner.is_open or inner.is_ajar else tuple(self._guards):
            guard.interrupt(reason)


def _is_usual(handler: Any) -> bool:
    """Say whether this handler of SIGINT is Python's own: that of the interpreter, or that of `asyncio.run`."""
    inner = getattr(handler, "func", handler)  # asyncio.run binds its task to its handler
    return inner is signal.default_int_handler or getattr(inner, "__qualname__", "") == "Runner._on_sigint"


_SIGNALS = _Signals()


def answer_termination(reason: BaseException) -> None:
    """Say that a SIGTERM, which a guard was told of, is answered: it is not delivered again."""
    _SIGNALS.answered(reason)


@contextmanager
def signals(guard: Guard, clock: Clock) -> Iterator[None]:
    """Let SIGINT and SIGTERM interrupt an outermost run on the main thread; SIGTERM is delivered again after the block.

    Does nothing on other threads. A Ctrl-C that came too late for the run is raised after the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _SIGNALS.enter(guard)
    try:
        with clock.listening(guard.loop):
            yield
    finally:
        _SIGNALS.leave(guard)
    late = guard.take_pending()
    if isinstance(late, KeyboardInterrupt):
        raise late
