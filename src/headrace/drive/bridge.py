"""Running a coroutine to its end from sync code."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import AsyncGenerator, Awaitable, Generator
from typing import Any

from headrace.clock.protocol import Over
from headrace.drive.world import World
from headrace.effects import Call


def run_async(effect: Call, world: World) -> Any:
    """Carry an async call out in a sync story: an async hook of a sync flow, say."""
    return run_coroutine(value_of(effect), world)


async def value_of(effect: Call) -> Any:
    """Return what an async function gives; where a run ends with a generator, the list of its items."""
    result = effect.fn(*effect.args, **effect.kwargs)
    if effect.flavour != "async generator":
        result = await result
        if effect.body and isinstance(result, Generator):
            return list(result)
        if not (effect.body and isinstance(result, AsyncGenerator)):
            return result
    return [item async for item in result]


def run_coroutine(coroutine: Awaitable[Any], world: World) -> Any:
    """Run a coroutine in this thread's event loop; in a thread of its own where one is running here already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return thread_loop(world).run(coroutine)
    context = contextvars.copy_context()
    outcome: list[Any] = []
    ended = world.clock.event("a coroutine in a thread of its own")

    def elsewhere() -> None:
        with contextlib.suppress(Over), world.clock.adopt_participant(announced):
            loop = Loop(world)
            try:
                outcome.append((True, context.run(loop.run, coroutine)))
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
                outcome.append((False, error))
            finally:
                loop.close()
                ended.set()

    announced = world.clock.expect_participant("async")
    thread = threading.Thread(target=elsewhere, name="headrace-async")
    thread.start()
    ended.wait()
    thread.join()
    succeeded, value = outcome[0]
    if succeeded:
        return value
    raise value


class Loop:
    """An event loop that is kept for the next coroutine of the same thread, on the clock of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.loop = world.clock.new_event_loop()

    def run(self, coroutine: Awaitable[Any]) -> Any:
        """Run one coroutine to its end; tasks that it left behind are cancelled, as `asyncio.run` does."""
        loop = self.loop
        try:
            return loop.run_until_complete(asyncio.ensure_future(coroutine, loop=loop))
        finally:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    def close(self) -> None:
        """Close the loop."""
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


class _ThreadLoop(threading.local):
    loop: Loop | None = None


_local = _ThreadLoop()


def thread_loop(world: World) -> Loop:
    """Return this thread's kept loop, a fresh one where the clock has changed."""
    kept = _local.loop
    if kept is None or kept.world is not world or kept.loop.is_closed():
        close_thread_loop()
        kept = _local.loop = Loop(world)
    return kept


def close_thread_loop() -> None:
    """Close this thread's kept loop, if there is one."""
    kept, _local.loop = _local.loop, None
    if kept is not None and not kept.loop.is_closed():
        kept.close()
