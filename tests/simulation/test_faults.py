"""Faults: bodies that fail or are slow, and a store that fails."""

from __future__ import annotations

import asyncio
import contextlib
import time
from uuid import UUID

import pytest

from headrace import flow, get_client, runtime, task
from headrace.core.transitions import allowed
from headrace.exceptions import StoreError, StoreFull
from headrace.states import Cancelling
from headrace.store.protocol import ConcurrencyLimit
from headrace.testing import UnknownStateName, simulate


@task(retries=2, retry_delay_seconds=10, task_run_name="load-{n}")
def load(n: int) -> int:
    return n


@task(retries=1, timeout_seconds=5, task_run_name="nap-{n}")
async def nap(n: int) -> int:
    await asyncio.sleep(1)
    return n


@task(retries=1)
def count(n: int):
    yield from range(n)


@task
async def count_async(n: int):
    for item in range(n):
        sent = yield item
        if sent is not None:
            yield sent


@flow
def loading(numbers: list[int]) -> list[int]:
    return load.map(numbers).result()


# failures --------------------------------------------------------------------------------------------------------


def test_the_first_attempt_fails_and_the_next_is_real():
    """That is what is meant where no attempts are named."""
    with simulate() as simulation:
        failure = simulation.fail(load, ConnectionError("down"))
        assert loading([1, 2]) == [1, 2]
        assert [run.retry_delays for run in simulation.runs.tasks("load")] == [[10], [10]]
        assert failure.times == 2


def test_named_attempts_of_named_runs_fail():
    """Others are real."""
    with simulate() as simulation:
        simulation.fail(load, TimeoutError, attempts={1, 2}, run="load-3")
        simulation.fail("nap", ValueError, attempts=2)
        assert loading([1, 2, 3]) == [1, 2, 3]
        assert [run.attempts for run in simulation.runs.tasks("load")] == [1, 1, 3]
        assert asyncio.run(nap(1)) == 1


def test_all_attempts_fail():
    """`attempts=None`; the latest failure that fits counts."""
    with simulate() as simulation:
        simulation.fail(load, KeyError("x"), attempts=None)
        with simulation.fail(load, ValueError("y"), attempts=3), pytest.raises(ValueError, match="y"):
            load(1)
        with pytest.raises(KeyError):
            load(2)


def test_flows_and_generators_fail_too():
    """In the way of each."""
    with simulate() as simulation:
        simulation.fail(count, ValueError)
        simulation.fail("loading", ValueError, attempts=[1])
        assert list(count(2)) == [0, 1]
        assert loading.with_options(retries=1)([1]) == [1]
        assert simulation.runs.task("count").attempts == 2
        assert simulation.runs.flow("loading").attempts == 2


def test_a_failure_comes_before_a_stub():
    """Which keeps its outcomes for the calls that reach it."""
    with simulate() as simulation:
        stub = simulation.stub(load, ["a"])
        simulation.fail(load, ValueError)
        assert load(1) == "a"
        assert stub.attempts == [2]


# slowness --------------------------------------------------------------------------------------------------------


def test_slow_bodies_take_more_virtual_time():
    """Beside their own, and beside what a stub takes."""
    with simulate() as simulation:
        simulation.slow("*", 100)
        simulation.slow(load, 20, run="load-2")
        simulation.stub(load, 7, takes=3, run="load-3")
        assert loading([1, 2, 3]) == [1, 2, 7]
        ended = [run.record.end_time.second for run in simulation.runs.tasks("load")]
        assert ended == [20, 40, 23]  # after 3 minutes
        assert simulation.elapsed == 220


def test_slow_bodies_run_into_their_time_outs():
    """At the attempts that are slow."""
    limited = load.with_options(timeout_seconds=30)
    with simulate() as simulation:
        slowness = simulation.slow(load, 40, attempts={1})
        simulation.slow(nap, 4.5, attempts=1)
        assert limited(1) == 1
        assert simulation.runs.task("load-1").states == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
        assert simulation.elapsed == 40
        assert asyncio.run(nap(1)) == 1
        assert simulation.runs.task("nap-1").retry_delays == []
        assert simulation.runs.task("nap-1").attempts == 2
        assert simulation.elapsed == 46
        assert slowness.times == 1


