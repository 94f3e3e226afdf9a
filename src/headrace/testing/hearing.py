"""How the thread that opened a simulation is told that it can't go on, and whether it has heard.

It is told where it waits on virtual time. In a wait that virtual time does not reach, the main thread is told by a
signal, which ends system calls; another thread when its wait ends by itself.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from headrace.runs.context import CURRENT, RunContext
from headrace.testing.faults.processes import outermost

if TYPE_CHECKING:
    from headrace.clock.turns import Turns

#: A signal that nobody needs, and that does nothing where nobody listens; not there on every system.
_SIGNAL = getattr(signal, "SIGURG", None)


class Hearing:
    """The errors that one simulation is told of: deadlocks, runaways, stalls.

    Code in a run that catches one (`except Exception`) must not hide it; what comes out of all runs is the test's to
    catch.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._within: RunContext | None = None
        self._urgent: BaseException | None = None
        turns.on_raise = self._about_to_raise

    @property
    def swallowed(self) -> BaseException | None:
        """What was told and has not reached the test, if anything."""
        told = self._turns.told
        if told is None or told is self._urgent:
            return told
        if self._within is None:
            return None
        state = outermost(self._within).run.state
        return None if state is not None and state.is_crashed() else told

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Let this thread be told in the block where it does not wait on virtual time, if it is the main thread."""
        if _SIGNAL is None or threading.current_thread() is not threading.main_thread():
            self._turns.on_stall = self._keep
            yield
            return
        self._turns.on_stall = self._send
        before = signal.signal(_SIGNAL, self._received)
        try:
            yield
        finally:
            signal.signal(_SIGNAL, before)

    def _keep(self, error: BaseException) -> None:
        self._urgent = error

    def _send(self, error: BaseException) -> None:
        self._urgent = error
        signal.pthread_kill(threading.main_thread().ident or 0, _SIGNAL or 0)

    def _received(self, signum: int, frame: FrameType | None) -> None:
        error, self._urgent = self._urgent, None
        if error is not None:
            self._about_to_raise(error)
            raise error

    def _about_to_raise(self, error: BaseException) -> None:
        """Note, in the thread that it is raised in, in which run that is."""
        if error is self._turns.told:
            self._within = CURRENT.get()
