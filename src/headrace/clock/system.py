"""The real clock.

The one module, with its neighbour `limits`, that reads the system's time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headrace.clock import limits

if TYPE_CHECKING:
    import asyncio

_NOTHING: AbstractContextManager[None] = nullcontext()

#: For how many seconds at most a signal may go unheard on the main thread.
UNHEARD_SECONDS = 0.5


class _Event(threading.Event):
    """An event for which the main thread waits in naps.

    A signal ends no wait if it comes just before the wait begins, or if another thread is given it: Python calls its
    handler when the main thread runs the next bytecode.
    """

    def wait(self, timeout: float | None = None) -> bool:
        if threading.current_thread() is not threading.main_thread():
            return super().wait(timeout)
        end = None if timeout is None else time.monotonic() + timeout
        while not super().wait(UNHEARD_SECONDS if end is None else min(UNHEARD_SECONDS, end - time.monotonic())):
            if end is not None and time.monotonic() >= end:
                return False
        return True


@contextmanager
def _napping(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Wake a loop now and then: a signal that comes as it begins to wait ends no wait of its either."""

    naps: list[asyncio.TimerHandle] = []

    def nap() -> None:
        naps[:] = [loop.call_later(UNHEARD_SECONDS, nap)]

    nap()
    try:
        yield
    finally:
        naps[0].cancel()


class SystemClock:
    """The system's time; waits are real waits."""

    time_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)
    sleep = staticmethod(time.sleep)
    time_limit = staticmethod(limits.time_limit)

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime."""
        return datetime.now(UTC)

    def event(self, why: str | Callable[[], str] = "") -> threading.Event:
        """Return an event as the standard library has them; nobody asks it why."""
        return _Event()

    def participant(self, name: str = "test") -> AbstractContextManager[object]:
        """Do nothing: real time does not wait for anybody."""
        return _NOTHING

    def expect_participant(self, name: str) -> object:
        """Do nothing."""
        return None

    def adopt_participant(self, announced: object) -> AbstractContextManager[object]:
        """Do nothing."""
        return _NOTHING

    def name_participant(self, name: str, subject: object) -> None:
        """Do nothing."""

    def in_flight(self, why: str) -> AbstractContextManager[None]:
        """Do nothing: every wait is real."""
        return _NOTHING

    def delegating(self, why: str) -> AbstractContextManager[None]:
        """Do nothing: real time is everybody's."""
        return _NOTHING

    def listening(self, loop: asyncio.AbstractEventLoop | None) -> AbstractContextManager[None]:
        """Let an event loop wait in naps, as events do here."""
        return _NOTHING if loop is None else _napping(loop)

    def check_loop(self) -> None:
        """Do nothing: every loop follows real time."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop of the running policy."""
        import asyncio  # slow to import, and a sync flow never needs it

        return asyncio.new_event_loop()

    def __repr__(self) -> str:
        return "SystemClock()"