def test_slow_generators_stay_generators():
    """What is sent to them reaches them."""

    async def consume():
        items = count_async(2)
        return [await items.asend(None), await items.asend("sent"), *[item async for item in items]]

    with simulate() as simulation:
        simulation.slow(count_async, 5)
        assert asyncio.run(consume()) == [0, "sent", 1]
        assert simulation.elapsed == 5


# what struck -----------------------------------------------------------------------------------------------------


def test_what_came_true_is_known():
    """At which moment, for which run, and what it was."""
    with simulate() as simulation:
        simulation.fail(load, KeyError("x"))
        simulation.slow(load, 2.5, attempts=2)
        simulation.store_fails(state="Completed", error=OSError("gone"))
        simulation.crash(at=("load-1", "Crashed"))
        with pytest.raises(OSError, match="gone"):
            load(1)
        assert [(strike.at.second, strike.run, strike.attempt, strike.what) for strike in simulation.struck] == [
            (0, "load-1", 1, "let fail: raises KeyError('x')"),
            (10, "load-1", 2, "2.5 s slower"),
            (12, "load-1", 2, "store fails on transition: raises OSError('gone')"),
            (12, "load-1", 2, "its process dies when 'load-1' entered Crashed"),
        ]


# mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "error", "said"),
    [
        (lambda s: s.fail(load, "down"), TypeError, "exception to raise"),
        (lambda s: s.fail(print, ValueError), TypeError, "give what @task or @flow made"),
        (lambda s: s.fail(load, ValueError, attempts={0}), ValueError, "the first attempt is 1"),
        (lambda s: s.fail(load, ValueError, attempts=[]), ValueError, "None is every attempt"),
        (lambda s: s.fail(load, ValueError, attempts={"1"}), TypeError, "whole numbers"),
        (lambda s: s.fail(load, ValueError, attempts=True), TypeError, "whole numbers"),
        (lambda s: s.fail(load, ValueError, run=""), ValueError, "can't be empty"),
        (lambda s: s.slow(load, -1), ValueError, "can't be -1"),
        (lambda s: s.slow(load, None), TypeError, "number of virtual seconds"),
        (lambda s: s.slow(load, 1, attempts=0.5), TypeError, "whole numbers"),
    ],
)
def test_wrong_faults_are_refused(plan, error, said):
    """Where they are made, with what to write instead."""
    with simulate() as simulation, pytest.raises(error, match=said):
        plan(simulation)


# the store -------------------------------------------------------------------------------------------------------


def check_legal(runs):
    for run in runs.all():
        before = None
        for step in run.transitions:
            assert allowed(before, step.to, run.kind)
            before = step.to


@pytest.mark.parametrize("error", [None, StoreFull("no room"), OSError("gone"), TimeoutError], ids=repr)
def test_the_store_fails_at_a_state_of_a_run(error):
    """What it did not take has not happened; the run is Crashed, and the caller meets the error."""
    with simulate() as simulation:
        fault = simulation.store_fails(state="Completed", run="load-2", error=error)
        with pytest.raises(StoreError if error is None else type(error) if isinstance(error, Exception) else error):
            flow(lambda: [load(1), load(2)])()
        assert fault.times == 1
        assert simulation.runs.task("load-1").states == ["Pending", "Running", "Completed"]
        assert simulation.runs.task("load-2").states == ["Pending", "Running", "Crashed"]
        assert simulation.runs.flow("*").states[:2] == ["Pending", "Running"]
        check_legal(simulation.runs)


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("submitted", [False, True], ids=["called", "submitted"])
@pytest.mark.parametrize("nth", range(1, 7))
def test_whichever_write_fails_histories_are_legal_and_nothing_hangs(nth, submitted, store):
    """One after the other, to the last."""
    around = loading if submitted else flow(lambda numbers: [load(n) for n in numbers])
    with simulate(store=store) as simulation:
        fault = simulation.store_fails(nth=nth, error=OSError("gone"))
        with contextlib.suppress(OSError):
            around([1, 2])
        check_legal(simulation.runs)
        assert fault.times == 1
        assert all(run.state.is_final() for run in simulation.runs.all())


