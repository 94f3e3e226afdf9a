"""Futures of submitted task runs."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest

from headrace import State, flow, task
from headrace.futures import (
    RunFuture,
    RunFutureList,
    as_completed,
    resolve_futures_to_results,
    resolve_futures_to_states,
    wait,
)
from headrace.states import Failed, StateType
from headrace.store.protocol import Store


@task
def one() -> int:
    return 1


@task
async def async_one() -> int:
    return 1


@task
def boom() -> int:
    raise ValueError("boom")


def test_submit_returns_a_future_at_once() -> None:
    """Before the task has ended, for sync and for async tasks."""
    gate = threading.Event()

    @task
    def waits() -> str:
        assert gate.wait(10)
        return "done"

    @task
    async def async_waits() -> str:
        assert await asyncio.to_thread(gate.wait, 10)
        return "done"

    @flow
    def my_flow() -> Any:
        futures = [waits.submit(), async_waits.submit()]
        assert all(isinstance(future, RunFuture) for future in futures)
        assert not any(future.state.is_final() for future in futures)
        gate.set()
        return [future.result() for future in futures]

    assert my_flow() == ["done", "done"]


@pytest.mark.parametrize("tested", [one, async_one], ids=["sync", "async"])
def test_a_future_knows_its_run(run_store: Store, tested: Any) -> None:
    """Its id, its state, its result."""

    @flow
    def my_flow() -> UUID:
        future = tested.submit()
        assert future.result() == 1
        assert future.state.type is StateType.COMPLETED
        assert future.state.result() == 1
        assert future.done()
        found: UUID = future.task_run_id
        return found

    found = my_flow()
    assert [run.id for run in run_store.task_runs()] == [found]


def test_result_raises_what_the_task_raised() -> None:
    """Or gives it."""

    @flow
    def my_flow() -> None:
        future = boom.submit()
        with pytest.raises(ValueError, match="boom"):
            future.result()
        assert isinstance(future.result(raise_on_failure=False), ValueError)
        future.wait()
        assert future.state.is_failed()

    my_flow()


@pytest.mark.parametrize("data", [3, {"a": 1}, [1], ValueError], ids=repr)
def test_data_that_stands_for_no_exception_is_returned_where_nothing_is_to_be_raised(data: Any) -> None:
    """A task may return a failed state that holds anything."""

    @task
    def odd() -> Any:
        return Failed(data=data)

    @flow
    def my_flow() -> Any:
        future = odd.submit()
        with pytest.raises(TypeError, match="stands for no exception"):
            future.result()
        return future.result(raise_on_failure=False)

    assert my_flow() == data


def test_a_wait_with_a_timeout_ends_without_an_error() -> None:
    """`wait` never raises; `result` raises TimeoutError."""
    gate = threading.Event()

    @task
    def waits() -> str:
        assert gate.wait(10)
        return "done"

    @flow
    def my_flow() -> Any:
        future = waits.submit()
        future.wait(timeout=0.01)
        assert not future.done()
        with pytest.raises(TimeoutError, match=r"Task run 'waits-...' did not complete within 0\.01 second"):
            future.result(timeout=0.01)
        done, not_done = wait([future], timeout=0.01)
        assert (done, not_done) == (set(), {future})
        with pytest.raises(TimeoutError):
            list(as_completed([future], timeout=0.01))
        with pytest.raises(TimeoutError):
            RunFutureList([future]).result(timeout=0.01)
        RunFutureList([future]).wait(timeout=0.01)
        gate.set()
        return future.result(timeout=10)

    assert my_flow() == "done"


def test_callbacks_are_called_once_with_the_future() -> None:
    """When it ends, or at once where it has."""
    called: list[Any] = []
    gate = threading.Event()

    @task
    def waits() -> None:
        assert gate.wait(10)

    @flow
    def my_flow() -> None:
        future = waits.submit()
        future.add_done_callback(called.append)
        assert called == []
        gate.set()
        future.wait()
        future.add_done_callback(called.append)
        assert called == [future, future]

    my_flow()
    assert len(called) == 2


def test_a_future_may_be_awaited() -> None:
    """In async code; it gives the result, or raises."""

    @flow
    async def my_flow() -> Any:
        with pytest.raises(ValueError, match="boom"):
            await boom.submit()
        return await one.submit(), await async_one.submit(), await asyncio.gather(one.submit(), one.submit())

    assert asyncio.run(my_flow()) == (1, 1, [1, 1])


def test_waiting_and_results_may_be_awaited() -> None:
    """As it was written for Prefect 2, and for Prefect 3 in its beginnings."""

    @flow
    async def my_flow() -> Any:
        future, futures = async_one.submit(), task(lambda n: str(n)).map([7])
        await future.wait()
        await futures.wait()
        with pytest.raises(ValueError, match="boom"):
            await boom.submit().result()
        return await future.result(), await futures.result(), await one.submit().result(timeout=10)

    assert asyncio.run(my_flow()) == (1, ["7"], 1)


def test_results_may_be_asked_for_in_an_async_flow_without_await() -> None:
    """As Prefect's users write it."""

    @flow
    async def my_flow() -> Any:
        return one.submit().result(), async_one.submit().result(), one.submit(return_state=True).result()

    assert asyncio.run(my_flow()) == (1, 1, 1)


