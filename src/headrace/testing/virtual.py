"""Putting a world, and the user's own waits, on virtual time.

`time.sleep` is replaced where it lives and wherever it was imported to by its own name. Who waits for something real
between two short sleeps must go on in real time, or the clock would race while nothing happens: so must the modules
in `_REAL`, and threads that belong to somebody else.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from headrace.clock.virtual import VirtualClock
from headrace.drive.world import World, current_world
from headrace.ids import IdSource

#: Packages that poll the real world: processes, and test runners.
_REAL = frozenset({"subprocess", "multiprocessing", "concurrent", "_pytest", "execnet", "xdist", "coverage", "sybil"})


@contextmanager
def virtual_time(world: World | None = None, clock: VirtualClock | None = None) -> Iterator[VirtualClock]:
    """Let a world (None: the current one), `time.sleep` and new event loops follow a virtual clock in the block.

    Threads that were begun before the block keep sleeping in real time, the calling thread apart: they belong to
    somebody else. Event loops that exist already stay as they are.
    """
    import asyncio  # slow to import, and what looks at runs does without

    world, clock = world or current_world(), clock or VirtualClock()
    before = world.clock, world.new_id
    world.clock, world.new_id = clock, IdSource(clock.time_ns, world.random)
    _drop_kept_loop()
    with ExitStack() as patches:
        patches.enter_context(_sleeping_on(clock))
        for module in (asyncio, asyncio.events):
            patches.enter_context(_replaced(module, "new_event_loop", clock.new_event_loop))
        try:
            yield clock
        finally:
            _drop_kept_loop()
            world.clock, world.new_id = before


@contextmanager
def _sleeping_on(clock: VirtualClock) -> Iterator[None]:
    real = time.sleep  # noqa: TID251 - this is what gets replaced
    virtual = _sleep_on(clock, real)
    _exchange(real, virtual)
    try:
        yield
    finally:
        _exchange(virtual, real)  # also in modules that were imported meanwhile


def _exchange(old: Callable[[float], None], new: Callable[[float], None]) -> None:
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        if names.get("sleep") is old:
            names["sleep"] = new


def _sleep_on(clock: VirtualClock, real: Callable[[float], None]) -> Callable[[float], None]:
    elders = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def sleep(seconds: float, /) -> None:
        """Sleep on virtual time."""
        caller: str = sys._getframe(1).f_globals.get("__name__", "")
        if threading.get_ident() in elders or caller.partition(".")[0] in _REAL:
            real(seconds)
        else:
            clock.sleep(seconds)

    return sleep


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _drop_kept_loop() -> None:
    """Close the loop that the engine keeps for this thread: it is on the other clock."""
    bridge = sys.modules.get("headrace.drive.bridge")
    if bridge is not None:
        bridge.close_thread_loop()
