"""Finding races between the coroutines of one event loop."""

from __future__ import annotations

import asyncio
import sys

import pytest

from headrace import flow, task
from headrace.clock.schedules import as_schedule
from headrace.exceptions import DeadlockError
from headrace.testing import Hold, ScheduleFailure, explore, seed, simulate
from headrace.testing.shrinking import smallest
from headrace.testing.trials import Trials


class Stock:
    """What is left of something."""

    def __init__(self, left):
        self.left = left


@task
async def look(stock):
    return stock.left


@task(task_run_name="set to {left}")
async def put(stock, left):
    stock.left = left


@task
def put_at_once(stock, left):
    stock.left = left


async def take(stock):
    left = await look(stock)
    await put(stock, left - 1)


@task(task_run_name="taker-{number}")
async def taker(stock, number):
    await take(stock)


async def two_coroutines_take():
    stock = Stock(2)
    await asyncio.gather(take(stock), take(stock))
    assert stock.left == 0


@flow
async def two_runs_take(stock):
    await asyncio.gather(taker(stock, 1), taker(stock, 2))
    return stock.left


async def two_runs_take_in_a_flow():
    assert await two_runs_take(Stock(2)) == 0


async def submitted_runs_take():
    @flow
    async def shop(stock):
        for future in [taker.submit(stock, number) for number in (1, 2)]:
            future.result()
        return stock.left

    assert await shop(Stock(2)) == 0


async def async_and_sync_tasks_mixed():
    stock = Stock(2)

    async def take_mixed():
        left = await look(stock)
        put_at_once(stock, left - 1)

    await asyncio.gather(take_mixed(), take_mixed())
    assert stock.left == 0


async def a_thread_and_a_coroutine():
    @task(task_run_name="in a thread")
    def take_in_thread(stock):
        put_at_once(stock, stock.left - 1)

    @flow
    async def shop(stock):
        future = take_in_thread.submit(stock)
        await take(stock)
        future.wait()
        return stock.left

    assert await shop(Stock(2)) == 0


async def without_any_run():
    """The second begins late enough, if each goes on in its turn."""
    stock = Stock(2)

    async def take_plainly(patience):
        for _ in range(patience):
            await asyncio.sleep(0)
        left = stock.left
        await asyncio.sleep(0)
        stock.left = left - 1

    async with asyncio.TaskGroup() as group:
        group.create_task(take_plainly(0), name="quick")
        group.create_task(take_plainly(3), name="patient")
    assert stock.left == 0


async def after_the_same_sleep():
    stock = Stock(2)

    async def take_later():
        await asyncio.sleep(60)
        await take(stock)

    await asyncio.gather(take_later(), take_later())
    assert stock.left == 0


RACES = [
    two_coroutines_take,
    two_runs_take_in_a_flow,
    submitted_runs_take,
    async_and_sync_tasks_mixed,
    a_thread_and_a_coroutine,
    without_any_run,
    after_the_same_sleep,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_a_lost_update_is_found_whoever_takes(race):
    """Nobody sees it first come, first served; it takes one hold; and the program repeats it."""
    with simulate():
        asyncio.run(race())
    with pytest.raises(ScheduleFailure) as caught:
        explore(race, schedules=60)
    assert len(caught.value.schedule) == 1
    with pytest.raises(AssertionError, match="assert 1 == 0"):
        exec(caught.value.program, {})


def test_coroutines_go_by_the_names_of_their_runs():
    """Of those that tell one; else by the name that they were given, or their function's."""
    with pytest.raises(ScheduleFailure, match=r"only when `taker-1` is held before its \dth step until `taker-2` is"):
        explore(two_runs_take_in_a_flow)
    with pytest.raises(ScheduleFailure, match=r"`take` is held before its \d.. step until `set to 1` is Completed"):
        explore(two_coroutines_take)
    with pytest.raises(ScheduleFailure, match=r"`quick` is held before its 2nd step until `patient` has made its"):
        explore(without_any_run)


def test_the_steps_around_the_hold_are_told_in_their_order():
    """From the last that who was held had made to the next."""
    with pytest.raises(ScheduleFailure) as caught:
        explore(two_coroutines_take)
    assert [line.split() for line in caught.value.order] == [
        ["take", "look", "Running"],
        ["take#2", "look", "Running"],
        ["take#2", "look", "Completed"],
        ["take#2", "set", "to", "1", "Running"],
        ["take#2", "set", "to", "1", "Completed"],
        ["take", "goes", "on", "(held", "until", "here)"],
        ["take", "look", "Completed"],
    ]
    assert "\n".join(f"    {line}" for line in caught.value.order) in str(caught.value)


async def locked():
    stock, lock = Stock(3), asyncio.Lock()

    async def take_locked():
        async with lock:
            await take(stock)

    await asyncio.gather(take_locked(), take_locked(), take_locked())
    assert stock.left == 0


async def patient_and_impatient():
    """Time-outs end what waits for the time, and nothing else."""

    async def slow():
        await asyncio.sleep(10)

    async def quick(results):
        for _ in range(3):
            await asyncio.sleep(0)
        results.append("quick")

    async def impatient(results):
        try:
            await asyncio.wait_for(slow(), 1)
        except TimeoutError:
            results.append("late")

    results = []
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        for _ in range(2):
            group.create_task(impatient(results))
            group.create_task(asyncio.wait_for(quick(results), 0.5))
    assert sorted(results) == ["late", "late", "quick", "quick"]


async def cancelled_while_held():
    """A cancellation comes to the one it was meant for, once, and is recorded."""

    @flow
    async def parent():
        async with asyncio.timeout(1):
            await asyncio.gather(*[napper(number) for number in range(2)])

    @task(task_run_name="nap-{number}")
    async def napper(number):
        await look(Stock(number))
        await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        await parent()
    tasks = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    await asyncio.gather(*tasks, return_exceptions=True)


async def one_producer_one_consumer():
    queue, got = asyncio.Queue(maxsize=1), []

    async def produce():
        for number in range(3):
            await queue.put(number)

    async def consume():
        while len(got) < 3:
            got.append(await queue.get())

    await asyncio.gather(produce(), consume())
    assert got == [0, 1, 2]


RIGHT = [locked, patient_and_impatient, cancelled_while_held, one_producer_one_consumer]


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.__name__)
def test_what_is_right_in_any_order_passes(right):
    """Locks, time-outs, groups, queues and cancellations mean what they mean without a schedule."""
    assert explore(right, schedules=60).orders > 1


