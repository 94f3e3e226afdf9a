"""A world of its own, on virtual time, in which everything happens the same way every time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import copy
import datetime as datetime_module
import pickle
import queue
import socket
import threading
import time
from datetime import UTC, date, datetime, timedelta
from time import sleep

import cloudpickle
import pytest

from headrace import flow, task
from headrace.client.orchestration import get_client
from headrace.drive.activities import cancel
from headrace.drive.world import current_world
from headrace.exceptions import DeadlockError, RunawayError, StallError
from headrace.testing import Hold, current_simulation, recorded_runs, seed, simulate


@task(retries=2, retry_delay_seconds=[10, 20], task_run_name="load-{n}")
def load(n: int, failures: int = 2) -> int:
    from headrace import runtime

    sleep(1)
    if runtime.task_run.run_count <= failures:
        raise ConnectionError("down")
    return n


@task(task_run_name="nap-{n}")
async def nap(n: int) -> int:
    await asyncio.sleep(100)
    return n


@flow
def both() -> list[int]:
    futures = [*load.map([1, 2]), *nap.map([1, 2])]
    return [future.result() for future in futures]


# the world -------------------------------------------------------------------------------------------------------


def test_a_simulation_has_runs_and_time_of_its_own():
    """What ran before, inside or after it does not show elsewhere."""
    task(lambda: None, name="before", task_run_name="before")()
    with simulate() as simulation:
        assert len(simulation.runs) == 0
        assert both() == [1, 2, 1, 2]
        assert simulation.elapsed == 100
        assert simulation.runs.task("load-1").retry_delays == [10, 20]
        assert recorded_runs().flow("both").id == simulation.runs.flow("both").id
    assert [run.name for run in recorded_runs().all()] == ["before"]


def test_it_decorates_functions_and_each_call_is_fresh():
    """Sync and async ones; `current_simulation` finds it."""

    @simulate(start="2030-05-01")
    def simulated(seconds):
        time.sleep(seconds)
        return current_simulation().now

    @simulate(start="2030-05-01")
    async def simulated_async(seconds):
        await asyncio.sleep(seconds)
        return current_simulation().now

    for _ in range(2):
        assert simulated(5) == datetime(2030, 5, 1, 0, 0, 5, tzinfo=UTC)
        assert asyncio.run(simulated_async(5)) == datetime(2030, 5, 1, 0, 0, 5, tzinfo=UTC)
    with pytest.raises(RuntimeError, match="No simulation is open"):
        current_simulation()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"start": "yesterday"}, ValueError, "ISO 8601"),
        ({"start": datetime(2026, 1, 1)}, ValueError, "add tzinfo"),
        ({"start": 3}, TypeError, "ISO 8601 text, not at 3"),
        ({"seed": "a"}, TypeError, "whole number, not 'a'"),
        ({"schedule": 3}, TypeError, "write None for first come"),
        ({"store": "postgres"}, ValueError, "write 'memory' or 'sqlite'"),
        ({"store": 3}, TypeError, "not in 3"),
    ],
)
def test_wrong_arguments_are_refused_at_once(arguments, error, said):
    """With what to write instead."""
    with pytest.raises(error, match=said):
        simulate(**arguments)


def test_runs_may_be_kept_in_a_file():
    """Where nobody else looks, so nothing is polled."""
    with simulate(store="sqlite") as simulation:
        assert both() == [1, 2, 1, 2]
        assert simulation.elapsed == 100
        assert simulation.runs.task("load-2").attempts == 3


# user code on virtual time ---------------------------------------------------------------------------------------


def test_every_clock_of_user_code_is_virtual():
    """However it was imported."""
    with simulate(start="2026-03-01T12:00:00Z") as simulation:
        before = time.time(), time.monotonic(), time.time_ns(), time.monotonic_ns()
        sleep(90_000)
        after = time.time(), time.monotonic(), time.time_ns(), time.monotonic_ns()
        assert [b - a for a, b in zip(before, after, strict=True)] == [90_000, 90_000, 90_000 * 10**9, 90_000 * 10**9]
        assert datetime.now(UTC) == datetime_module.datetime.now(UTC) == simulation.now
        assert simulation.now == datetime(2026, 3, 2, 13, tzinfo=UTC)
        assert date.today() == datetime_module.date.today() == datetime.today().date() == datetime.now().date()
        assert time.strftime("%Y", time.gmtime()) == "2026"
        assert isinstance(datetime.now(), datetime)
        assert type(datetime.now()).__module__ == "datetime"
    assert datetime.now(UTC).year >= 2026
    assert datetime is datetime_module.datetime


def test_moments_are_pickled_as_in_real_time():
    """A pickle says the class by its place, and what looks there is not the code that asked for the pickle."""
    with simulate():
        for moment in (datetime.now(UTC), datetime_module.datetime.now(), date.today(), timedelta(1)):
            for module in (pickle, cloudpickle):
                assert module.loads(module.dumps(moment)) == moment
            assert copy.deepcopy(moment) == moment


def test_waits_of_threads_queues_and_executors_are_virtual():
    """Producers and consumers of the user's own, with time-outs that do and do not run out."""
    with simulate() as simulation:
        items: queue.Queue[int] = queue.Queue(maxsize=1)

        def produce() -> None:
            for item in range(3):
                sleep(60)
                items.put(item)

        producer = threading.Thread(target=produce)
        producer.start()
        assert [items.get(timeout=100) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(queue.Empty):
            items.get(timeout=40)
        producer.join()
        assert simulation.elapsed == 220

        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            slow = [executor.submit(sleep, seconds) for seconds in (30, 20, 10)]
            done, not_done = concurrent.futures.wait(slow, timeout=25)
            assert (len(done), len(not_done)) == (1, 2)
            assert [future.result() for future in concurrent.futures.as_completed(slow)] == [None] * 3
        assert simulation.elapsed == 250

        barrier = threading.Barrier(2)
        timer = threading.Timer(5, barrier.wait)
        timer.start()
        barrier.wait(timeout=6)
        timer.join()
        semaphore = threading.Semaphore(0)
        assert not semaphore.acquire(timeout=7)
        assert not threading.Event().wait(8)
        assert simulation.elapsed == 270


def test_waits_of_asyncio_are_virtual():
    """On a loop that was running before, too."""

    async def test() -> None:
        async with simulate() as simulation:
            await asyncio.sleep(3600)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(30):
                    await asyncio.Event().wait()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Queue().get(), 10)
            await asyncio.to_thread(sleep, 60)
            assert await asyncio.gather(nap(1), nap(2)) == [1, 2]
            assert simulation.elapsed == 3800

    asyncio.run(test())


