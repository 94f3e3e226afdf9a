"""Crashes: the process of a run dies at a transition, and nothing more of it is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time

import pytest

from headrace import flow, task
from headrace.concurrency.sync import concurrency
from headrace.core.transitions import allowed
from headrace.exceptions import SimulatedCrash
from headrace.states import Cancelling
from headrace.store.protocol import ConcurrencyLimit
from headrace.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from headrace.testing import UnknownStateName, current_simulation, seed, simulate


@task(retries=2, retry_delay_seconds=10, task_run_name="load-{n}")
def load(n: int) -> int:
    time.sleep(n)
    return n


@task(task_run_name="nap-{n}")
async def nap(n: int) -> int:
    await asyncio.sleep(n)
    return n


@flow
def called(numbers: list[int]) -> list[int]:
    return [load(n) for n in numbers]


@flow
def submitted(numbers: list[int]) -> list[int]:
    return [*load.map(numbers).result(), *nap.map(numbers).result()]


@flow
async def napping(numbers: list[int]) -> list[int]:
    return list(await asyncio.gather(*[nap(n) for n in numbers]))


@flow
async def mixed(numbers: list[int]) -> list[int]:
    futures = [*load.map(numbers), *nap.map(numbers)]
    return [await nap(1), *[await future for future in futures]]


@flow
def nested(numbers: list[int]) -> list[int]:
    return [*submitted(numbers), *called(numbers)]


@flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
def queued(numbers: list[int]) -> list[int]:
    return load.map(numbers).result()


@flow(task_runner=ProcessPoolTaskRunner)
def in_processes(numbers: list[int]) -> list[int]:
    return load.map(numbers).result()


@task
def count(n: int):
    yield from range(n)


@flow(retries=1, retry_delay_seconds=100)
def again(numbers: list[int]) -> list[int]:
    from headrace import runtime

    items = [*count(2)]
    load.submit(1)
    if runtime.flow_run.run_count == 1:
        raise ValueError
    return items


def lived(fn, numbers=(1, 2)):
    value = fn(list(numbers))
    return asyncio.run(value) if asyncio.iscoroutine(value) else value


def check_legal(runs):
    for run in runs.all():
        before = None
        for step in run.transitions:
            assert allowed(before, step.to, run.kind)
            before = step.to


# what dies, and what stays ---------------------------------------------------------------------------------------


def test_the_process_of_a_run_dies_when_it_enters_a_state():
    """The transition is the last that is written; the test goes on, and can look."""
    with simulate() as simulation:
        crash = simulation.crash(at=("load-2", "Running"))
        with pytest.raises(SimulatedCrash, match=r"process of task run 'load-2' died when 'load-2' entered Running"):
            called([1, 2, 3])
        runs = simulation.runs
        assert runs.task("load-1").states == ["Pending", "Running", "Completed"]
        assert runs.task("load-2").states == ["Pending", "Running"]
        assert runs.flow("called").states == ["Pending", "Running"]
        assert len(runs) == 3
        assert simulation.elapsed == 1
        assert crash.times == 1


def test_it_dies_before_a_transition_too():
    """Which is then the first that is not written."""
    with simulate() as simulation:
        simulation.crash(at=("load-2", "Completed"), before=True)
        with pytest.raises(SimulatedCrash, match="died before 'load-2' entered Completed"):
            called([1, 2, 3])
        assert simulation.runs.task("load-2").states == ["Pending", "Running"]
        assert simulation.elapsed == 3


def test_the_second_time_and_names_of_tasks_can_be_meant():
    """`("load", "Running", 2)` is the second run of the task that runs."""
    with simulate() as simulation:
        simulation.crash(at=("load", "Running", 2))
        with pytest.raises(SimulatedCrash, match=r"for the 2nd time"):
            called([1, 2, 3])
        assert [run.name for run in simulation.runs.tasks("load")] == ["load-1", "load-2"]


def test_a_condition_says_when():
    """The one that `run_until` takes."""
    with simulate() as simulation:
        started = simulation.start(submitted, [5, 6])
        simulation.run_until(simulation.runs.flow("submitted").reaches("Running"))
        simulation.crash(at=simulation.runs.task("load-5").reaches("Completed"))
        with pytest.raises(SimulatedCrash):
            started.result()
        assert simulation.elapsed == 5
        assert simulation.runs.task("load-5").states == ["Pending", "Running", "Completed"]
        assert simulation.runs.task("load-6").states == ["Pending", "Running"]


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
@pytest.mark.parametrize(
    "fn", [called, submitted, napping, mixed, nested, queued, in_processes, again], ids=lambda fn: fn.name
)
@pytest.mark.parametrize("schedule", [None, seed(1)], ids=["first come", "seed"])
def test_at_every_write_there_is_nothing_more_of_it(fn, before, schedule):
    """Whatever runs where: all of it is unwound, histories are legal, and another run of the flow lives."""
    for n in itertools.count(1):
        with simulate(schedule=schedule) as simulation:
            crash = simulation.crash(at=n, before=before)
            with contextlib.suppress(SimulatedCrash):
                lived(fn)
            if not crash.times:
                break
            written = sum(len(run.states) for run in simulation.runs.all())
            check_legal(simulation.runs)
            assert not simulation.runs.all("Crashed")
            roots = [run for run in simulation.runs.flows("*") if run.record.parent_flow_run_id is None]
            assert not (before and any(run.state.is_final() for run in roots))
            simulation.advance(1000)
            assert sum(len(run.states) for run in simulation.runs.all()) == written
            lived(fn)
            assert simulation.runs.flows(fn.name)[-1].state.is_completed()
    assert n > 5


@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
def test_in_async_code_the_test_goes_on_undisturbed(before):
    """No cancellation that was meant for the dead hits what comes after them."""

    async def crash_at(n):
        async with simulate(store="sqlite") as simulation:
            crash = simulation.crash(at=n, before=before)
            try:
                await mixed([1, 2])
            except SimulatedCrash:
                await asyncio.sleep(1000)
                check_legal(simulation.runs)
                assert await mixed([1]) == [1, 1, 1]
                assert len(asyncio.all_tasks()) == 1
            return crash.times

    crashes = [asyncio.run(crash_at(n)) for n in range(1, 20)]
    assert sum(crashes) > 10
    assert crashes[-1] == 0


def test_other_processes_live():
    """Each outermost run is a process of its own."""
    with simulate() as simulation:
        first, second = simulation.start(submitted, [5]), simulation.start(called, [6])
        simulation.crash(at=("load-5", "Completed"))
        assert second.result() == [6]
        with pytest.raises(SimulatedCrash):
            first.result()
        assert simulation.runs.flow("called").state.is_completed()
        assert simulation.runs.flow("submitted").states == ["Pending", "Running"]


def test_async_processes_in_one_loop_die_one_by_one():
    """What is cancelled in one is not in the other, nor in the test."""

    async def test() -> None:
        async with simulate() as simulation:
            simulation.crash(at=("nap-1", "Completed"))
            ended = await asyncio.gather(napping([1, 5]), napping([2, 3]), return_exceptions=True)
            assert isinstance(ended[0], SimulatedCrash)
            assert ended[1] == [2, 3]
            await asyncio.sleep(10)
            assert simulation.elapsed == 13
            assert simulation.runs.task("nap-5").states == ["Pending", "Running"]
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(test())


# code that does not want to die ----------------------------------------------------------------------------------


def test_no_code_of_the_dead_process_can_catch_it_for_good():
    """Whatever it does next that the engine sees raises again; no hook is called, nothing is recorded."""
    seen = []

    def swallow(step):
        try:
            step()
        except BaseException as error:
            seen.append(type(error).__name__)

    @flow(on_failure=[lambda *args: seen.append("hook")], on_completion=[lambda *args: seen.append("hook")])
    def stubborn():
        swallow(lambda: load(1))
        swallow(lambda: load(2))
        swallow(lambda: load.submit(3))
        swallow(lambda: time.sleep(5))
        swallow(lambda: called([4]))
        return "survived"

    with simulate() as simulation:
        simulation.crash(at=("load-1", "Running"))
        with pytest.raises(SimulatedCrash):
            stubborn()
        assert seen == ["SimulatedCrash"] * 5
        assert len(simulation.runs) == 2
        assert simulation.elapsed == 0


def test_threads_that_its_code_began_die_too():
    """Where they wait, and at their next step."""
    seen = []

    def beside():
        try:
            time.sleep(100)
        finally:
            seen.append(current_simulation().elapsed)
            load(7)

    @flow
    def threaded():
        thread = threading.Thread(target=beside)
        thread.start()
        load(1)
        thread.join()

    with simulate() as simulation:
        simulation.crash(at=("load-1", "Completed"))
        with pytest.raises(SimulatedCrash):
            threaded()
        simulation.advance(1000)
        assert seen == [1]
        assert [run.name for run in simulation.runs.tasks("load")] == ["load-1"]


def test_finally_blocks_run_and_reach_nothing():
    """As little as a killed process would write."""

    @flow
    def tidy():
        try:
            load(1)
        finally:
            nap.submit(1)

    with simulate() as simulation:
        simulation.crash(at=("load-1", "Completed"), before=True)
        with pytest.raises(SimulatedCrash):
            tidy()
        assert [run.name for run in simulation.runs.all()] == [simulation.runs.flow("tidy").name, "load-1"]


def test_log_lines_remain_and_none_follow():
    """Neither from the engine nor from user code."""
    import logging

    @flow(log_prints=True)
    def talking():
        print("before")
        try:
            load(1)
        finally:
            print("after")
            logging.getLogger("headrace.flow_runs").info("after")

    with simulate() as simulation:
        simulation.crash(at=("load-1", "Running"))
        with pytest.raises(SimulatedCrash):
            talking()
        assert simulation.runs.flow("talking").logs[-1] == "before"
        assert simulation.runs.task("load-1").logs == []


# what others get -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [None, seed(3)], ids=["first come", "seed"])
@pytest.mark.parametrize("moment", [1, 4, 7, 10])
def test_the_same_seed_and_crash_give_the_same_history(schedule, moment):
    """To the byte."""

    def history():
        with simulate(seed=5, schedule=schedule) as simulation:
            simulation.crash(at=moment)
            with pytest.raises(SimulatedCrash):
                lived(mixed)
            lived(submitted)
            return simulation.runs.history().to_json()

    assert history() == history()


def test_slots_come_back_when_their_lease_has_run_out():
    """Those of tags after a minute; a run that waits already gets one then, one that begins later too."""
    tagged = load.with_options(tags=["db"])
    holding = flow(lambda n: tagged(n), name="holding")
    with simulate() as simulation:
        simulation.store.put_limit(ConcurrencyLimit(name="tag:db", limit=1))
        simulation.crash(at=("load-7", "Running"))
        first, second = simulation.start(holding, 7), simulation.start(holding, 1)
        with pytest.raises(SimulatedCrash):
            first.result()
        assert simulation.elapsed == 0
        assert holding(2) == 2
        assert second.result() == 1
        assert simulation.elapsed == 60 + 1 + 2


def test_slots_taken_in_code_come_back_after_their_own_lease():
    """And the place of a dead process in the queue as well."""

    @flow
    def occupying(seconds):
        with concurrency("db", lease_duration=100):
            time.sleep(seconds)
            load(0)

    with simulate() as simulation:
        simulation.store.put_limit(ConcurrencyLimit(name="db", limit=1))
        simulation.crash(at=("load-0", "Running"))
        with pytest.raises(SimulatedCrash):
            occupying(5)
        assert [lease.holder for lease in simulation.store.leases("db", simulation.now)] != []
        occupying(1)
        assert simulation.elapsed == 5 + 100 + 1


def test_a_process_dies_when_it_is_asked_to_cancel():
    """Whoever asks is not of it, and lives."""
    with simulate() as simulation:
        simulation.crash(at=("called", "Cancelling"))
        started = simulation.start(called, [10])
        simulation.run_until(simulation.runs.task("load-10").reaches("Running"))
        run = simulation.runs.flow("called")
        assert simulation.store.propose("flow", run.id, Cancelling()).name == "Cancelling"
        with pytest.raises(SimulatedCrash):
            started.result()
        assert run.states == ["Pending", "Running", "Cancelling"]


def test_task_runs_of_their_own_are_processes_too():
    """Called in a test, say."""
    with simulate() as simulation:
        simulation.crash(at=("load-1", "AwaitingRetry"))
        simulation.fail(load, ValueError)
        with pytest.raises(SimulatedCrash):
            load(1)
        assert simulation.runs.task("load-1").states == ["Pending", "Running", "AwaitingRetry"]
        assert load(2) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"at": 0}, ValueError, "the first is 1"),
        ({"at": True}, TypeError, r"write \('load-1', 'Running'\)"),
        ({"at": "load-1"}, TypeError, "'load-1' is none"),
        ({"at": ("load-1", "Runing")}, UnknownStateName, "Did you mean Running"),
        ({"at": ("load-1", "Running", 0)}, ValueError, "the first is 1"),
        ({"at": (None, "Running")}, TypeError, "not None"),
        ({"at": ("load-1",)}, TypeError, "is none"),
        ({"at": lambda: True, "before": True}, ValueError, "after the transition only"),
        ({"at": 1, "before": "yes"}, TypeError, "not 'yes'"),
    ],
)
def test_wrong_crashes_are_refused(arguments, error, said):
    """Where they are planned."""
    with simulate() as simulation, pytest.raises(error, match=said):
        simulation.crash(**arguments)
