"""Flows and tasks whose functions yield."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import pytest

from headrace import State, flow, task
from headrace.runtime import flow_run, task_run
from headrace.states import Completed
from headrace.store.protocol import Store

kinds = pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])


def names(run_store: Store) -> list[list[str]]:
    """Return the state names of every run, task runs first."""
    runs = [*run_store.task_runs(), *run_store.flow_runs()]
    return [[state.name for state in run_store.history(run.id)] for run in runs]


async def collected(items: AsyncIterator[Any]) -> list[Any]:
    """Return what an async generator yields."""
    return [item async for item in items]


@kinds
def test_yields_pass_through(run_store: Store, decorate: Any) -> None:
    """As they are made, and the run completes at the end."""
    made: list[int] = []

    @decorate
    def counts(to: int) -> Iterator[int]:
        for n in range(to):
            made.append(n)
            yield n

    assert counts.isgenerator
    assert not counts.isasync
    items = counts(3)
    assert inspect.isgenerator(items)
    assert made == []
    assert next(items) == 0
    assert made == [0]
    assert names(run_store) == [["Pending", "Running"]]
    assert list(items) == [1, 2]
    assert names(run_store) == [["Pending", "Running", "Completed"]]


@kinds
@pytest.mark.parametrize("is_async", [False, True])
def test_a_generator_that_is_returned_is_run_to_its_end(run_store: Store, decorate: Any, is_async: bool) -> None:
    """Within the run, whose result is the list; a generator that is yielded is only passed on."""

    def items() -> Iterator[int]:
        yield from (flow_run.run_count + task_run.run_count, 2)

    async def async_items() -> AsyncIterator[int]:
        for item in items():
            yield item

    @decorate
    async def async_fn(which: int) -> Any:
        return (items(), async_items())[which]

    if is_async:
        assert asyncio.run(async_fn(0)) == asyncio.run(async_fn(1)) == [1, 2]
    else:
        assert decorate(lambda: items())() == [1, 2]

    @decorate
    def passes_on() -> Iterator[Any]:
        yield items()

    assert inspect.isgenerator(next(passes_on()))


@kinds
def test_what_a_generator_returns_is_passed_on(decorate: Any) -> None:
    """As `yield from` hands it over, of the last attempt; the result of the run is what was yielded."""
    attempts: list[int] = []

    @decorate(retries=1)
    def counts() -> Generator[int, None, str]:
        attempts.append(1)
        yield 1
        if len(attempts) == 1:
            raise ValueError("once")
        yield 2
        return f"attempt {len(attempts)}"

    def outer() -> Generator[int, None, str]:
        return (yield from counts())

    items = outer()
    assert [next(items) for _ in range(3)] == [1, 1, 2]
    with pytest.raises(StopIteration) as stop:
        next(items)
    assert stop.value.value == "attempt 2"
    assert counts(return_state=True).result() == [1, 2]


@kinds
def test_async_yields_pass_through(run_store: Store, decorate: Any) -> None:
    """The same for async generators."""

    @decorate
    async def counts(to: int) -> AsyncIterator[int]:
        for n in range(to):
            await asyncio.sleep(0)
            yield n

    assert counts.isgenerator
    assert counts.isasync
    assert asyncio.run(collected(counts(3))) == [0, 1, 2]
    assert names(run_store) == [["Pending", "Running", "Completed"]]


@kinds
def test_a_generator_that_yields_nothing_completes(run_store: Store, decorate: Any) -> None:
    """With an empty list."""

    @decorate
    def nothing() -> Iterator[int]:
        yield from ()

    @decorate
    async def async_nothing() -> AsyncIterator[int]:
        for item in ():
            yield item

    assert list(nothing()) == []
    assert asyncio.run(collected(async_nothing())) == []
    assert nothing(return_state=True).result() == []


@kinds
def test_an_error_fails_the_run_after_what_was_yielded(run_store: Store, decorate: Any) -> None:
    """It is raised where the next item was asked for."""

    @decorate
    def breaks() -> Iterator[int]:
        yield 1
        raise ValueError("boom")

    @decorate
    async def async_breaks() -> AsyncIterator[int]:
        yield 1
        raise ValueError("boom")

    items = breaks()
    assert next(items) == 1
    with pytest.raises(ValueError, match="boom"):
        next(items)
    with pytest.raises(ValueError, match="boom"):
        asyncio.run(collected(async_breaks()))
    assert names(run_store) == [["Pending", "Running", "Failed"]] * 2


@kinds
def test_closing_early_completes_the_run(run_store: Store, decorate: Any) -> None:
    """The user's `finally` runs; nobody wanted the rest."""
    closed: list[str] = []

    @decorate
    def counts() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append("closed")

    @decorate
    async def async_counts() -> AsyncGenerator[int, None]:
        try:
            for n in range(100):
                yield n
        finally:
            closed.append("async closed")

    async def two() -> None:
        items = async_counts()
        assert [await anext(items), await anext(items)] == [0, 1]
        await items.aclose()

    items = counts()
    assert [next(items), next(items)] == [0, 1]
    items.close()
    asyncio.run(two())
    assert closed == ["closed", "async closed"]
    assert names(run_store) == [["Pending", "Running", "Completed"]] * 2


