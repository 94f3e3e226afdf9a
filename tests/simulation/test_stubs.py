"""Stubs: the engine's path stays, and the body is replaced."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from headrace import flow, task
from headrace.exceptions import SimulationError, StubError
from headrace.states import Failed
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.testing import Raises, Returns, current_simulation, simulate

NEVER = "the body is never called"


@task(retries=2, retry_delay_seconds=[10, 20], task_run_name="load-{n}")
def load(n: int) -> Any:
    raise AssertionError(NEVER)


@task(task_run_name="nap-{n}")
async def nap(n: int) -> Any:
    raise AssertionError(NEVER)


@task
def count(n: int):
    got = yield NEVER
    raise AssertionError(got)


@task
async def count_async(n: int):
    yield NEVER


class Loader:
    @task
    def fetch(self, n: int) -> Any:
        raise AssertionError(NEVER)

    @task
    @classmethod
    def make(cls, n: int) -> Any:
        raise AssertionError(NEVER)

    @task
    @staticmethod
    def help(n: int) -> Any:
        raise AssertionError(NEVER)


@flow
def loading(numbers: list[int]) -> list[Any]:
    return load.map(numbers).result()


# what comes of a call --------------------------------------------------------------------------------------------


def test_outcomes_come_in_order_and_the_engine_does_the_rest():
    """The issue's own example: two failures and a value, with the states, delays and name of the real thing."""
    with simulate() as simulation:
        stub = simulation.stub(load, [ConnectionError("down"), ConnectionError, b"page"])
        assert loading([1]) == [b"page"]
        run = simulation.runs.task("load-1")
        assert run.states.match("Pending Running (AwaitingRetry Retrying){2} Completed")
        assert run.retry_delays == [10, 20]
        assert simulation.elapsed == 30
        assert stub.attempts == [1, 2, 3]
        assert stub.calls == [{"n": 1}] * 3
        assert stub.runs == [run]


@pytest.mark.parametrize("value", [3, None, "text", (1, 2), {"a": 1}, b""], ids=repr)
def test_a_single_value_is_returned_at_every_call(value):
    """Tuples and dicts are values as well."""
    with simulate() as simulation:
        stub = simulation.stub(load, value)
        assert loading([1, 2]) == [value, value]
        assert stub.times_called == 2


def test_a_single_exception_is_raised_at_every_call():
    """Until the retries are exhausted."""
    with simulate() as simulation:
        stub = simulation.stub(load, ConnectionError("down"))
        with pytest.raises(ConnectionError, match="down"):
            load(1)
        assert stub.times_called == 3
        assert simulation.runs.task("load-1").states[-1] == "Failed"


