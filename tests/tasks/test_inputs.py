"""What tasks are given: futures, states and annotations, and what is recorded of where they came from."""

import asyncio
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import pydantic
import pytest

from headrace import allow_failure, flow, task, unmapped
from headrace.exceptions import MappingLengthMismatch, MappingMissingIterable, UnfinishedRun, UpstreamTaskError
from headrace.futures import RunFuture, RunFutureList
from headrace.runs.origins import REMEMBERED_ITEMS, Origins
from headrace.states import State
from headrace.store.protocol import Store
from headrace.utilities.annotations import opaque, quote


class Custom:
    """A class of the user's."""


@task
def one() -> int:
    return 1


@task
def boom() -> int:
    raise ValueError("boom")


@task
def same(x: Any) -> Any:
    return x


@task
async def async_same(x: Any) -> Any:
    return x


@dataclass
class Box:
    """A dataclass that holds something."""

    inside: Any


class Model(pydantic.BaseModel):
    """A model that holds something."""

    inside: Any


class Pair(NamedTuple):
    """A named tuple."""

    a: Any
    b: Any


WRAPPERS = [
    (lambda x: x, lambda r: r),
    (lambda x: [x, 2], lambda r: [r, 2]),
    (lambda x: (x, 2), lambda r: (r, 2)),
    (lambda x: {"a": x}, lambda r: {"a": r}),
    (lambda x: {"a": [{"b": x}]}, lambda r: {"a": [{"b": r}]}),
    (lambda x: Box(x), lambda r: Box(r)),
    (lambda x: Model(inside=x), lambda r: Model(inside=r)),
    (lambda x: Pair(x, 2), lambda r: Pair(r, 2)),
]


@pytest.mark.parametrize(("wrap", "expected"), WRAPPERS)
@pytest.mark.parametrize("receiver", [same, async_same], ids=["sync", "async"])
def test_futures_and_states_inside_arguments_become_results(receiver: Any, wrap: Any, expected: Any) -> None:
    """Wherever they are."""

    @flow
    def my_flow() -> Any:
        future = one.submit()
        state = one(return_state=True)
        return [receiver.submit(wrap(future)).result(), receiver.submit(wrap(state)).result()]

    assert my_flow() == [expected(1), expected(1)]


@pytest.mark.parametrize(("wrap", "expected"), WRAPPERS)
def test_a_direct_call_resolves_too(wrap: Any, expected: Any) -> None:
    """Sync and async."""

    @flow
    def sync_flow() -> Any:
        return same(wrap(one.submit()))

    @flow
    async def async_flow() -> Any:
        return await async_same(wrap(one.submit()))

    assert sync_flow() == expected(1)
    assert asyncio.run(async_flow()) == expected(1)


def test_quote_passes_unexamined(run_store: Store) -> None:
    """The very object, future and all, and no dependency."""

    @task
    def takes(x: Any) -> bool:
        return isinstance(x[0], RunFuture)

    @flow
    def my_flow() -> Any:
        future = one.submit()
        return takes(quote([future]))

    assert my_flow() is True
    assert next(run for run in run_store.task_runs() if run.task_name == "takes").task_inputs == {}


def test_opaque_resolves_the_top_level_only() -> None:
    """A future itself, but nothing inside a list."""

    @task
    def kind(x: Any) -> str:
        return type(x[0]).__name__ if isinstance(x, list) else type(x).__name__

    @flow
    def my_flow() -> Any:
        return kind(opaque(one.submit())), kind(opaque([one.submit()]))

    assert my_flow() == ("int", "RunFuture")


def test_allow_failure_passes_the_exception() -> None:
    """Of a failed upstream; a completed one gives its result."""

    @flow
    def my_flow() -> Any:
        failed, fine = boom.submit(), one.submit()
        return (
            same.submit(allow_failure(failed)).result(),
            same(allow_failure(fine)),
            same(allow_failure([failed, fine])),
        )

    error, result, both = my_flow()
    assert isinstance(error, ValueError)
    assert result == 1
    assert (type(both[0]), both[1]) == (ValueError, 1)