@kinds
def test_leaving_a_loop_completes_the_run(run_store: Store, decorate: Any) -> None:
    """`break`, even where the event loop ends before anybody has closed the generator."""

    @decorate
    async def counts() -> AsyncIterator[int]:
        for n in range(100):
            yield n

    @decorate
    def sync_counts() -> Iterator[int]:
        yield from range(100)

    async def first() -> Any:
        async for item in counts():
            return item
        return None

    def sync_first() -> Any:
        for item in sync_counts():
            return item
        return None

    assert (asyncio.run(first()), sync_first()) == (0, 0)
    assert names(run_store) == [["Pending", "Running", "Completed"]] * 2


@kinds
def test_a_retry_starts_again_from_the_first(run_store: Store, decorate: Any) -> None:
    """What was yielded before the failure has been seen already."""
    attempts: list[int] = []

    @decorate(retries=1)
    def counts() -> Iterator[int]:
        attempts.append(1)
        yield 1
        if len(attempts) < 2:
            raise ValueError
        yield 2

    @decorate(retries=1)
    async def async_counts() -> AsyncIterator[int]:
        attempts.append(1)
        yield 1
        if len(attempts) < 4:
            raise ValueError
        yield 2

    assert list(counts()) == [1, 1, 2]
    assert asyncio.run(collected(async_counts())) == [1, 1, 2]
    assert names(run_store) == [["Pending", "Running", "Retrying", "Completed"]] * 2


def test_submitted_generators_give_lists() -> None:
    """Sync and async; mapped too."""

    @task
    def counts(to: int) -> Iterator[int]:
        yield from range(to)

    @task
    async def async_counts(to: int) -> AsyncIterator[int]:
        for n in range(to):
            yield n

    @flow
    def my_flow() -> Any:
        return (
            counts.submit(2).result(),
            async_counts.submit(2).result(),
            counts.map([1, 2]).result(),
        )

    assert my_flow() == ([0, 1], [0, 1], [[0], [0, 1]])


@kinds
def test_return_state_gives_the_list_in_a_state(decorate: Any) -> None:
    """The generator is run to its end."""

    @decorate
    def counts() -> Iterator[int]:
        yield from range(3)

    @decorate
    async def async_counts() -> AsyncIterator[int]:
        for n in range(3):
            yield n

    state = counts(return_state=True)
    assert isinstance(state, State)
    assert state.result() == [0, 1, 2]
    assert asyncio.run(async_counts(return_state=True)).result() == [0, 1, 2]


@kinds
def test_what_is_sent_and_thrown_reaches_the_function(decorate: Any) -> None:
    """A generator is a conversation."""

    @decorate
    def echoes() -> Generator[Any, Any, None]:
        got = yield "ready"
        try:
            yield got
        except KeyError:
            yield "caught"

    items = echoes()
    assert next(items) == "ready"
    assert items.send("hello") == "hello"
    assert items.throw(KeyError) == "caught"


def test_generators_are_in_their_run_only_while_they_run() -> None:
    """The caller of `next` is not in the task run."""

    @task(task_run_name="inside")
    def looks() -> Iterator[Any]:
        yield task_run.name
        yield task_run.name

    @flow
    def my_flow() -> Any:
        seen = []
        for item in looks():
            seen.append((item, task_run.name, flow_run.flow_name))
        return seen

    assert my_flow() == [("inside", None, "my-flow")] * 2


def test_generators_consume_one_another() -> None:
    """As pipelines do."""

    @task
    def source() -> Iterator[int]:
        yield from range(3)

    @task
    def doubled(items: Any) -> Iterator[int]:
        for item in items:
            yield 2 * item

    @flow
    def my_flow() -> Any:
        return list(doubled(source()))

    assert my_flow() == [0, 2, 4]


def test_a_generator_flow_may_yield_futures(run_store: Store) -> None:
    """They are passed on as they are."""

    @task
    def one() -> int:
        return 1

    @flow
    def my_flow() -> Iterator[Any]:
        yield one.submit()
        yield one(return_state=True)

    first, second = list(my_flow())
    assert first.result() == 1
    assert isinstance(second, State)


def test_returned_states_of_generators_are_not_special() -> None:
    """What a generator yields is data."""

    @task
    def yields_states() -> Iterator[State]:
        yield Completed(data=1)

    assert [state.data for state in yields_states()] == [1]