def test_a_function_is_called_with_the_arguments():
    """Its errors are the body's."""
    with simulate() as simulation:
        simulation.stub(load, lambda n: 10 // n)
        assert loading([1, 2]) == [10, 5]
        with pytest.raises(ZeroDivisionError):
            load(0)


def test_what_a_list_or_an_exception_means_can_be_said():
    """`Returns` and `Raises`; a list in a list is a value."""
    error = ValueError("a value")
    with simulate() as simulation:
        with simulation.stub(load, Returns([1, 2])):
            assert load(1) == load(2) == [1, 2]
        with simulation.stub(load, [[1, 2], Returns(error), Returns(len)]):
            assert [load(n) for n in range(3)] == [[1, 2], error, len]
        with simulation.stub(load.with_options(retries=0), Raises(KeyError("x"))), pytest.raises(KeyError):
            load.with_options(retries=0)(1)


def test_a_returned_state_is_the_runs():
    """As if the body had returned it: a failed one is tried again."""
    with simulate() as simulation:
        simulation.stub(load, [Failed(message="no"), 1])
        assert load(1) == 1
        assert simulation.runs.task("load-1").retry_delays == [10]


def test_a_base_exception_crashes_the_run():
    """And is not tried again."""
    with simulate() as simulation:
        simulation.stub(load, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            load(1)
        assert simulation.runs.task("load-1").states == ["Pending", "Running", "Crashed"]


# in the way of the body ------------------------------------------------------------------------------------------


def test_async_tasks_are_stubbed_called_or_submitted():
    """With values, and with sync and async functions."""

    async def twice(n):
        await asyncio.sleep(5)
        return 2 * n

    @flow
    async def napping():
        return [await nap(1), nap.submit(2).result(), *await asyncio.gather(nap(3), nap(4))]

    with simulate() as simulation:
        with simulation.stub(nap, [1, twice, lambda n: n, twice]):
            assert asyncio.run(napping()) == [1, 4, 3, 8]
        assert simulation.elapsed == 10


def test_generators_yield_what_the_stub_gives():
    """Consumed step by step, or submitted as a list."""

    def upwards(n):
        yield from range(n)

    async def upwards_async(n):
        for item in range(n):
            await asyncio.sleep(1)
            yield item

    @flow
    def counting():
        return [*count(1)], count.submit(2).result(), [*count(3)]

    @flow
    async def counting_async():
        return [[item async for item in count_async(n)] for n in (1, 2, 3)], count_async.submit(2).result()

    with simulate() as simulation:
        simulation.stub(count, [[1, 2], (3,), upwards], takes=1)
        simulation.stub(count_async, [[1, 2], upwards, upwards_async, "ab"])
        assert counting() == ([1, 2], [3], [0, 1, 2])
        assert asyncio.run(counting_async()) == ([[1, 2], [0, 1], [0, 1, 2]], ["a", "b"])
        assert simulation.elapsed == 6


@pytest.mark.parametrize("counting", [count, count_async], ids=["sync", "async"])
def test_a_generator_must_be_given_items(counting):
    """A number is no sequence of items; the test is told, and nothing is tried again."""
    with simulate() as simulation:
        simulation.stub(counting, 3)
        with pytest.raises(StubError, match=r"Returns\(\[\.\.\.\]\)"):
            flow(lambda: counting.with_options(retries=2).submit(1).result())()


def test_flows_are_stubbed_after_validation():
    """Called, and as subflows."""

    @flow
    def outer():
        return loading(["1"])

    with simulate() as simulation:
        stub = simulation.stub(loading, ["a", ValueError("b")])
        assert outer() == "a"
        assert stub.calls == [{"numbers": [1]}]
        with pytest.raises(ValueError, match="b"):
            outer()
        assert simulation.runs.flows("loading")[1].states == ["Pending", "Running", "Failed"]


def test_variants_methods_and_all_runners_are_stubbed():
    """Whatever has the task's function."""

    @flow(task_runner=ProcessPoolTaskRunner)
    def in_processes():
        return [load.submit(1).result(), load.with_options(name="other", task_run_name="o").submit(2).result()]

    loader = Loader()
    with simulate() as simulation:
        simulation.stub(load, lambda n: n)
        assert in_processes() == [1, 2]
        fetched = simulation.stub(Loader.fetch, lambda n: ("fetched", n))
        assert loader.fetch(1) == ("fetched", 1)
        simulation.stub(loader.make, [1, 2])
        assert (loader.make(1), Loader.make(1)) == (1, 2)
        simulation.stub(Loader.help, 5)
        assert loader.help(3) == 5
        assert fetched.calls == [{"self": loader, "n": 1}]


def test_names_and_patterns_are_stubbed():
    """Of tasks, flows and runs; the latest stub that fits counts."""
    with simulate() as simulation:
        simulation.stub("lo*", "all")
        simulation.stub("load-2", "second")
        simulation.stub(load, "third", run="*-3")
        assert load.with_options(name="loud")(4) == "all"

        @flow
        def several():
            return load.map([1, 2, 3]).result()

        assert several() == ["all", "second", "third"]


def test_hooks_prints_and_runtime_are_as_with_the_body():
    """It is the body's place, not a short cut."""
    from headrace import runtime

    ended = []
    watched = load.with_options(log_prints=True, on_completion=[lambda *args: ended.append(args[2].name)])
    with simulate() as simulation:
        simulation.stub(load, lambda n: print("here") or runtime.task_run.name)
        assert watched(1) == "load-1"
        assert ended == ["Completed"]
        assert "here" in simulation.runs.task("load-1").logs


# time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stubbed", [load, nap], ids=["sync", "async"])
def test_virtual_seconds_pass_before_the_outcome(stubbed):
    """The same each time, or by a list whose last counts from there on; time-outs see them."""
    limited = stubbed.with_options(timeout_seconds=15, retries=2, retry_delay_seconds=0)
    with simulate() as simulation:
        stub = simulation.stub(stubbed, 1, takes=[20, 30, 3])
        assert flow(lambda: limited.submit(1).result())() == 1
        assert simulation.elapsed == 33
        run = stub.runs[0]
        assert run.states == ["Pending", "Running", "Retrying", "Retrying", "Completed"]
        assert stub.attempts == [1, 2, 3]


# what fails the test ---------------------------------------------------------------------------------------------


def test_a_stub_that_was_never_called_fails_the_test():
    """Saying what ran instead."""

    @simulate()
    def leave_one():
        current_simulation().stub(nap, [1, 2])
        current_simulation().stub(load, 1)
        loading([1])

    with pytest.raises(AssertionError, match=r"'nap' was never called, and its 2 outcomes .* ran: loading, load\."):
        leave_one()
    with simulate() as simulation:
        simulation.stub(nap, 1, unused="ignore")
        with pytest.raises(AssertionError, match="Nothing ran"), simulation.stub("naps", 1):
            pass


def test_another_error_is_not_hidden_by_an_unused_stub():
    """The first error is the one to read."""

    @simulate()
    def fail():
        current_simulation().stub(nap, 1)
        raise KeyError

    with pytest.raises(KeyError):
        fail()


def test_too_many_calls_are_an_error_at_once_that_no_retry_swallows():
    """The run is recorded as crashed."""
    with simulate() as simulation:
        simulation.stub(load, [1])
        with pytest.raises(
            StubError, match=r"task 'load' has 1 outcome, and task run 'load-2' \(attempt 1\) made call 2"
        ):
            loading([1, 2])
        assert simulation.runs.task("load-2").states == ["Pending", "Running", "Crashed"]
    assert issubclass(StubError, SimulationError)
    assert issubclass(StubError, AssertionError)


def test_too_many_calls_that_user_code_swallows_still_fail_the_test():
    """At the end of the simulation."""

    @flow
    def swallowing():
        with contextlib.suppress(Exception):
            load(1)
        load.submit(2)
        return "went on"

    @simulate()
    def go_on():
        current_simulation().stub(load, [ConnectionError("down")])
        assert swallowing() == "went on"

    with pytest.raises(StubError, match="load-1"):
        go_on()


def test_the_last_outcome_or_the_body_may_come_when_the_list_is_exhausted():
    """`exhausted` says so."""
    with simulate() as simulation:
        with simulation.stub(load, [1, 2], exhausted="last"):
            assert loading([1, 2, 3, 4]) == [1, 2, 2, 2]
        real = task(lambda: "real")
        with simulation.stub(real, ["stubbed"], exhausted="real", takes=100):
            assert (real(), real()) == ("stubbed", "real")
        assert real() == "real"
        assert simulation.elapsed == 100


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((len, 1), TypeError, "give what @task or @flow made"),
        ((3, 1), TypeError, "3 is neither"),
        (("", 1), ValueError, "can't be empty"),
        ((load, []), ValueError, r"Returns\(\[\]\)"),
        ((load, asyncio.sleep), TypeError, "can't stand in for the sync one of 'load'"),
    ],
)
def test_wrong_stubs_are_refused(arguments, error, said):
    """Where they are made."""
    with simulate() as simulation, pytest.raises(error, match=said):
        simulation.stub(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"takes": -1}, ValueError, "can't be -1"),
        ({"takes": "1"}, TypeError, "number of virtual seconds, not '1'"),
        ({"takes": []}, ValueError, "empty list"),
        ({"takes": float("nan")}, ValueError, "can't be nan"),
        ({"exhausted": "again"}, ValueError, "'raise', 'last', 'real'"),
        ({"unused": "fail"}, ValueError, "'raise', 'ignore'"),
        ({"run": 3}, TypeError, "pattern such as 'load-"),
    ],
)
def test_wrong_options_of_stubs_are_refused(options, error, said):
    """With what to write instead."""
    with simulate() as simulation, pytest.raises(error, match=said):
        simulation.stub(load, 1, **options)