def test_callbacks_stay_in_order_and_tasks_are_only_late():
    """A task never gets past a callback that was in line before it."""

    async def calling():
        loop, seen = asyncio.get_running_loop(), []

        async def second():
            seen.append("task")

        for number in range(3):
            loop.call_soon(seen.append, number)
        await asyncio.gather(second(), second())
        assert seen[:3] == [0, 1, 2]

    explore(calling, schedules=20)


def test_first_come_first_served_is_asyncios_own_order():
    """The same order of events with no schedule, with one that holds nobody, and in a loop on real time."""

    async def racing():
        seen = []

        async def run(name):
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(name)

        await asyncio.gather(run("a"), run("b"), run("c"))
        return seen

    found = []
    for schedule in (None, [], Hold("nobody", step=1, for_steps=1)):
        with simulate(schedule=schedule):
            found.append(asyncio.run(racing()))
    assert found == [asyncio.run(racing())] * 3


def test_a_seed_draws_the_order_of_coroutines_too():
    """The same one the same order; and among some there are several."""

    def order(number):
        with simulate(schedule=seed(number)) as simulation:
            asyncio.run(two_runs_take(Stock(2)))
            return simulation.runs.flow("two-runs-take").story, [run.name for run in simulation.runs.tasks("set to *")]

    orders = [order(number) for number in range(6)]
    assert orders == [order(number) for number in range(6)]
    assert len({tuple(names) for _, names in orders}) > 1


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_holds_repeat_what_a_seed_has_drawn(race):
    """To the step: so what was found by chance can be made smaller."""
    for number in range(5):
        trials = Trials(race, seed=0, options={})
        drawn = trials.run(seed(number))
        held = trials.run(as_schedule(drawn.noted.holds))
        assert held.steps == drawn.steps


def test_what_chance_finds_is_told_as_one_hold():
    """The smallest schedule is one that can be said in a sentence."""
    trials = Trials(two_coroutines_take, seed=0, options={})
    failed = next(trial for trial in (trials.run(seed(number)) for number in range(20)) if trial.error)
    assert len(failed.noted.holds) > 1
    found = smallest(failed, [], trials)
    assert len(found.schedule.holds) == 1
    assert found is trials.last


async def locks_are_taken_crosswise():
    first, second = asyncio.Lock(), asyncio.Lock()

    async def crossing(one, other, patience):
        for _ in range(patience):
            await asyncio.sleep(0)
        async with one:
            await asyncio.sleep(0)
            async with other:
                pass

    await asyncio.gather(crossing(first, second, 0), crossing(second, first, 4))


def test_a_deadlock_of_coroutines_is_found_and_says_who_holds_what():
    """Each coroutine has its line: what it waits for, who holds that, and where it is."""
    with pytest.raises(ScheduleFailure) as caught:
        explore(locks_are_taken_crosswise)
    deadlock = caught.value.__cause__
    assert isinstance(deadlock, DeadlockError)
    waits = {doing: where for _, doing, _, where in deadlock.participants}
    assert "async with other:" in waits["waits for a lock of asyncio, held by crossing"]
    assert "await asyncio.gather" in waits["waits for the tasks that it gathers"]


def test_what_a_loop_leaves_behind_is_cancelled_in_the_order_in_which_it_was_made():
    """Wherever in memory the tasks are."""

    async def leaving():
        async def ending(number):
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(number)

        ended = []
        tasks = [asyncio.create_task(ending(number)) for number in range(20)]
        await asyncio.sleep(1)
        return tasks, ended

    with simulate():
        _, ended = asyncio.run(leaving())
    assert ended == list(range(20))


def test_one_loop_may_live_by_one_schedule_after_another():
    """In simulations that are opened in it, one within another: each by its own, and afterwards by none."""

    async def order():
        seen = []

        async def run(name):
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(name)

        await asyncio.gather(run("a"), run("b"))
        return "".join(seen)

    async def test():
        begun = asyncio.create_task(order())
        with simulate(schedule=Hold("order", step=1, for_steps=50)):
            pass
        assert await begun == "ababab"
        with simulate(schedule=Hold("run", step=2, for_steps=50)) as outer:
            assert await order() == "bbbaaa"
            with simulate():
                assert await order() == "ababab"
                await asyncio.sleep(5)
            await asyncio.sleep(1)
            assert outer.elapsed == 1
        assert await order() == "ababab"

    asyncio.run(test())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has it since 3.12")
def test_eager_tasks_may_be_held_where_they_wait():
    """Until then they are the one that made them."""

    async def racing():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await after_the_same_sleep()

    with pytest.raises(ScheduleFailure, match="`take_later` is held before its"):
        explore(racing, schedules=60)
