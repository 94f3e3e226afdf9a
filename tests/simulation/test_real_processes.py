"""Worker processes take part in virtual time: what waits there waits on the clock of the simulation."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import threading
import time
from datetime import UTC, date, datetime
from time import sleep
from typing import Any

import pytest

from headrace import flow, get_run_logger, task
from headrace.concurrency.sync import concurrency
from headrace.drive.activities import cancel
from headrace.drive.world import current_world
from headrace.exceptions import CrashedRun, DeadlockError, SimulatedCrash, StallError
from headrace.store.protocol import ConcurrencyLimit, LogFilter
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.testing import simulate, virtual_time

HOUR = 3600


def in_processes(fn: Any, max_workers: int = 1) -> Any:
    return flow(task_runner=ProcessPoolTaskRunner(max_workers=max_workers))(fn)()


@task
def waits_in_many_ways() -> list[float]:
    """Wait an hour, eight times over; say how much time had passed after each."""
    began, passed = time.time(), []

    def note() -> None:
        passed.append(time.time() - began)

    time.sleep(HOUR)
    note()
    sleep(HOUR)
    note()
    threading.Event().wait(HOUR)
    note()
    thread = threading.Thread(target=time.sleep, args=(HOUR,))
    thread.start()
    thread.join()
    note()
    with pytest.raises(queue.Empty):
        queue.Queue().get(timeout=HOUR)
    note()
    asyncio.run(asyncio.sleep(HOUR))
    note()
    return passed


@task
async def waits_async() -> float:
    before = time.monotonic()
    await asyncio.gather(asyncio.sleep(HOUR), asyncio.sleep(2 * HOUR), asyncio.to_thread(sleep, HOUR))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(HOUR):
            await asyncio.Event().wait()
    return time.monotonic() - before


@task
def reads_the_time() -> tuple[Any, ...]:
    sleep(HOUR)
    return datetime.now(UTC), date.today(), time.time(), time.strftime("%H:%M", time.gmtime()), os.getpid()


@task(task_run_name="nap-{seconds}")
def nap(seconds: float) -> int:
    sleep(seconds)
    return os.getpid()


def test_whatever_waits_in_a_worker_waits_on_virtual_time():
    """Sleeps, events, threads, queues and event loops."""
    with simulate(real_processes=True) as simulation:
        assert in_processes(lambda: waits_in_many_ways.submit().result()) == [n * HOUR for n in range(1, 7)]
        assert simulation.elapsed == 6 * HOUR
        assert in_processes(lambda: waits_async.submit().result()) == 3 * HOUR
        assert simulation.elapsed == 9 * HOUR


def test_a_worker_reads_the_time_of_its_simulation():
    """By whatever name a module has the clock."""
    with simulate(start="2030-05-01T10:00:00Z", real_processes=True):
        now, day, seconds, said, pid = in_processes(lambda: reads_the_time.submit().result())
    assert now == datetime(2030, 5, 1, 11, tzinfo=UTC)
    assert (day, seconds, said) == (date(2030, 5, 1), now.timestamp(), "11:00")
    assert pid != os.getpid()


def test_workers_wait_side_by_side():
    """Two naps of an hour in two processes take one hour."""
    with simulate(real_processes=True) as simulation:
        pids = in_processes(lambda: nap.map([HOUR, HOUR, 60]).result(), max_workers=2)
        assert len(set(pids)) == 2
        assert simulation.elapsed == HOUR + 60


def test_the_clock_alone_is_followed_too():
    """Where there is no simulation, tasks of the process runner run in processes by themselves."""
    with virtual_time() as clock:
        assert in_processes(lambda: nap.submit(HOUR).result()) != os.getpid()
        assert clock == HOUR


def test_a_function_that_travels_by_value_takes_its_stand_ins_along():
    """The worker can't find it under its name."""

    @task
    def local() -> tuple[float, int]:
        before = time.time()
        sleep(HOUR)
        return time.time() - before, datetime.now(UTC).year

    with simulate(real_processes=True) as simulation:
        assert in_processes(lambda: local.submit().result()) == (HOUR, 2026)
        assert simulation.elapsed == HOUR


def test_time_outs_and_retries_are_virtual():
    """The body's time-out and the delay before the next attempt."""

    @task(timeout_seconds=60, retries=1, retry_delay_seconds=HOUR, task_run_name="late")
    def late() -> None:
        sleep(2 * HOUR)

    @task(timeout_seconds=60, task_run_name="late-async")
    async def late_async() -> None:
        await asyncio.sleep(2 * HOUR)

    with simulate(real_processes=True) as simulation:
        in_processes(lambda: [late.submit().wait(), late_async.submit().wait()])
        run = simulation.runs.task("late")
        assert run.states == ["Pending", "Running", "AwaitingRetry", "Retrying", "TimedOut"]
        assert simulation.runs.task("late-async").states == ["Pending", "Running", "TimedOut"]
        assert simulation.elapsed == 60 + HOUR + 60 + 60


