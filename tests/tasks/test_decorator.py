"""What `@task` takes, and what it makes of it."""

import asyncio
import functools
import inspect
from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest

from headrace import Flow, Task, flow, tags, task
from headrace.context import TaskRunContext
from headrace.exceptions import InvalidNameError
from headrace.runtime import task_run
from headrace.store.protocol import Store
from headrace.tasks import exponential_backoff


def test_who_forgets_to_await_is_told_which_task() -> None:
    """By its name, as of any coroutine."""

    @task
    async def load() -> None: ...

    with pytest.warns(RuntimeWarning, match="coroutine 'load' was never awaited"):
        load()


def test_a_bare_decorator_takes_everything_from_the_function() -> None:
    """Name, description, signature."""

    @task
    def my_task(x: int) -> int:
        """Do it."""
        return x

    assert isinstance(my_task, Task)
    assert (my_task.name, my_task.description, my_task.fn(3)) == ("my_task", "Do it.", 3)
    assert my_task.__wrapped__ is my_task.fn
    assert list(inspect.signature(my_task).parameters) == ["x"]
    assert (my_task.tags, my_task.retries, my_task.timeout_seconds) == (set(), 0, None)
    assert (my_task.log_prints, my_task.retry_condition_fn, my_task.task_run_name) == (None, None, None)
    assert my_task.cache_result_in_memory is True


def test_arguments_of_the_decorator_are_attributes_of_the_task() -> None:
    """What is given is what is there."""

    def hook(task: Any, task_run: Any, state: Any) -> None: ...

    def condition(task: Any, task_run: Any, state: Any) -> bool:
        return True

    @task(
        name="Mine",
        description="d",
        tags=["a", "b", "a"],
        version="1",
        task_run_name="n-{x}",
        retries=2,
        retry_delay_seconds=[1, 2],
        retry_jitter_factor=0.5,
        retry_condition_fn=condition,
        timeout_seconds=3,
        log_prints=True,
        on_completion=[hook],
        on_failure=(hook,),
        on_running=[hook],
    )
    def my_task(x: int) -> None: ...

    assert (my_task.name, my_task.description, my_task.tags, my_task.version) == ("Mine", "d", {"a", "b"}, "1")
    assert (my_task.task_run_name, my_task.retries, my_task.retry_delay_seconds) == ("n-{x}", 2, [1, 2])
    assert (my_task.retry_jitter_factor, my_task.retry_condition_fn) == (0.5, condition)
    assert (my_task.timeout_seconds, my_task.log_prints) == (3.0, True)
    assert my_task.on_completion_hooks == my_task.on_failure_hooks == my_task.on_running_hooks == [hook]


def test_an_argument_without_effect_warns() -> None:
    """It is kept as an attribute, and the warning names it."""
    with pytest.warns(UserWarning, match="asset_deps") as caught:
        my_task = task(asset_deps=["s3://bucket/key"])(len)
    assert my_task.asset_deps == ["s3://bucket/key"]
    assert caught[0].filename == __file__


def test_the_key_is_the_name_and_a_hash_of_the_source() -> None:
    """The same while the function is, another for another."""

    def one() -> int:
        return 1

    def two() -> int:
        return 2

    assert task(one).task_key.startswith("one-")
    assert task(one).task_key == task(name="other")(one).task_key
    assert task(one).task_key.rsplit("-", 1)[1] != task(two).task_key.rsplit("-", 1)[1]


def test_retries_may_be_changed_after_decoration(runs: Any) -> None:
    """Runs that begin then are tried so often, and variants take over what was changed."""
    attempts = []

    @task(retry_delay_seconds=lambda retries: [0.0] * retries)
    def flaky() -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise ValueError("boom")
        return len(attempts)

    flaky.retries = 2
    assert flaky() == 3
    assert runs.task().run_count == 3
    flaky.retry_delay_seconds = [1, 2]
    flaky.retry_jitter_factor = 0.5
    variant = flaky.with_options(name="other")
    assert (variant.retries, variant.retry_delay_seconds, variant.retry_jitter_factor) == (2, [1, 2], 0.5)
    with pytest.raises(ValueError, match="-1 times"):
        flaky.retries = -1
    assert flaky.retries == 2