@pytest.mark.parametrize("nth", range(1, 10))
def test_a_subflow_and_what_stands_for_it_end_whichever_write_fails(nth):
    """Its child's first and last included, of which the task run that stands for it does not hear."""
    outer = flow(lambda: loading([1]), name="outer")
    with simulate() as simulation:
        simulation.store_fails(nth=nth)
        with contextlib.suppress(StoreError):
            outer()
        check_legal(simulation.runs)
        assert all(run.state.is_final() for run in simulation.runs.all())


def test_the_store_fails_several_times_or_for_good():
    """From the `nth` on; `times=None` for ever."""
    with simulate() as simulation:
        with simulation.store_fails("create", nth=2, times=2) as fault:
            assert load(1) == 1
            for n in (2, 3):
                with pytest.raises(StoreError, match=r"The store failed \(create\)"):
                    load(n)
            assert load(4) == 4
        assert [run.name for run in simulation.runs.all()] == ["load-1", "load-4"]
        with simulation.store_fails(times=None), pytest.raises(StoreError):
            load(5)
        assert fault.times == 2
        assert load(6) == 6


def test_reads_in_runs_fail_and_those_of_the_test_do_not():
    """A client asked in a flow, and a run that was moved from outside and wants to know how."""

    @flow
    def reading():
        with get_client(sync_client=True) as client:
            return client.read_flow_runs()

    @flow
    def cancelled():
        simulation.store.propose("flow", UUID(runtime.flow_run.id), Cancelling())

    with simulate() as simulation:
        with simulation.store_fails("read"), pytest.raises(StoreError):
            reading()
        assert simulation.runs.flow("reading").states == ["Pending", "Running", "Failed"]
        with simulation.store_fails("read", run=None, error=OSError("gone")), pytest.raises(OSError, match="gone"):
            cancelled()
        assert simulation.runs.flow("cancelled").states == ["Pending", "Running", "Cancelling", "Cancelled"]
        check_legal(simulation.runs)


def test_log_lines_that_can_not_be_stored_do_no_harm(capsys):
    """The run goes on; standard error says so."""
    with simulate() as simulation:
        with simulation.store_fails("logs", run="load-*", times=None):
            assert loading([1]) == [1]
        assert simulation.runs.task("load-1").logs == []
        assert simulation.runs.flow("loading").logs != []
    assert "log lines could not be stored: The store failed (logs)" in capsys.readouterr().err


def test_slots_that_can_not_be_had_fail_the_run_that_asks():
    """Others get them."""
    with simulate() as simulation:
        simulation.store.put_limit(ConcurrencyLimit(name="tag:db", limit=1))
        tagged = load.with_options(tags=["db"], retries=0)
        with simulation.store_fails("slots"), pytest.raises(StoreError):
            tagged(1)
        with simulation.store_fails("slots", nth=2), pytest.raises(StoreError):
            tagged(2)
        assert tagged(3) == 3
        check_legal(simulation.runs)


def test_moves_from_outside_fail_in_whoever_makes_them():
    """A cancellation that was asked for does not come through."""
    with simulate() as simulation:
        started = simulation.start(flow(lambda: time.sleep(10), name="sleeping"))
        simulation.run_until(simulation.runs.flow("sleeping").reaches("Running"))
        run = simulation.runs.flow("sleeping")
        with simulation.store_fails("propose", run="*", state="Cancelling"), pytest.raises(StoreError):
            simulation.store.propose("flow", run.id, Cancelling())
        started.result()
        assert run.states == ["Pending", "Running", "Completed"]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"on": "write"}, ValueError, "'transition', 'create', 'propose', 'read', 'slots', 'logs'"),
        ({"nth": 0}, ValueError, "the first is 1"),
        ({"nth": "3"}, TypeError, "whole number"),
        ({"times": 0}, ValueError, "'times' can't be 0"),
        ({"error": "full"}, TypeError, "exception to raise"),
        ({"run": 1}, TypeError, "name or a pattern"),
        ({"on": "read", "state": "Running"}, ValueError, "leave out 'state'"),
        ({"on": "slots", "run": "load"}, ValueError, "leave out 'run'"),
        ({"state": "Runing"}, UnknownStateName, "Did you mean Running"),
    ],
)
def test_wrong_failures_of_the_store_are_refused(options, error, said):
    """Where they are made, with what to write instead."""
    with simulate() as simulation, pytest.raises(error, match=said):
        simulation.store_fails(**options)