def test_return_state_waits() -> None:
    """And gives the final state."""

    @flow
    def my_flow() -> Any:
        return [one.submit(return_state=True), boom.submit(return_state=True)]

    state = my_flow(return_state=True)
    assert [inner.type for inner in state.data] == ["COMPLETED", "FAILED"]
    assert all(isinstance(inner, State) for inner in state.data)


def test_wait_tells_done_from_not_done() -> None:
    """As two sets, by name and by position."""

    @flow
    def my_flow() -> None:
        futures = [one.submit() for _ in range(3)]
        ended = wait(futures)
        assert ended.done == set(futures)
        assert ended.not_done == set()
        done, not_done = wait([])
        assert (done, not_done) == (set(), set())

    my_flow()


def test_as_completed_yields_in_the_order_of_ending() -> None:
    """Whatever the order of asking."""
    gates = [threading.Event() for _ in range(3)]

    @task
    def waits(n: int) -> int:
        assert gates[n].wait(10)
        return n

    @flow
    def my_flow() -> list[int]:
        futures = [waits.submit(n) for n in range(3)]
        order = []
        gates[2].set()
        for future in as_completed(futures):
            order.append(future.result())
            gates[{2: 0, 0: 1, 1: 1}[order[-1]]].set()
        return order

    assert my_flow() == [2, 0, 1]


def test_as_completed_yields_failed_ones_too() -> None:
    """They have ended."""

    @flow
    def my_flow() -> Any:
        return sorted(future.state.name for future in as_completed([one.submit(), boom.submit()]))

    assert my_flow() == ["Completed", "Failed"]


def test_a_list_of_futures_gives_results_in_order() -> None:
    """Or raises the first failure, or gives exceptions."""

    @flow
    def my_flow() -> Any:
        futures = RunFutureList([one.submit(), boom.submit()])
        futures.wait()
        with pytest.raises(ValueError, match="boom"):
            futures.result()
        return [type(result).__name__ for result in futures.result(raise_on_failure=False)]

    assert my_flow() == ["int", "ValueError"]


def test_futures_in_a_structure_are_resolved() -> None:
    """To results, or to states."""

    @flow
    def my_flow() -> None:
        assert resolve_futures_to_results({"a": [one.submit()], "b": 2}) == {"a": [1], "b": 2}
        states = resolve_futures_to_states({"a": [one.submit()], "b": 2})
        assert states["a"][0].is_completed()
        assert states["b"] == 2

    my_flow()


def test_a_future_that_returned_futures_gives_their_results() -> None:
    """A task may return what it submitted."""

    @task
    def outer() -> Any:
        return [one.submit(), 5]

    @flow
    def my_flow() -> Any:
        return outer.submit().result(), outer()

    assert my_flow() == ([1, 5], [1, 5])


def test_the_flow_waits_for_what_it_submitted(run_store: Store) -> None:
    """Nothing is left running, though nobody asked for a result."""

    @flow
    def my_flow() -> None:
        for _ in range(5):
            one.submit()

    my_flow()
    assert [run.state.name for run in run_store.task_runs()] == ["Completed"] * 5  # type: ignore[union-attr]


def test_a_future_has_a_repr_that_says_what_it_is() -> None:
    """The run and its state."""

    @flow
    def my_flow() -> str:
        future = one.submit()
        future.wait()
        return repr(future)

    text = my_flow()
    assert "one-" in text
    assert "Completed()" in text


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_callback_that_raises_is_logged_and_the_others_are_called(when: str, runs: Any) -> None:
    """Who waits for the run is not kept waiting, and who adds the callback is not told off."""
    seen = []
    proceed = threading.Event()

    @task
    def waits() -> int:
        proceed.wait(10)
        return 1

    def broken(future: Any) -> None:
        raise ValueError("mine")

    @flow
    def my_flow() -> int:
        future = waits.submit()
        if when == "after":
            proceed.set()
            future.wait()
        future.add_done_callback(broken)
        future.add_done_callback(lambda future: seen.append(future.result()))
        proceed.set()
        return future.result()

    assert my_flow() == 1
    assert seen == [1]
    assert any("The callback 'broken' of a future raised ValueError('mine')" in line for line in runs.task().logs)
