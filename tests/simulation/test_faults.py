"""Faults: bodies that fail or are slow, and a store that fails."""

from __future__ import annotations

import asyncio

import pytest

from headrace import flow, task
from headrace.testing import simulate


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