def test_unmapped_and_allow_failure_are_taken_off_for_the_function() -> None:
    """In plain calls and submissions."""

    @flow
    def my_flow() -> Any:
        return same(unmapped([1])), same.submit(unmapped([1])).result(), same(quote([2]))

    assert my_flow() == ([1], [1], [2])


def test_a_failed_upstream_keeps_a_task_from_running(run_store: Store) -> None:
    """NotReady, a PENDING state; the body is never called; hooks do not fire."""
    called: list[Any] = []

    def hook(*_: Any) -> None:
        called.append("hook")

    @task(on_failure=[hook], on_completion=[hook], on_running=[hook])
    def after(x: Any) -> None:
        called.append(x)

    @flow
    def my_flow() -> None:
        failed = boom.submit()
        future = after.submit(failed)
        future.wait()
        assert (future.state.name, future.state.type) == ("NotReady", "PENDING")
        assert future.state.message == f"Upstream task run '{failed.run.name}' did not reach a 'COMPLETED' state."
        with pytest.raises(UnfinishedRun, match="boom-"):
            future.result()
        chained = after.submit(future)
        chained.wait()
        assert chained.state.name == "NotReady"

    my_flow()
    assert called == []
    run = next(run for run in run_store.task_runs() if run.task_name == "after")
    assert [state.name for state in run_store.history(run.id)] == ["Pending", "NotReady"]


@pytest.mark.parametrize("how", ["future", "state", "list"])
def test_wait_for_is_waited_for(how: str) -> None:
    """Futures and states; a failed one keeps the task from running."""
    order: list[str] = []

    @task
    def first(fail: bool) -> None:
        order.append("first")
        if fail:
            raise ValueError("first")

    @task
    def second() -> str:
        order.append("second")
        return "ran"

    @flow
    def my_flow(fail: bool) -> Any:
        upstream: Any = first(fail, return_state=True) if how == "state" else first.submit(fail)
        waits = [[upstream]] if how == "list" else [upstream]
        return second.submit(wait_for=waits).result(), second(wait_for=waits)

    assert my_flow(False) == ("ran", "ran")
    assert order[0] == "first"
    order.clear()
    with pytest.raises(UnfinishedRun):
        my_flow(True)
    assert order == ["first"]


@pytest.mark.parametrize("waited", [lambda: one.submit(), lambda: one(return_state=True), lambda: [None, 1, "x"]])
def test_wait_for_takes_one_future_or_state_and_passes_over_values(waited: Any) -> None:
    """What is no run is there already."""

    @flow
    def my_flow() -> Any:
        return same.submit(3, wait_for=waited()).result(), same(4, wait_for=waited())

    assert my_flow() == (3, 4)


def test_wait_for_may_allow_failure() -> None:
    """Then it is only waited for."""

    @flow
    def my_flow() -> Any:
        return same.submit(3, wait_for=[allow_failure(boom.submit())]).result()

    assert my_flow() == 3


def test_flows_wait_too() -> None:
    """A subflow is given results, and waits."""

    @flow
    def child(x: Any) -> Any:
        return x

    @flow
    def parent() -> Any:
        return child(one.submit(), wait_for=[one.submit()]), child([one(return_state=True)])

    assert parent() == (1, [1])


def test_a_subflow_whose_input_failed_does_not_run(run_store: Store) -> None:
    """Its function is never called."""
    called: list[Any] = []

    @flow
    def child(x: Any = None) -> None:
        called.append(x)

    @flow
    def parent() -> None:
        with pytest.raises(UnfinishedRun):
            child(boom.submit())
        with pytest.raises(UnfinishedRun):
            child(wait_for=[boom.submit()])
        assert child(boom.submit(), return_state=True).name == "NotReady"

    parent()
    assert called == []


# where they came from ----------------------------------------------------------------------------------------


