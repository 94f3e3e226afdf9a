"""Event loops on virtual time: whoever makes them, and those that can't follow."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from headrace import flow, task
from headrace.testing import simulate, virtual_time


@task
async def nap(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return seconds


@flow
async def rest(seconds: float = 3600) -> float:
    return await nap(seconds)


async def numbers(count: int):
    for number in range(count):
        await asyncio.sleep(60)
        yield number


def test_loops_of_runners_are_virtual():
    """Those of asyncio.run and asyncio.Runner, and those that are made by hand."""
    with simulate() as simulation:
        with asyncio.Runner() as runner:
            runner.run(rest())
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(rest())
        asyncio.run(rest())
        assert simulation.elapsed == 3 * 3600


def test_a_loop_that_runs_already_follows_the_simulation_that_is_opened_in_it():
    """With or without `async`, one within another; and then it goes on as before."""

    async def test() -> None:
        with simulate() as outer:
            await rest()
            with simulate() as inner:
                await rest(60)
                assert inner.elapsed == 60
            await asyncio.sleep(1)
            assert outer.elapsed == 3601
        with virtual_time() as clock:
            await rest(7)
            assert clock == 7
        before = time.perf_counter()
        await asyncio.sleep(0.01)
        assert time.perf_counter() - before > 0.009

    asyncio.run(test())


def test_a_loop_on_real_time_is_refused_where_a_run_would_wait_in_it():
    """It was made by its class: nobody could have put another in its place. Nothing is recorded."""
    with simulate() as simulation:
        with (
            asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner,
            pytest.raises(RuntimeError, match=r"was not made by asyncio\.new_event_loop\(\)"),
        ):
            runner.run(rest())
        assert simulation.runs.all() == []


def test_uvloop_is_refused_at_once():
    """By a simulation that is opened in it, and by a run in a simulation; in real time it is as good as any."""
    uvloop = pytest.importorskip("uvloop")

    async def opening() -> None:
        async with simulate():
            pass

    async def generating() -> list[int]:
        return [number async for number in flow(numbers)(2)]

    assert uvloop.run(rest(0)) == 0
    said = r"uvloop\.Loop can't follow virtual time: .* Run this on an event loop of asyncio's own"
    with pytest.raises(RuntimeError, match=said):
        uvloop.run(opening())
    with simulate() as simulation:
        for coroutine in (rest, generating):
            with pytest.raises(RuntimeError, match=said):
                uvloop.run(coroutine())
        assert simulation.runs.all() == []
        assert asyncio.run(generating()) == [0, 1]
        assert simulation.elapsed == 120


def test_what_is_awaited_beside_the_runs_is_virtual_too():
    """Queues, locks, conditions, groups and threads of asyncio."""

    async def test() -> list[str]:
        events: list[str] = []
        queue: asyncio.Queue[int] = asyncio.Queue()
        condition = asyncio.Condition()

        async def produce() -> None:
            for number in range(3):
                await asyncio.sleep(10)
                await queue.put(number)
            async with condition:
                condition.notify_all()

        async def consume() -> None:
            while len(events) < 3:
                events.append(f"{await queue.get()} at {simulation.elapsed}")

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            group.create_task(consume())
            async with condition:
                await asyncio.wait_for(condition.wait(), 100)
        await asyncio.to_thread(time.sleep, 5)
        return events

    with simulate() as simulation:
        assert asyncio.run(test()) == ["0 at 10", "1 at 20", "2 at 30"]
        assert simulation.elapsed == 35


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has it since 3.12")
def test_eager_tasks_are_virtual():
    """They begin before anybody waits."""

    async def test() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        await asyncio.gather(rest(), rest())

    with simulate() as simulation:
        asyncio.run(test())
        assert simulation.elapsed == 3600