def test_log_lines_and_nested_runs_carry_virtual_moments():
    """A task in the worker that calls and submits others."""

    @task(task_run_name="inner-{n}", retries=1, retry_delay_seconds=100)
    def inner(n: int) -> int:
        from headrace.runtime import task_run

        sleep(10)
        if task_run.run_count == 1:
            raise ConnectionError("down")
        return n

    @task(task_run_name="outer")
    def outer() -> list[int]:
        sleep(HOUR)
        get_run_logger().info("after an hour")
        return [inner(1), *inner.map([2, 3]).result()]

    with simulate(start="2030-05-01T10:00:00Z", real_processes=True) as simulation:
        assert in_processes(lambda: outer.submit().result()) == [1, 2, 3]
        assert simulation.elapsed == HOUR + 120 + 120
        (line,) = [line for line in simulation.store.logs(LogFilter()) if line.message == "after an hour"]
        assert line.timestamp == datetime(2030, 5, 1, 11, tzinfo=UTC)
        for n in (1, 2, 3):
            run = simulation.runs.task(f"inner-{n}")
            assert run.retry_delays == [100]
            assert (run.transitions[-1].at - run.transitions[0].at).total_seconds() == pytest.approx(120, abs=0.001)


def test_slots_are_waited_for_on_virtual_time():
    """Two workers and one slot: the second gets it at the moment at which the first gives it back."""

    @task
    def holds() -> None:
        with concurrency("one"):
            sleep(HOUR)

    with simulate(real_processes=True) as simulation:
        simulation.store.put_limit(ConcurrencyLimit(name="one", limit=1))
        in_processes(lambda: [holds.submit(), holds.submit()][1].wait(), max_workers=2)
        assert simulation.elapsed == 2 * HOUR


def test_a_worker_that_is_killed_crashes_its_run_at_its_moment():
    """And the next run gets another."""

    @task(task_run_name="dies")
    def dies() -> None:
        sleep(HOUR)
        os.kill(os.getpid(), signal.SIGKILL)

    def survives() -> int:
        with pytest.raises(CrashedRun, match="was killed by SIGKILL"):
            dies.submit().result()
        return nap.submit(5).result()

    with simulate(real_processes=True) as simulation:
        in_processes(survives)
        assert simulation.runs.task("dies").states == ["Pending", "Running", "Crashed"]
        assert simulation.elapsed == HOUR + 5


def test_a_cancellation_reaches_a_worker_that_sleeps():
    """At the virtual moment at which it is asked for."""

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
    def cancelling() -> None:
        nap.map([10 * HOUR, 20 * HOUR])
        sleep(HOUR)
        cancel(current_world(), simulation.runs.flow("cancelling").id)
        sleep(100 * HOUR)

    with simulate(real_processes=True) as simulation:
        assert cancelling(return_state=True).is_cancelled()
        assert [run.states[-1] for run in simulation.runs.tasks("nap")] == ["Cancelled", "Cancelled"]
        assert simulation.elapsed == HOUR


def test_a_crash_of_the_simulated_process_ends_its_workers():
    """Nothing more of it is recorded."""
    with simulate(real_processes=True) as simulation:
        simulation.crash(at=("nap-5", "Completed"))
        with pytest.raises(SimulatedCrash):
            in_processes(lambda: nap.map([5, HOUR]).result(), max_workers=2)
        assert simulation.runs.task("nap-5").states == ["Pending", "Running", "Completed"]
        assert simulation.runs.task(f"nap-{HOUR}").states == ["Pending", "Running"]
        assert simulation.elapsed == 5


def test_stubs_and_faults_hold_for_tasks_in_processes():
    """What stands in for a body is called here; what is slow is slow before it travels."""
    with simulate(real_processes=True) as simulation:
        simulation.stub(nap, 7, run="nap-1")
        simulation.slow(nap, 50, run="nap-2")
        pids = in_processes(lambda: nap.map([1, 2]).result(), max_workers=2)
        assert pids[0] == 7
        assert simulation.elapsed == 52


def test_a_deadlock_in_a_worker_says_who_waits_there():
    """It is the simulation that fails, and at once."""

    @task(task_run_name="stuck")
    def stuck() -> None:
        threading.Event().wait()  # for ever

    with pytest.raises(DeadlockError) as caught, simulate(real_processes=True):
        in_processes(lambda: stuck.submit().wait())
    row = next(row for row in caught.value.participants if row[0] == "stuck")
    assert "worker process" in row[1]
    assert "threading.Event().wait()  # for ever" in row[1]


def test_a_real_wait_in_a_worker_is_a_stall_with_its_place():
    """Time does not jump over it."""

    @task(task_run_name="reads")
    def reads() -> None:
        reading, _ = os.pipe()
        os.read(reading, 1)  # nobody writes

    def body() -> None:
        reading = reads.submit()
        nap.submit(HOUR)
        reading.wait()

    with pytest.raises(StallError) as caught, simulate(real_processes=True, stall_seconds=0.5) as simulation:
        in_processes(body, max_workers=2)
    assert simulation.elapsed == 0
    row = next(row for row in caught.value.participants if row[0] == "reads")
    assert "os.read(reading, 1)  # nobody writes" in row[1]


def test_processes_give_the_same_history_every_time():
    """To the byte, drawn names and jitter included: a worker at work keeps the turn of its run."""

    @task(retries=2, retry_delay_seconds=10, retry_jitter_factor=0.5)
    def shaky(n: int) -> int:
        from headrace.runtime import task_run

        sleep(n)
        get_run_logger().info("%s at %s", n, time.time())
        if task_run.run_count < 2:
            raise ConnectionError("down")
        return sum(waited(i) for i in range(n))

    @task
    def waited(i: int) -> int:
        sleep(i)
        return i

    def lived() -> str:
        with simulate(real_processes=True, seed=5) as simulation:
            in_processes(lambda: shaky.map([1, 2, 3]).result(), max_workers=2)
            return simulation.runs.history().to_json()

    assert lived() == lived()
