"""The same history, whether a task's function runs in a thread or in a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.drive.world import World, current_world, use_world
from headrace.store.memory import MemoryStore
from headrace.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from tests.runners.processing import told

History = list[tuple[str, str | None]]


@task
def succeeds(x: int) -> int:
    return x + 1


@task(task_run_name="raises")
def raises() -> None:
    raise ValueError("boom")


@task(retries=2, retry_delay_seconds=30)
def fails_with_delay() -> None:
    raise ValueError("again")


@task(retries=2)
def succeeds_the_third_time() -> str:
    from headrace.runtime import task_run

    if task_run.run_count < 3:
        raise ConnectionError("down")
    return "up"


@task(timeout_seconds=0.1)
def takes_too_long() -> None:
    current_world().clock.sleep(30)


@task(timeout_seconds=0.1)
async def waits_too_long() -> None:
    await asyncio.sleep(30)


@task
async def is_async(x: int) -> int:
    await asyncio.sleep(0)
    return x * 2


@task
def yields() -> Iterator[int]:
    yield from range(3)


@task
async def yields_async() -> AsyncIterator[int]:
    for number in range(3):
        yield number


@task
def exits() -> None:
    raise SystemExit(3)


@task(task_run_name="adds-{x}")
def adds(x: int, y: int) -> int:
    return x + y


def every_kind_of_run() -> dict[str, Any]:
    """Submit one run of each kind; wait for all of them."""
    first = succeeds.submit(1)
    failing = raises.submit()
    futures = {
        "success": first,
        "an exception": failing,
        "retries with a delay": fails_with_delay.submit(),
        "retries without a delay": succeeds_the_third_time.submit(),
        "a time-out": takes_too_long.submit(),
        "an async time-out": waits_too_long.submit(),
        "an async task": is_async.submit(first),
        "a generator": yields.submit(),
        "an async generator": yields_async.submit(),
        "an exit": exits.submit(),
        "an upstream failure": succeeds.submit(failing),
        "a name of its own": adds.submit(first, y=3),
        "a map": adds.map([1, 2, 3], y=10)[2],
    }
    for future in futures.values():
        future.wait()
    return futures


def lived_with(runner: TaskRunner) -> dict[str, tuple[History, Any]]:
    """Return history and result of each kind of run."""
    lived: dict[str, tuple[History, Any]] = {}

    @flow(task_runner=runner)
    def all_of_them() -> None:
        for kind, future in every_kind_of_run().items():
            state = future.state
            data = state.data if state.is_completed() else repr(state.data)
            lived[kind] = told(world, future.run), data

    with use_world(World(MemoryStore(), clock=VirtualClock(stall_seconds=30), seed=0), everywhere=True) as world:
        all_of_them()
        world.close()
    return lived


@pytest.fixture(scope="module")
def in_threads() -> dict[str, tuple[History, Any]]:
    return lived_with(ThreadPoolTaskRunner())


@pytest.fixture(scope="module")
def in_processes() -> dict[str, tuple[History, Any]]:
    return lived_with(ProcessPoolTaskRunner(max_workers=2))


@pytest.mark.parametrize(
    "kind",
    [
        "success",
        "an exception",
        "retries with a delay",
        "retries without a delay",
        "a time-out",
        "an async time-out",
        "an async task",
        "a generator",
        "an async generator",
        "an exit",
        "an upstream failure",
        "a name of its own",
        "a map",
    ],
)
def test_history_and_result_are_those_of_the_thread_runner(
    kind: str, in_threads: dict[str, tuple[History, Any]], in_processes: dict[str, tuple[History, Any]]
) -> None:
    """States, messages and results do not tell where a function ran."""
    assert in_processes[kind] == in_threads[kind]


def test_retries_wait_in_the_time_of_the_flow(in_processes: dict[str, tuple[History, Any]]) -> None:
    """A delay is waited for in this process, on its clock: the history shows each wait, and nobody waited."""
    names = [name for name, _ in in_processes["retries with a delay"][0]]
    assert names == ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Failed"]
    assert in_processes["retries without a delay"][1] == "up"
