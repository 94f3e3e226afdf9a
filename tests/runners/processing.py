"""What the tests of worker processes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headrace import flow
from headrace.clock import SystemClock
from headrace.core.records import Run
from headrace.drive.world import World, use_world
from headrace.store.memory import MemoryStore
from headrace.store.protocol import LogFilter
from headrace.task_runners import ProcessPoolTaskRunner


@contextmanager
def real_world() -> Iterator[World]:
    """A world of the test's own, in real time: processes know no other."""
    with use_world(World(MemoryStore(), clock=SystemClock(), seed=0), everywhere=True) as world:
        yield world
        world.close()


def in_processes(fn: Any, max_workers: int = 1, **options: Any) -> Any:
    """Call a function as a flow whose tasks run in processes."""
    return flow(task_runner=ProcessPoolTaskRunner(max_workers=max_workers), **options)(fn)()


def states(world: World, run: Run) -> list[str]:
    """Return the names of the states of a run."""
    return [state.name for state in world.store.history(run.id)]


def told(world: World, run: Run) -> list[tuple[str, str | None]]:
    """Return names and messages of the states of a run."""
    return [(state.name, state.message) for state in world.store.history(run.id)]


def lines(world: World) -> list[str]:
    """Return the messages of the log."""
    world.logs.flush()
    return [record.message for record in world.store.logs(LogFilter())]