def inputs_of(run_store: Store, task_name: str) -> dict[str, list[UUID]]:
    """Return what is recorded of the inputs of the only run of a task."""
    (run,) = [run for run in run_store.task_runs() if run.task_name == task_name]
    return {name: list(ids) for name, ids in run.task_inputs.items()}


def ids_of(run_store: Store, *task_names: str) -> list[UUID]:
    """Return the ids of the runs of these tasks."""
    return [run.id for name in task_names for run in run_store.task_runs() if run.task_name == name]


@pytest.mark.parametrize("how", ["future", "state", "result", "submitted result", "nested"])
@pytest.mark.parametrize("submitted", [False, True])
def test_dependencies_are_recorded(run_store: Store, how: str, submitted: bool) -> None:
    """By future, by state, and by the identity of a result."""

    @task
    def makes() -> dict[str, int]:
        return {"a": 1}

    @task
    def takes(x: Any, y: Any = None) -> None: ...

    @flow
    def my_flow() -> None:
        given: Any = {
            "future": lambda: makes.submit(),
            "state": lambda: makes(return_state=True),
            "result": lambda: makes(),
            "submitted result": lambda: makes.submit().result(),
            "nested": lambda: {"deep": [makes()]},
        }[how]()
        if submitted:
            takes.submit(given).wait()
        else:
            takes(given)

    my_flow()
    assert inputs_of(run_store, "takes") == {"x": ids_of(run_store, "makes")}


def test_dependencies_are_recorded_in_async_flows(run_store: Store) -> None:
    """By the identity of what was awaited."""

    @task
    async def makes() -> list[int]:
        return [1]

    @task
    async def takes(x: Any) -> None: ...

    @flow
    async def my_flow() -> None:
        await takes(await makes())

    asyncio.run(my_flow())
    assert inputs_of(run_store, "takes") == {"x": ids_of(run_store, "makes")}


def test_wait_for_is_among_the_dependencies(run_store: Store) -> None:
    """Under that name."""

    @task
    def takes() -> None: ...

    @flow
    def my_flow() -> None:
        takes(wait_for=[one.submit()])

    my_flow()
    assert inputs_of(run_store, "takes") == {"wait_for": ids_of(run_store, "one")}


def test_a_subflow_is_a_dependency_as_the_task_run_that_stands_for_it(run_store: Store) -> None:
    """By its state, and by the identity of its result."""

    @task
    def takes(x: Any, y: Any) -> None: ...

    @flow
    def child() -> Any:
        return {"a": 1}

    @flow
    def parent() -> None:
        takes(child(), child(return_state=True))

    parent()
    first, second = ids_of(run_store, "child")
    assert inputs_of(run_store, "takes") == {"x": [first], "y": [second]}


def test_a_subflow_records_its_own_dependencies(run_store: Store) -> None:
    """On the task run that stands for it."""

    @flow
    def child(x: Any) -> None: ...

    @flow
    def parent() -> None:
        child(one.submit())

    parent()
    assert inputs_of(run_store, "child") == {"x": ids_of(run_store, "one")}


@pytest.mark.parametrize(
    ("rows", "take"),
    [
        ([{"a": 1}, {"a": 2}], lambda rows: rows[1]),
        (["https://one", "https://two"], lambda rows: rows[1]),
        (({"a": 1},), lambda rows: [rows[0]]),
        ({"x": {"a": 1}}, lambda rows: rows["x"]),
        ([Custom()], lambda rows: rows[0]),
    ],
)
@pytest.mark.parametrize("submitted", [False, True])
def test_an_item_of_a_result_comes_from_its_run(run_store: Store, rows: Any, take: Any, submitted: bool) -> None:
    """A flow often loops over what a task returned."""

    @task
    def makes() -> Any:
        return rows

    @task
    def takes(x: Any) -> None: ...

    @flow
    def my_flow() -> None:
        takes(take(makes.submit().result() if submitted else makes()))

    my_flow()
    assert inputs_of(run_store, "takes") == {"x": ids_of(run_store, "makes")}


