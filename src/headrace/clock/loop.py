"""An asyncio event loop on virtual time.

The loop asks its selector to wait; ours parks the thread with the clock instead, and returns when it is woken: by time,
or by another thread that has called in. Where real sockets are registered, something real is in flight: the loop then
waits in real time, and lets as much virtual time pass.
"""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.clock.participants import Parking
    from headrace.clock.virtual import VirtualClock

_SECOND = 1_000_000_000
#: How often, in real seconds, a loop that waits on virtual time looks for what comes otherwise: signals.
_LOOK_SECONDS = 0.1


class VirtualSelector(selectors.DefaultSelector):
    """A selector that waits on virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.parking: Parking | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; wait for it, or for `timeout` virtual seconds, when nothing is."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            self._clock.turns.yield_turn()
            return ready
        if len(self.get_map()) > 1:  # more than the loop's own wake-up pipe
            return self._wait_really(timeout)
        return self._wait_virtually(timeout)

    def _wait_really(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        with self._clock.in_flight("a socket or pipe"):
            ready = super().select(timeout)
        if not ready and timeout is not None:
            self._clock.advance(timeout)
        return ready

    def _wait_virtually(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        turns = self._clock.turns
        with turns.lock:
            self.parking = parking = self._clock.park(timeout, "callbacks of its event loop")
        try:
            while not parking.gate.acquire(timeout=_LOOK_SECONDS):
                if super().select(0):
                    with turns.lock:
                        turns.wake(parking)
        except BaseException:
            turns.abandon(parking)
            raise
        finally:
            self.parking = None
        turns.resume(parking)
        return super().select(0)


class VirtualEventLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is the virtual clock's."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual_clock = clock
        self._virtual_selector = VirtualSelector(clock)
        super().__init__(self._virtual_selector)

    def time(self) -> float:
        """Return virtual seconds."""
        return self._virtual_clock.monotonic_ns() / _SECOND

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """Make this loop ready before whoever calls goes on, so that time does not jump meanwhile."""
        turns = self._virtual_clock.turns
        with turns.lock:
            parking = self._virtual_selector.parking
            handle = super().call_soon_threadsafe(callback, *args, context=context)
            if parking is not None:
                turns.wake(parking)
        return handle
