"""An asyncio event loop on virtual time.

The loop asks its selector to wait; ours parks the thread with the clock instead, and returns when the clock has jumped
or another thread has called in. Where real sockets are registered, something real is in flight: the loop then waits in
real time, and moves the clock by as much as it waited.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.clock.virtual import Parking, VirtualClock

_SECOND = 1_000_000_000
_STALL_SECONDS = 1.0


class VirtualSelector(selectors.DefaultSelector):
    """A selector that waits on virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self.parking: Parking | None = None
        self.call_in: Callable[[], None] = lambda: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; wait for it, or for `timeout` virtual seconds, when nothing is."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if len(self.get_map()) > 1:  # more than the loop's own wake-up pipe
            return self._wait_really(timeout)
        return self._wait_virtually(timeout)

    def _wait_really(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(timeout)
        if not ready and timeout is not None:
            self._clock.advance(timeout)
        return ready

    def _wait_virtually(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        clock = self._clock
        with clock._lock:
            self.parking = parking = clock._park(timeout, on_wake=self.call_in)
        ready = super().select(_STALL_SECONDS)
        while not ready and not parking.woken:
            with clock._lock:
                if parking.deadline is not None:
                    clock._jump_if_idle(stalled=True)
            ready = super().select(_STALL_SECONDS)
        with clock._lock:
            clock._wake(parking)
            self.parking = None
        return ready


class VirtualEventLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is the virtual clock's."""

    def __init__(self, clock: VirtualClock) -> None:
        self._virtual_clock = clock
        self._virtual_selector = VirtualSelector(clock)
        super().__init__(self._virtual_selector)
        self._virtual_selector.call_in = self._write_to_self  # type: ignore[attr-defined]

    def time(self) -> float:
        """Return virtual seconds."""
        return self._virtual_clock.monotonic_ns() / _SECOND

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """Count this loop as running before it is woken, so that the clock does not jump meanwhile."""
        clock = self._virtual_clock
        with clock._lock:
            parking = self._virtual_selector.parking
            handle = super().call_soon_threadsafe(callback, *args, context=context)
            if parking is not None:
                clock._wake(parking)
        return handle