def test_an_item_that_another_run_made_stays_its_own(run_store: Store) -> None:
    """Whoever passes it on in a list did not make it."""

    @task
    def makes() -> Any:
        return {"a": 1}

    @task
    def collects(x: Any) -> Any:
        return [x]

    @task
    def takes(x: Any) -> None: ...

    @flow
    def my_flow() -> None:
        takes(collects(makes())[0])

    my_flow()
    assert inputs_of(run_store, "takes") == {"x": ids_of(run_store, "makes")}


def test_items_are_remembered_within_bounds() -> None:
    """The oldest are forgotten, and with them what would be wrong once another object took their place."""
    origins, made_by = Origins(), [UUID(int=n) for n in range(3)]
    lists = [[object() for _ in range(REMEMBERED_ITEMS // 2)] for _ in made_by]
    for items, run_id in zip(lists, made_by, strict=True):
        origins.note(items, run_id)
    assert [origins.of_itself(items[0]) for items in lists] == [[], [made_by[1]], [made_by[2]]]
    assert [origins.of_itself(items) for items in lists] == [[made_by[0]], [made_by[1]], [made_by[2]]]


def test_a_very_long_result_is_known_as_a_whole() -> None:
    """Its items are not: to remember them would cost more than the run."""
    origins, long = Origins(), [object() for _ in range(REMEMBERED_ITEMS + 1)]
    origins.note(long, UUID(int=1))
    assert (origins.of_itself(long), origins.of_itself(long[0])) == ([UUID(int=1)], [])


def test_equal_objects_are_not_the_same_object(run_store: Store) -> None:
    """Identity counts, and what Python shares says nothing."""

    @task
    def makes() -> Any:
        return True

    @task
    def takes(x: Any) -> None: ...

    @flow
    def my_flow() -> None:
        makes()
        takes(True)

    my_flow()
    assert inputs_of(run_store, "takes") == {}


# map ---------------------------------------------------------------------------------------------------------


@task
def add(x: Any, y: Any = 10) -> Any:
    return x + y


def mapped(*args: Any, **kwargs: Any) -> Any:
    """Return the results of a map of `add`."""

    @flow
    def my_flow() -> Any:
        futures = add.map(*args, **kwargs)
        assert isinstance(futures, RunFutureList)
        return futures.result()

    return my_flow()


@pytest.mark.parametrize(
    ("args", "kwargs", "results"),
    [
        (([1, 2],), {}, [11, 12]),
        (([1, 2], [3, 4]), {}, [4, 6]),
        (([1, 2], 3), {}, [4, 5]),
        (([1, 2],), {"y": 3}, [4, 5]),
        (((1, 2),), {"y": unmapped(3)}, [4, 5]),
        ((range(3),), {}, [10, 11, 12]),
        (({"a": 1, "b": 2}, "c"), {}, ["ac", "bc"]),
        ((["a"], ["bc"]), {}, ["abc"]),
        (([[1], [2]], unmapped([3])), {}, [[1, 3], [2, 3]]),
        (([],), {}, []),
        ((iter([1, 2]),), {}, [11, 12]),
    ],
    ids=lambda given: type(given).__name__,
)
def test_map_spreads_what_can_be_iterated_over(args: Any, kwargs: Any, results: list[Any]) -> None:
    """The rest is the same for each."""
    assert mapped(*args, **kwargs) == results


def test_map_resolves_a_future_then_maps_over_it() -> None:
    """The result is what is spread."""

    @task
    def numbers() -> list[int]:
        return [1, 2, 3]

    @flow
    def my_flow() -> Any:
        return (
            add.map(numbers.submit()).result(),
            add.map(numbers(return_state=True)).result(),
            add.map([one.submit(), one.submit()]).result(),
            add.map(add.map([1, 2])).result(),
            add.map([1, 2], one.submit()).result(),
            add.map([1, 2], unmapped(one.submit())).result(),
        )

    assert my_flow() == ([11, 12, 13], [11, 12, 13], [11, 11], [21, 22], [2, 3], [2, 3])


def test_map_needs_something_to_iterate_over() -> None:
    """MappingMissingIterable, for strings too."""
    for given in ((1,), ("text",), (b"bytes",), (unmapped([1, 2]),)):
        with pytest.raises(MappingMissingIterable):
            mapped(*given)


def test_map_needs_equal_lengths() -> None:
    """MappingLengthMismatch lists them."""
    with pytest.raises(MappingLengthMismatch, match=r"x has 2, y has 3"):
        mapped([1, 2], [1, 2, 3])


def test_map_takes_return_state_and_wait_for() -> None:
    """A list of states; what is waited for must complete."""

    @flow
    def my_flow() -> Any:
        states = add.map([1, 2], return_state=True)
        assert all(isinstance(state, State) for state in states)
        futures = add.map([1], wait_for=[boom.submit()])
        futures.wait()
        assert futures[0].state.name == "NotReady"
        return [state.result() for state in states]

    assert my_flow() == [11, 12]


def test_map_over_stars() -> None:
    """Each is spread on its own."""

    @task
    def show(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    @flow
    def my_flow() -> Any:
        return show.map([1, 2], 5, k=[3, 4], same=unmapped([0])).result()

    assert my_flow() == [((1, 5), {"k": 3, "same": [0]}), ((2, 5), {"k": 4, "same": [0]})]


def test_map_works_for_async_tasks() -> None:
    """In sync and in async flows."""

    @flow
    def sync_flow() -> Any:
        return async_same.map([1, 2]).result()

    @flow
    async def async_flow() -> Any:
        return async_same.map([1, 2]).result()

    assert sync_flow() == asyncio.run(async_flow()) == [1, 2]


def test_submit_and_map_need_a_flow_around_them() -> None:
    """RuntimeError, saying what to do."""
    with pytest.raises(RuntimeError, match=r"one\.submit\(\) needs a flow run.*@flow"):
        one.submit()
    with pytest.raises(RuntimeError, match=r"add\.map\(\) needs a flow run"):
        add.map([1])


def test_a_task_that_waits_for_itself_is_an_error() -> None:
    """ValueError, and no deadlock: seen where the future of a run is among its own inputs."""
    from headrace.core.state_types import StateType
    from headrace.drive import sync
    from headrace.drive.world import current_world

    context = same._context({"x": None}, None)
    future: RunFuture[Any] = RunFuture(context.run)
    context.parameters = {"x": [future]}
    state = sync.drive(same.story(context), current_world())
    assert state.type is StateType.FAILED
    assert isinstance(state.data, ValueError)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_a_generator_yields_is_known_as_its_run_s(kind: str, runs: Any) -> None:
    """Already while it goes on."""

    @task
    def words() -> Any:
        yield "some" + str(kind)

    @task
    async def async_words() -> Any:
        yield "some" + str(kind)

    @flow
    def my_flow() -> None:
        for word in words():
            same(word)

    @flow
    async def async_flow() -> None:
        async for word in async_words():
            await async_same(word)

    my_flow() if kind == "sync" else asyncio.run(async_flow())
    assert [run.definition_name for run in runs.task("*same*").upstream] == [
        "words" if kind == "sync" else "async_words"
    ]


def test_allow_failure_passes_why_an_upstream_was_not_ready() -> None:
    """An exception, as of a run that failed itself."""

    @flow
    def my_flow() -> list[Any]:
        not_ready = same.submit(boom.submit())
        return [same.submit(allow_failure(not_ready)).result(), same(1, wait_for=[allow_failure(not_ready)])]

    error, value = my_flow()
    assert isinstance(error, UpstreamTaskError)
    assert "did not reach a 'COMPLETED' state" in str(error)
    assert value == 1