def test_executors_of_several_event_loops_do_not_hold_each_other_up():
    """They share a lock of the standard library's, from before the simulation."""

    @task
    async def in_thread(n):
        return await asyncio.to_thread(lambda: n)

    @flow
    def several():
        return [future.result() for future in in_thread.map([1, 2, 3])]

    for _ in range(10):
        with simulate(stall_seconds=2) as simulation:
            assert several() == [1, 2, 3]
            assert simulation.elapsed == 0


# time moves by itself, and by hand -------------------------------------------------------------------------------


def test_advancing_steps_through_every_deadline_on_the_way():
    """Whatever falls due in between happens at its own moment."""
    with simulate() as simulation:
        started = simulation.start(load, 1)
        simulation.advance(11.5)
        assert simulation.runs.task("load-1").states == ["Pending", "Running", "AwaitingRetry", "Retrying"]
        simulation.advance(100)
        assert started.done()
        assert started.result() == 1
        assert simulation.elapsed == 111.5


def test_the_world_stops_where_the_test_wants_to_look():
    """Nobody moves until the test waits again."""
    with simulate() as simulation:
        started = simulation.start(both)
        simulation.run_until(simulation.runs.task("load-2").reaches("AwaitingRetry"))
        assert simulation.elapsed == 1
        assert simulation.runs.task("load-2").state.name == "AwaitingRetry"
        assert simulation.runs.flow("both").state.name == "Running"
        assert started.result() == [1, 2, 1, 2]


def test_stopping_in_async_code_is_awaited():
    """`run_until` would stop the loop, and says so."""

    async def test() -> None:
        async with simulate() as simulation:
            napping = asyncio.create_task(nap(1))
            with pytest.raises(RuntimeError, match=r"await simulation\.wait_until"):
                simulation.run_until(lambda: True)
            await simulation.wait_until(simulation.runs.task("nap-1").reaches("Running"))
            assert simulation.elapsed == 0
            assert await napping == 1

    asyncio.run(test())


# what can't go on ------------------------------------------------------------------------------------------------


def test_a_deadlock_is_an_error_at_once_that_says_who_waits_for_what():
    """Two tasks that take two locks in opposite order."""

    @simulate()
    def take_both():
        first, second = threading.Lock(), threading.Lock()

        @task(task_run_name="{name}")
        def taking(name, one, other):
            with one:
                sleep(1)
                with other:
                    pass

        @flow
        def crossing():
            futures = [taking.submit("a", first, second), taking.submit("b", second, first)]
            return [future.result() for future in futures]

        crossing()

    with pytest.raises(DeadlockError) as caught:
        take_both()
    rows = {row[0]: row for row in caught.value.participants}
    assert rows["a"][1:3] == ("waits for a lock, held by b", "1 s")
    assert rows["b"][1:3] == ("waits for a lock, held by a", "1 s")
    assert "task run 'a'" in rows["test"][1]
    assert "with other:" in rows["a"][3]


def test_a_deadlock_that_a_run_swallows_still_fails_the_test():
    """An `except Exception` must not hide it."""

    @flow
    def swallow():
        with contextlib.suppress(Exception):
            threading.Event().wait()

    with pytest.raises(DeadlockError), simulate():
        swallow()