def test_a_task_is_made_of_a_callable_only() -> None:
    """Anything else is refused."""
    with pytest.raises(TypeError, match="must be callable"):
        Task(fn="text")  # type: ignore[arg-type]


def test_a_task_may_have_any_name_but_an_empty_one(runs: Any) -> None:
    """What flows may not be called, as their names stand in addresses, tasks may; their runs are called so, too."""
    extract = task(name="Extract A/B & 50% of <x>")(lambda: 1)
    assert extract() == 1
    assert runs.task().name == runs.task().definition_name == extract.name == "Extract A/B & 50% of <x>"
    with pytest.raises(InvalidNameError, match="empty"):
        task(name="")(lambda: 1)


def test_lambdas_partials_and_callable_objects_may_be_tasks() -> None:
    """Submitted too."""

    class Adder:
        def __call__(self, x: int, y: int = 1) -> int:
            return x + y

    class AsyncAdder:
        async def __call__(self, x: int) -> int:
            return x + 1

    def add(x: int, y: int) -> int:
        return x + y

    @flow
    def my_flow() -> Any:
        return [
            task(lambda x: x + 1)(2),
            task(functools.partial(add, y=2))(1),
            task(Adder())(1),
            task(Adder()).submit(1).result(),
            task(AsyncAdder()).submit(1).result(),
            task(functools.partial(add, 5)).map([1, 2]).result(),
        ]

    assert my_flow() == [3, 3, 2, 2, 2, [6, 7]]
    assert task(Adder()).name == "Adder"
    assert task(AsyncAdder()).isasync


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"retry_delay_seconds": list(range(51))}, ValueError, "50"),
        ({"retry_delay_seconds": "10"}, TypeError, "retry_delay_seconds"),
        ({"retry_delay_seconds": {1: 2}}, TypeError, "retry_delay_seconds"),
        ({"retry_jitter_factor": -1}, ValueError, "retry_jitter_factor"),
        ({"retry_condition_fn": "not callable"}, TypeError, "retry_condition_fn"),
        ({"timeout_seconds": "1"}, TypeError, "timeout_seconds"),
        ({"retries": "3"}, TypeError, "retries"),
        ({"on_completion": print}, TypeError, "on_completion"),
        ({"on_failure": ["x"]}, TypeError, "on_failure"),
        ({"on_running": 3}, TypeError, "on_running"),
        ({"task_run_name": 3}, TypeError, "task_run_name"),
        ({"nonsense": 3}, TypeError, "nonsense"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_at_decoration(options: Any, error: type[Exception], match: str) -> None:
    """Each names the argument."""
    with pytest.raises(error, match=match):
        task(**options)(lambda: 1)


def test_a_callable_delay_is_called_once_at_decoration() -> None:
    """With the number of retries."""
    asked: list[int] = []

    def delays(retries: int) -> list[float]:
        asked.append(retries)
        return [1.0, 2.0]

    assert task(retries=2, retry_delay_seconds=delays)(lambda: 1).retry_delay_seconds == [1.0, 2.0]
    assert asked == [2]
    assert task(retries=3, retry_delay_seconds=exponential_backoff(10))(lambda: 1).retry_delay_seconds == [10, 20, 40]


@pytest.mark.parametrize("name", ["on_completion", "on_failure", "on_running", "on_rollback", "on_commit"])
def test_hooks_may_be_added_by_decorator(name: str) -> None:
    """The function is given back."""
    my_task: Any = task(lambda: 1)

    def hook(*_: Any) -> None: ...

    assert getattr(my_task, name)(hook) is hook
    assert list(getattr(my_task, f"{name}_hooks")) == [hook]
    assert list(getattr(my_task.with_options(name="other"), f"{name}_hooks")) == [hook]


def test_with_options_replaces_what_is_given_and_keeps_the_rest() -> None:
    """The original is untouched."""

    @task(name="A", tags={"x"}, retries=3, retry_delay_seconds=[1, 2], timeout_seconds=5, task_run_name="n")
    def original(x: int) -> int:
        return x

    changed = original.with_options(name="B", tags=["y"], retries=1)
    assert (changed.name, changed.tags, changed.retries) == ("B", {"y"}, 1)
    assert (changed.retry_delay_seconds, changed.timeout_seconds, changed.task_run_name) == ([1, 2], 5.0, "n")
    assert (original.name, original.tags, original.retries) == ("A", {"x"}, 3)
    assert changed.fn is original.fn
    assert changed(3) == 3
    emptied = original.with_options(tags=[], retries=0, retry_delay_seconds=0, timeout_seconds=0, task_run_name=None)
    assert (emptied.tags, emptied.retries, emptied.timeout_seconds, emptied.task_run_name) == (set(), 0, None, None)
    assert original.with_options().name == "A"


def test_with_options_calls_a_callable_delay_with_the_new_retries() -> None:
    """It was kept as it was given."""
    original = task(retries=1, retry_delay_seconds=exponential_backoff(1))(lambda: 1)
    assert original.with_options(retries=3).retry_delay_seconds == [1, 2, 4]


def test_with_options_takes_what_task_takes() -> None:
    """All arguments, and no other."""
    of_class = set(inspect.signature(Task.__init__).parameters) - {"self", "fn", "on_rollback", "on_commit"}
    assert set(inspect.signature(Task.with_options).parameters) - {"self"} == of_class


def test_a_task_runs_outside_a_flow(run_store: Store) -> None:
    """Its run belongs to no flow run."""
    state = task(lambda x: x + 1)(1, return_state=True)
    assert state.result() == 2
    (run,) = run_store.task_runs()
    assert (run.flow_run_id, run.state.name) == (None, "Completed")  # type: ignore[union-attr]


def test_a_task_calls_tasks_and_flows(run_store: Store) -> None:
    """Each has a run of its own, in the same flow run."""

    @task
    def inner(x: int) -> int:
        return x + 1

    @flow
    def child(x: int) -> int:
        return inner(x)

    @task
    def outer(x: int) -> int:
        return inner(x) + inner.submit(x).result() + child(x)

    @flow
    def my_flow() -> int:
        return outer(1) + outer.submit(1).result()

    assert my_flow() == 12
    parent = next(run for run in run_store.flow_runs() if run.flow_name == "my-flow")
    names = [run.task_name for run in run_store.task_runs() if run.flow_run_id == parent.id]
    assert sorted(names) == ["child"] * 2 + ["inner"] * 4 + ["outer"] * 2
    children = [run for run in run_store.flow_runs() if run.flow_name == "child"]
    assert [run.parent_flow_run_id for run in children] == [parent.id, parent.id]


def test_an_async_task_called_in_a_sync_flow_is_a_coroutine() -> None:
    """Nobody awaits it for you; submit it to get a result."""

    @task
    async def my_task() -> int:
        return 1

    @flow
    def my_flow() -> Any:
        coroutine: Any = my_task()
        assert inspect.iscoroutine(coroutine)
        coroutine.close()
        return my_task.submit().result()

    assert my_flow() == 1


def test_tags_of_the_task_join_those_of_the_context(run_store: Store) -> None:
    """A union."""

    @task(tags=["own"])
    def my_task() -> None: ...

    @flow
    def my_flow() -> None:
        with tags("inner"):
            my_task()
            my_task.submit().wait()

    with tags("outer"):
        my_flow()
    assert [run.tags for run in run_store.task_runs()] == [{"own", "inner", "outer"}] * 2
    assert run_store.flow_runs()[0].tags == {"outer"}


def test_decorators_tell_what_they_take() -> None:
    """Editors look at the signature: a function, and by keyword what the class takes, but for hooks of commits."""
    takes = inspect.signature(task).parameters
    made_of = inspect.signature(Task).parameters
    assert list(takes)[1:] == [name for name in list(made_of)[1:] if name not in ("on_rollback", "on_commit")]
    assert takes["retries"].default is None
    assert takes["cache_result_in_memory"].default is True
    assert list(inspect.signature(flow).parameters)[1:] == list(inspect.signature(Flow).parameters)[1:]


def test_a_variant_takes_attributes_as_they_are_by_then() -> None:
    """Tags are a set that may be added to; the variant has one of its own."""

    @task(tags=["one"])
    def my_task() -> None: ...

    my_task.tags.add("two")
    my_task.task_run_name = "given later"
    variant = my_task.with_options(retries=1)
    my_task.tags.add("three")
    assert (variant.tags, variant.task_run_name, variant.retries) == ({"one", "two"}, "given later", 1)


def test_mocks_may_be_tasks() -> None:
    """A mock has every attribute that it is asked for, and one of an async function is async."""
    mock = MagicMock(return_value=3)
    assert task(mock)() == 3
    assert task(name="async")(AsyncMock()).isasync


def test_a_method_is_given_its_instance_as_a_parameter(runs: Any) -> None:
    """Names and `runtime` may speak of it; it is not looked into, so a future that it holds stays one."""

    @dataclass
    class Source:
        url: str
        future: Any = None

        @task(task_run_name="{self.url}-{page}")
        def fetch(self, page: int) -> Any:
            assert task_run.parameters == {"self": self, "page": page}
            return type(self.future).__name__

        @task(task_run_name="{cls.__name__}")
        @classmethod
        def kind(cls) -> str:
            return cls.__name__

    @flow
    def my_flow() -> None:
        source = Source("web")
        source.future = Source("other").fetch.submit(0)
        assert source.fetch(1) == source.fetch.submit(2).result() == "RunFuture"
        assert source.fetch.map([3, 4]).result() == ["RunFuture", "RunFuture"]
        assert Source.kind() == "Source"

    my_flow()
    assert sorted(run.name for run in runs.tasks()) == ["Source", "other-0", "web-1", "web-2", "web-3", "web-4"]


def test_a_task_knows_which_task_called_it(runs: Any) -> None:
    """Among its inputs, as a parent; a task that a flow calls has none."""

    @task
    def inner() -> None: ...

    @task
    def outer() -> None:
        inner()
        inner.submit().wait()

    @flow
    def my_flow() -> None:
        outer()

    my_flow()
    parent = runs.task("outer")
    assert [run.record.task_inputs for run in runs.tasks("inner")] == [{"__parents__": [parent.id]}] * 2
    assert parent.record.task_inputs == {}
    assert runs.tasks("inner")[0].upstream == []


def test_records_of_runs_may_be_returned_and_passed_on() -> None:
    """They are not looked into: a record leads to its state, and from there back to itself."""

    @task
    def mine() -> Any:
        return TaskRunContext.get().task_run

    @task
    def name_of(run: Any) -> str:
        return str(run.task_name)

    @flow
    def my_flow() -> list[Any]:
        future = mine.submit()
        return [name_of(future), mine()]

    name, record = my_flow()
    assert name == record.task_name == "mine"


@pytest.mark.parametrize(("outer", "inner"), [(task, flow), (flow, task), (task, task), (flow, flow)])
def test_flows_and_tasks_may_be_made_of_each_other(outer: Any, inner: Any, runs: Any) -> None:
    """Sync, async and generators; each has its own options and its own run."""

    @outer
    @inner(retries=2)
    def plain(x: int) -> int:
        return x

    @outer
    @inner
    async def coroutine(x: int) -> int:
        return x

    @outer
    @inner
    def generator(x: int) -> Any:
        yield x

    assert (plain(1), plain.retries) == (1, 0)
    assert asyncio.run(coroutine(2)) == 2
    assert list(generator(3)) == [3]
    assert {run.state.name for run in runs.all()} == {"Completed"}
