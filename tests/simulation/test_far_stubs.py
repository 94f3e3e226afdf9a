"""Stubs and faults reach what tasks call themselves, in a worker process of their own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headrace import flow, task
from headrace.exceptions import SimulatedCrash, StubError
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.testing import Simulation, simulate


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """A simulation with real worker processes."""
    with simulate(real_processes=True) as made:
        yield made


@task(retries=2, retry_delay_seconds=60, task_run_name="fetch-{page}")
def fetch(page: int) -> Any:
    raise LookupError("nobody stood in")


@task
async def fetch_async(page: int) -> Any:
    raise LookupError("nobody stood in")


@flow
def inner(page: int) -> Any:
    return fetch(page)


@task
def gather(pages: list[int]) -> tuple[int, list[Any]]:
    return os.getpid(), [fetch(page) for page in pages]


@task
async def gather_async(pages: list[int]) -> tuple[int, list[Any]]:
    return os.getpid(), [await fetch_async(page) for page in pages]


@task
def call_subflow(page: int) -> Any:
    return inner(page)


@task
def submit(page: int) -> Any:
    return fetch.submit(page).result()


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def far(called: Any, *args: Any) -> Any:
    return called.submit(*args).result()


def test_outcomes_come_in_the_order_of_the_calls(simulation: Simulation) -> None:
    """With their delays, in virtual time; the runs are the engine's, retries too."""
    stub = simulation.stub(fetch, ["one", ConnectionError("down"), "two"], takes=[5, 0])
    process, pages = far(gather, [1, 2])
    assert (process != os.getpid(), pages) == (True, ["one", "two"])
    assert simulation.elapsed == 65
    assert stub.calls == [{"page": 1}, {"page": 2}, {"page": 2}]
    assert (stub.attempts, [run.name for run in stub.runs]) == ([1, 1, 2], ["fetch-1", "fetch-2"])
    assert simulation.runs.task("fetch-2").states.match("Pending Running AwaitingRetry Retrying Completed")
    assert [strike.run for strike in simulation.struck] == ["fetch-1", "fetch-2", "fetch-2"]


@pytest.mark.parametrize(("called", "stubbed", "args"), [(gather_async, fetch_async, [[1]]), (submit, fetch, [1])])
def test_async_and_submitted_tasks_are_stubbed_too(
    simulation: Simulation, called: Any, stubbed: Any, args: Any
) -> None:
    """In the worker's own threads and loops."""
    simulation.stub(stubbed, "stood in", takes=3600)
    assert "stood in" in str(far(called, *args))
    assert simulation.elapsed == 3600


def test_a_subflow_in_a_worker_is_stubbed_by_its_name(simulation: Simulation) -> None:
    """A flow is no other than a task."""
    simulation.stub("inner", "whole")
    assert far(call_subflow, 1) == "whole"


def made(word: str) -> tuple[Any, Any]:
    """Return two tasks whose functions have one name between them."""
    first = task(name="first")(lambda: word)
    second = task(name="second")(
        lambda: word,
    )
    return first, second


@task
def call_both(first: Any, second: Any) -> list[Any]:
    return [first(), second()]


def test_functions_of_the_same_name_are_told_apart(simulation: Simulation) -> None:
    """Lambdas, say."""
    first, second = made("real")
    simulation.stub(second, "stood in")
    assert far(call_both, first, second) == ["real", "stood in"]


def test_a_function_that_stands_in_is_called_with_the_arguments(simulation: Simulation) -> None:
    """In the worker."""
    simulation.stub(fetch, lambda page: (page, os.getpid()))
    process, [(page, where)] = far(gather, [7])
    assert (page, where) == (7, process)


def test_bodies_fail_and_are_slow(simulation: Simulation) -> None:
    """What was planned by attempts and names."""
    simulation.stub(fetch, "page", unused="ignore")
    failure = simulation.fail(fetch, TimeoutError("slow network"), attempts={1, 2}, run="fetch-2")
    delay = simulation.slow(fetch, 10, attempts=None, run="fetch-1")
    assert far(gather, [1, 2])[1] == ["page", "page"]
    assert (failure.times, delay.times, simulation.elapsed) == (2, 1, 130)


def test_the_body_itself_is_called_where_the_outcomes_are_used_up(simulation: Simulation) -> None:
    """Or what is planned is only that it takes longer."""
    simulation.stub(fetch, ["one"], exhausted="real")
    simulation.slow(fetch, 3600, run="fetch-2")
    with pytest.raises(LookupError, match="nobody stood in"):
        far(gather, [1, 2])
    assert simulation.runs.task("fetch-2").attempts == 3


def test_one_call_too_many_fails_at_once(simulation: Simulation) -> None:
    """With the words that it has in this process."""
    simulation.stub(fetch, ["one"])
    with pytest.raises(StubError, match=r"has 1 outcome, and task run 'fetch-2' \(attempt 1\) made call 2"):
        far(gather, [1, 2])


def test_a_call_too_many_that_was_caught_fails_the_test_at_the_end() -> None:
    """As it does without processes."""

    def story() -> None:
        with simulate(real_processes=True) as simulation:
            simulation.stub(fetch, ["one"])
            assert far(swallow) == "swallowed"

    with pytest.raises(StubError, match="made call 2"):
        story()


@task
def swallow() -> str:
    fetch(1)
    with pytest.raises(StubError):
        fetch(2)
    return "swallowed"


def test_what_cannot_travel_is_told(simulation: Simulation) -> None:
    """A lock, say; with the run, and what to do."""
    simulation.stub(fetch, threading.Lock())
    with pytest.raises(StubError, match=r"task run 'fetch-1', which a worker process runs, returns <unlocked .*lock"):
        far(gather, [1])


def test_a_process_that_dies_calls_nothing_more(simulation: Simulation) -> None:
    """What it would have called is not counted."""
    stub = simulation.stub(fetch, "page")
    simulation.crash(at=("fetch-1", "Completed"))
    with pytest.raises(SimulatedCrash):
        far(gather, [1, 2])
    assert stub.calls == [{"page": 1}]