def test_a_deadlock_may_be_what_a_test_expects():
    """Caught by the test, in its own waits or out of a run, it does not come again at the end."""

    @flow
    def stuck():
        threading.Event().wait()

    with simulate() as simulation:
        with pytest.raises(DeadlockError):
            stuck()
        with pytest.raises(DeadlockError):
            simulation.run_until(lambda: False)
        assert simulation.runs.flow("stuck").states == ["Pending", "Running", "Crashed"]


def test_the_slots_of_a_limit_that_nobody_gives_back_are_a_deadlock():
    """Who holds the only slot waits for who waits for it."""

    @task(tags=["db"], task_run_name="inner")
    def inner():
        pass

    @task(tags=["db"], task_run_name="outer")
    def outer():
        inner()

    with simulate():
        with get_client(sync_client=True) as client:
            client.create_concurrency_limit("db", 1)
        with pytest.raises(DeadlockError, match="waits for a slot of 'db', held by outer"):
            outer()


def test_a_loop_that_only_waits_is_a_runaway():
    """Time would jump for ever."""

    @simulate(max_jumps=1000)
    def wait_for_ever():
        while True:
            sleep(1)

    with pytest.raises(RunawayError, match="jumped 1,000 times"):
        wait_for_ever()


def test_looking_at_the_clock_for_ever_is_a_runaway():
    """Time stands still while somebody runs."""

    @simulate()
    def look_for_ever():
        end = time.monotonic() + 1
        while time.monotonic() < end:
            pass

    with pytest.raises(RunawayError, match="The time was read"):
        look_for_ever()


def test_time_does_not_go_beyond_its_bound():
    """A wait of a thousand years is somebody's mistake."""
    with pytest.raises(RunawayError, match="max_seconds"), simulate(max_seconds=3600):
        sleep(7200)


def test_a_real_wait_is_a_stall_named_with_its_place():
    """A lock from before the simulation, which nobody gives back."""
    lock = threading.Lock()
    lock.acquire()

    @simulate(stall_seconds=0.2)
    def get_stuck():
        @task(task_run_name="stuck")
        def stuck():
            lock.acquire()  # here

        @flow
        def waiting():
            stuck.submit().result(timeout=1000)

        try:
            waiting()
        finally:
            lock.release()

    with pytest.raises(StallError) as caught:
        get_stuck()
    row = next(row for row in caught.value.participants if row[0] == "stuck")
    assert row[1] == "in a real wait: a lock, held by code that takes no part in the simulation"
    assert "test_simulate.py" in row[3]
    assert "lock.acquire()  # here" in row[3]


@pytest.mark.parametrize("reading", ["plain", "async"])
def test_a_real_wait_of_the_test_itself_is_ended(reading):
    """Else a test that reads from a socket by mistake would hang."""
    ours, theirs = socket.socketpair()

    async def read_in_loop() -> bytes:
        ours.setblocking(False)
        return await asyncio.get_running_loop().sock_recv(ours, 1)  # here

    @flow
    def read() -> bytes:
        return asyncio.run(read_in_loop()) if reading == "async" else ours.recv(1)  # here

    with ours, theirs, simulate(stall_seconds=0.2) as simulation:
        with pytest.raises(StallError) as caught:
            read()
        (row,) = caught.value.participants
        assert row[1].startswith("in a real wait")
        assert "# here" in row[3]
        assert simulation.runs.flow("read").states == ["Pending", "Running", "Crashed"]


def test_a_cancellation_reaches_a_thread_that_sleeps_when_its_sleep_ends():
    """As in real time, where a sleep in a thread can't be cut short; that of the main thread is."""

    @flow
    def cancelling():
        load.with_options(task_run_name="sleeper").submit(1)
        sleep(0.5)
        cancel(current_world(), current_simulation().runs.flow("cancelling").id)
        sleep(100)

    with simulate() as simulation:
        state = cancelling(return_state=True)
        assert state.is_cancelled()
        assert simulation.runs.task("sleeper").states == ["Pending", "Running", "Cancelled"]
        assert simulation.elapsed == 1


# the same every time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [None, seed(1), seed(2), Hold("load-1", 2, 3)], ids=repr)
def test_the_same_seed_and_schedule_give_the_same_history(schedule):
    """To the byte."""

    def lived() -> str:
        with simulate(seed=7, schedule=schedule) as simulation:
            both()
            return simulation.runs.history().to_json()

    assert lived() == lived()


def test_schedules_differ_in_the_order_of_events():
    """Else there would be nothing to explore."""

    def order(schedule) -> list[int]:
        with simulate(schedule=schedule):
            events: list[int] = []

            @task(task_run_name="t{n}")
            def noting(n):
                events.append(n)

            @flow
            def all_of_them():
                noting.map([0, 1, 2, 3]).wait()

            all_of_them()
            return events

    assert order(None) == [0, 1, 2, 3]
    assert len({tuple(order(seed(n))) for n in range(20)}) > 3
    assert order(Hold("t0", 1, 5))[0] != 0
