"""An asyncio event loop on virtual time.

The loop asks its selector to wait; ours parks the thread with the clock instead, and returns when it is woken: by time,
or by another thread that has called in. Where real sockets are registered, something real is in flight: the loop then
waits in real time, and lets as much virtual time pass.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from headrace.clock.strands import Line
from headrace.clock.tasks import note_made

if TYPE_CHECKING:
    from headrace.clock.participants import Parking, Why
    from headrace.clock.turns import Turns

_SECOND = 1_000_000_000
#: How often, in real seconds, a loop that waits on virtual time looks for what comes otherwise: signals.
_LOOK_SECONDS = 0.1


class LoopTime(Protocol):
    """What a loop needs of the clock that it lives by; see `VirtualClock`."""

    @property
    def turns(self) -> Turns:
        """Who takes turns."""

    def monotonic_ns(self) -> int:
        """Return virtual nanoseconds."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""

    def in_flight(self, why: str) -> AbstractContextManager[None]:
        """Wait for something real in the block."""

    def park(self, seconds: float | None, why: Why) -> Parking:
        """Let this thread wait. The lock of the turns is held."""

    def ring_expired_limits(self) -> None:
        """Ring the time limits of this thread that have run out."""


class VirtualSelector(selectors.BaseSelector):
    """A selector that waits on virtual time, over one that is asked what is really there."""

    def __init__(self, clock: LoopTime, loop: object, real: selectors.BaseSelector | None = None) -> None:
        self.clock = clock
        self.loop = loop
        self.real = real or selectors.DefaultSelector()
        self.parking: Parking | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Look at one more file."""
        return self.real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Look at one less."""
        return self.real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Look for something else."""
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Any:
        """Return what is looked at."""
        return self.real.get_map()

    def close(self) -> None:
        """Let go of everything."""
        self.real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; wait for it, or for `timeout` virtual seconds, when nothing is."""
        ready = self.real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            self.clock.turns.yield_turn()
            return ready
        if len(self.get_map()) > 1:  # more than the loop's own wake-up pipe
            return self._wait_really(timeout)
        return self._wait_virtually(timeout)

    def _wait_really(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        with self.clock.in_flight("a socket or pipe"):
            ready = self.real.select(timeout)
        if not ready and timeout is not None:
            self.clock.advance(timeout)
            self.clock.ring_expired_limits()
        return ready

    def _wait_virtually(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        turns = self.clock.turns
        here = turns.here()
        if here is not None:
            here.loop = self.loop
        with turns.lock:
            self.parking = parking = self.clock.park(timeout, "callbacks of its event loop")
        try:
            while not parking.gate.acquire(timeout=_LOOK_SECONDS):
                if self.real.select(0):
                    with turns.lock:
                        turns.wake(parking)
        except BaseException:
            turns.abandon(parking)
            raise
        finally:
            self.parking = None
            if here is not None:
                here.loop = None
        turns.resume(parking)
        self.clock.ring_expired_limits()  # that of a sync function which runs this loop, as an alarm would
        return self.real.select(0)


def _call_soon_threadsafe(
    clock: LoopTime, selector: VirtualSelector, really: Callable[..., asyncio.Handle], *args: Any, **kwargs: Any
) -> asyncio.Handle:
    """Make a loop ready before whoever calls goes on, so that time does not jump meanwhile."""
    with clock.turns.lock:
        parking = selector.parking
        handle = really(*args, **kwargs)
        if parking is not None:
            clock.turns.wake(parking)
    return handle


class VirtualEventLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is the virtual clock's."""

    def __init__(self, clock: LoopTime) -> None:
        self._virtual_clock = clock
        self._virtual_selector = VirtualSelector(clock, self)
        super().__init__(self._virtual_selector)
        self._ready = _line(clock, self)

    def time(self) -> float:
        """Return virtual seconds."""
        return self._virtual_clock.monotonic_ns() / _SECOND

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Make a task, and remember when."""
        return note_made(super().create_task(*args, **kwargs))

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """Make this loop ready before whoever calls goes on, so that time does not jump meanwhile."""
        really = super().call_soon_threadsafe
        return _call_soon_threadsafe(
            self._virtual_clock, self._virtual_selector, really, callback, *args, context=context
        )


def _line(clock: LoopTime, loop: Any) -> deque[asyncio.Handle]:
    """Return what a loop keeps its callbacks in: where a schedule chooses, it does so among tasks, too."""
    return deque(loop._ready) if clock.turns.is_plain else Line(loop, clock.turns, loop._ready)


#: Methods of a loop that follows a clock for a while.
_REPLACED = ("time", "call_soon_threadsafe", "create_task")


def check_loop(clock: object, loop: Any) -> None:
    """Raise RuntimeError for an event loop on real time, in which nobody who follows this clock should wait."""
    if not hasattr(loop, "_selector"):
        raise _refused(loop, "it waits in code that is not Python's")
    if not _follows(loop, clock):
        raise _refused(loop, "it was there before, or was not made by asyncio.new_event_loop()")


def _follows(loop: Any, clock: object) -> bool:
    selector = getattr(loop, "_selector", None)
    return isinstance(selector, VirtualSelector) and selector.clock is clock


def _refused(loop: Any, why: str) -> RuntimeError:
    kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
    return RuntimeError(
        f"{kind} can't follow virtual time: {why}. Run this on an event loop of asyncio's own: in an async test, with "
        "asyncio.run(…), or with `async with simulate():`."
    )


@contextmanager
def follow_in_loop(clock: LoopTime, loop: Any) -> Iterator[None]:
    """Let an event loop follow a clock in the block; its time goes on from what it was, there and back.

    Does nothing for a loop that follows it already. Raises RuntimeError for one that is not asyncio's own (uvloop),
    which can't be told to wait otherwise.
    """
    if _follows(loop, clock):
        yield
        return
    if not hasattr(loop, "_selector"):
        raise _refused(loop, "it waits in code that is not Python's")
    before = {name: vars(loop)[name] for name in _REPLACED if name in vars(loop)}
    real, ahead = loop._selector, loop.time() - clock.monotonic_ns() / _SECOND
    selector = VirtualSelector(clock, loop, real)
    ready = loop._ready
    loop._selector, loop._ready = selector, _line(clock, loop)
    loop.time = lambda: clock.monotonic_ns() / _SECOND + ahead
    make = loop.create_task
    loop.create_task = lambda *args, **kwargs: note_made(make(*args, **kwargs))
    loop.call_soon_threadsafe = partial(_call_soon_threadsafe, clock, selector, loop.call_soon_threadsafe)
    try:
        yield
    finally:
        late = loop.time()
        ready.clear()
        ready.extend(loop._ready)
        loop._selector, loop._ready = real, ready
        for name in _REPLACED:
            delattr(loop, name)
        vars(loop).update(before)  # of another clock, around this one
        for handle in loop._scheduled:  # what is still to come is as far away as it was
            handle._when += loop.time() - late
