"""Putting a world, and the user's own waits, on virtual time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

from headrace.clock.virtual import DEFAULT_START, VirtualClock
from headrace.drive import guards
from headrace.drive.world import World, current_world
from headrace.ids import IdSource
from headrace.testing.following import following
from headrace.testing.following.active import frozen_moment
from headrace.testing.loops import follow_in_loop


@contextmanager
def virtual_time(world: World | None = None, clock: VirtualClock | None = None) -> Iterator[VirtualClock]:
    """Let a world (None: the current one) and user code follow a virtual clock in the block.

    The calling thread takes part, with the event loop that it runs in, and so do all threads and event loops that are
    begun in the block, in turns. Threads that were there before stay on real time: they belong to somebody else. Other
    event loops that exist already stay as they are. Raises RuntimeError inside uvloop.
    """
    import asyncio  # slow to import, and what looks at runs does without

    from headrace.clock.tasks import all_tasks  # it imports asyncio, too

    world, clock = world or current_world(), clock or VirtualClock(frozen_moment() or DEFAULT_START)
    before = world.clock, world.new_id, world.follow
    world.clock, world.new_id = clock, IdSource(clock.time_ns, world.random)
    world.follow = virtual_time  # worker processes enter it too, with their own world and what they see of the clock
    _drop_kept_loop()
    with ExitStack() as patches:
        patches.enter_context(following(clock))
        patches.enter_context(clock.participant("test"))
        patches.callback(_followed_by_freezegun(clock))
        guards.INTERRUPTS.append(clock.turns.interrupt)
        patches.callback(guards.INTERRUPTS.remove, clock.turns.interrupt)
        loop = asyncio._get_running_loop()
        if loop is not None:
            patches.enter_context(follow_in_loop(clock, loop))
        for module in (asyncio, asyncio.events):
            patches.enter_context(_replaced(module, "new_event_loop", clock.new_event_loop))
        for module in (asyncio, asyncio.tasks):
            patches.enter_context(_replaced(module, "all_tasks", all_tasks))
        try:
            yield clock
        finally:
            _drop_kept_loop()
            world.clock, world.new_id, world.follow = before


def _followed_by_freezegun(clock: VirtualClock) -> Callable[[], None]:
    """Let the time that freezegun has frozen move with a clock, until what is returned is called."""
    freezegun = sys.modules.get("freezegun.api")
    if freezegun is None or not freezegun.freeze_factories:
        return lambda: None
    factory = freezegun.freeze_factories[-1]
    move_to = getattr(factory, "move_to", None)
    if move_to is None:
        return lambda: None
    frozen_at, started = factory(), clock.time_ns()

    def follow(now: int) -> None:
        move_to(frozen_at + timedelta(microseconds=(now - started) // 1000))

    clock.turns.on_jump.append(follow)
    return lambda: clock.turns.on_jump.remove(follow)


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
