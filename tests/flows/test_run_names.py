"""What flow runs are called, and what happens when a name can't be formed."""

import asyncio
import datetime
import re
from dataclasses import dataclass
from typing import Any

import pytest

from headrace import flow, task
from headrace.core.state_types import StateType
from headrace.runtime import flow_run, task_run
from headrace.store.protocol import LogFilter, Store


def only(runs: list[Any]) -> Any:
    """Return the only one."""
    (run,) = runs
    return run


@dataclass
class Item:
    """Something with an attribute."""

    size: int


def test_a_flow_run_without_a_name_gets_an_adjective_and_an_animal(run_store: Store) -> None:
    """Two words and a dash."""
    flow(lambda: 1)()
    assert re.fullmatch(r"[a-z]+-[a-z]+", only(run_store.flow_runs()).name)


def test_a_task_run_in_a_flow_is_called_after_its_task(run_store: Store) -> None:
    """The task's name and three hex digits."""

    @task(name="My Task")
    def my_task() -> None: ...

    @flow
    def my_flow() -> None:
        my_task()
        my_task.submit().wait()

    my_flow()
    assert all(re.fullmatch(r"My Task-[0-9a-f]{3}", run.name) for run in run_store.task_runs())


def test_a_task_run_outside_a_flow_is_called_like_its_task(run_store: Store) -> None:
    """Just the task's name."""

    @task
    def my_task() -> None: ...

    my_task()
    assert only(run_store.task_runs()).name == "my_task"


def test_an_empty_template_says_nothing(run_store: Store) -> None:
    """Runs are called as if there were none."""

    @task(task_run_name="")
    def my_task() -> None: ...

    @flow(flow_run_name="")
    def my_flow() -> None:
        my_task()

    my_flow()
    assert re.fullmatch(r"[a-z]+-[a-z]+", only(run_store.flow_runs()).name)
    assert re.fullmatch(r"my_task-[0-9a-f]{3}", only(run_store.task_runs()).name)


TEMPLATES = [
    ("hi", "hi"),
    ("{x}", "5"),
    ("{x:03}", "005"),
    ("{date:%A}", "Thursday"),
    ("{name!r:>10}", "  'marvin'"),
    ("{item.size}", "7"),
    ("{xs[0]}-{xs[1]}", "a-b"),
    ("{kw}", "{'more': 1}"),
    ("{kw[more]}", "1"),
    ("{default}", "given by nobody"),
    ("{{literal}}", "{literal}"),
]


@pytest.mark.parametrize(("template", "name"), TEMPLATES)
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("kind", ["flow", "task"])
def test_a_template_is_filled_in_with_the_parameters(
    run_store: Store, kind: str, is_async: bool, template: str, name: str
) -> None:
    """As `str.format` does, defaults included."""

    def sync_fn(
        x: Any, date: Any, name: Any, item: Any, xs: Any, default: Any = "given by nobody", **kw: Any
    ) -> None: ...

    async def async_fn(
        x: Any, date: Any, name: Any, item: Any, xs: Any, default: Any = "given by nobody", **kw: Any
    ) -> None: ...

    fn = async_fn if is_async else sync_fn
    decorated: Any = flow(flow_run_name=template)(fn) if kind == "flow" else task(task_run_name=template)(fn)
    called = decorated(5, datetime.date(2026, 11, 26), name="marvin", item=Item(7), xs=["a", "b"], more=1)
    if is_async:
        asyncio.run(called)
    runs: list[Any] = run_store.flow_runs() if kind == "flow" else run_store.task_runs()
    assert only(runs).name == name


def test_a_task_run_name_sees_results_in_the_place_of_futures(run_store: Store) -> None:
    """The values are those that the function gets."""

    @task
    def one() -> int:
        return 1

    @task(task_run_name="given-{x}")
    def named(x: Any) -> None: ...

    @flow
    def my_flow() -> None:
        named(one.submit())
        named.submit(one.submit()).wait()
        named([one.submit()])

    my_flow()
    names = [run.name for run in run_store.task_runs() if run.task_name == "named"]
    assert names == ["given-1", "given-1", "given-[1]"]


def test_a_flow_run_name_sees_validated_parameters(run_store: Store) -> None:
    """A string that was coerced to a number is a number."""

    @flow(flow_run_name="{x:02d}")
    def my_flow(x: int) -> None: ...

    my_flow("3")  # type: ignore[call-overload]
    assert only(run_store.flow_runs()).name == "03"


def test_a_callable_gives_the_name_and_may_ask_about_the_run(run_store: Store) -> None:
    """Without arguments; `runtime` works inside."""

    def flow_name() -> str:
        return f"{flow_run.flow_name}-{flow_run.parameters['x']}"

    def task_name() -> str:
        return f"{task_run.task_name}-{task_run.parameters['x']}"

    @task(task_run_name=task_name)
    def my_task(x: int) -> None: ...

    @flow(flow_run_name=flow_name)
    def my_flow(x: int) -> None:
        my_task(x + 1)

    my_flow(1)
    assert only(run_store.flow_runs()).name == "my-flow-1"
    assert only(run_store.task_runs()).name == "my_task-2"


def test_a_callable_of_a_task_may_take_the_parameters(run_store: Store) -> None:
    """If it has a parameter of that name."""

    def task_name(parameters: dict[str, Any]) -> str:
        return f"x is {parameters['x']}"

    @task(task_run_name=task_name)
    def my_task(x: int) -> None: ...

    my_task(3)
    assert only(run_store.task_runs()).name == "x is 3"


def test_a_name_that_is_no_string_fails_the_run(run_store: Store) -> None:
    """TypeError, naming what came back; the run is recorded as Failed."""
    wrong: Any = lambda: 3  # noqa: E731

    @flow(flow_run_name=wrong)
    def my_flow() -> None: ...

    @task(task_run_name=wrong)
    def my_task() -> None: ...

    with pytest.raises(TypeError, match=r"flow_run_name.*returned 3"):
        my_flow()
    with pytest.raises(TypeError, match=r"task_run_name.*returned 3"):
        my_task()
    assert only(run_store.flow_runs()).state.name == "Failed"
    assert only(run_store.task_runs()).state.name == "Failed"


@pytest.mark.parametrize("wrong", [3, [], object()])
def test_a_name_is_a_template_or_a_callable(wrong: Any) -> None:
    """Anything else is refused at decoration."""
    with pytest.raises(TypeError, match="flow_run_name"):
        flow(flow_run_name=wrong)(lambda: 1)
    with pytest.raises(TypeError, match="task_run_name"):
        task(task_run_name=wrong)(lambda: 1)


@pytest.mark.parametrize(
    ("template", "error"), [("{nobody}", KeyError), ("{xs[9]}", IndexError), ("{xs:q}", TypeError), ("{", ValueError)]
)
@pytest.mark.parametrize("kind", ["flow", "task"])
@pytest.mark.parametrize("return_state", [False, True])
def test_a_template_that_cannot_be_filled_in_fails_the_run(
    run_store: Store, kind: str, template: str, error: type[Exception], return_state: bool
) -> None:
    """The error reaches the caller, the run has never run, and its function was not called."""
    calls = []

    def fn(xs: Any) -> None:
        calls.append(xs)

    decorated: Any = flow(flow_run_name=template)(fn) if kind == "flow" else task(task_run_name=template)(fn)
    if return_state:
        assert isinstance(decorated([1], return_state=True).result(raise_on_failure=False), error)
    else:
        with pytest.raises(error):
            decorated([1])
    run: Any = only(run_store.flow_runs() if kind == "flow" else run_store.task_runs())
    assert [state.name for state in run_store.history(run.id)] == ["Pending", "Failed"]
    assert template in run.state.message
    assert (run.run_count, calls) == (0, [])


def test_an_error_in_a_name_callable_fails_the_run(run_store: Store) -> None:
    """The same for callables, async flows too."""

    def name() -> str:
        raise LookupError("no name today")

    @flow(flow_run_name=name)
    async def my_flow() -> None: ...

    with pytest.raises(LookupError, match="no name today"):
        asyncio.run(my_flow())
    run = only(run_store.flow_runs())
    assert run.state.type is StateType.FAILED
    assert "LookupError: no name today" in run.state.message


def test_a_name_is_formed_once_and_kept_over_retries(run_store: Store) -> None:
    """Attempts of one run have one name, also for flows."""
    made: list[str] = []

    def name() -> str:
        made.append("x")
        return f"name-{len(made)}"

    @task(task_run_name=name, retries=2)
    def my_task() -> None:
        if task_run.run_count < 3:
            raise ValueError

    @flow(flow_run_name=name, retries=1)
    def my_flow() -> None:
        my_task()
        if flow_run.run_count < 2:
            raise ValueError

    my_flow()
    assert only(run_store.flow_runs()).name == "name-1"
    assert [run.name for run in run_store.task_runs()] == ["name-2", "name-3"]
    assert [run.run_count for run in run_store.task_runs()] == [3, 3]


def test_the_name_is_there_before_the_run_is_running(run_store: Store) -> None:
    """Who looks at a running run sees its name."""
    seen = []

    @flow(flow_run_name="me")
    def my_flow() -> None:
        seen.append((flow_run.name, run_store.flow_runs()[0].name))

    my_flow()
    assert seen == [("me", "me")]


def test_task_runs_that_stand_for_subflows_are_counted(run_store: Store) -> None:
    """`<flow name>-<n>`, from 0."""

    @flow
    def child() -> None: ...

    @flow
    def parent() -> None:
        child()
        child()

    parent()
    assert [run.name for run in run_store.task_runs()] == ["child-0", "child-1"]


def test_the_two_example_flows(run_store: Store) -> None:
    """They run as they are written."""

    @task(
        name="My Example Task",
        description="An example task for a tutorial.",
        task_run_name="hello-{name}-on-{date:%A}",
    )
    def my_task(name: str, date: datetime.datetime) -> None:
        pass

    @flow
    def my_flow() -> None:
        my_task(name="marvin", date=datetime.datetime.now(datetime.UTC))

    @flow(name="My Flow", description="My flow with a name and description", log_prints=True)
    def my_other_flow() -> None:
        print("Hello, I'm a flow")

    my_flow()
    my_other_flow()
    today = f"{datetime.datetime.now(datetime.UTC):%A}"
    assert only(run_store.task_runs()).name == f"hello-marvin-on-{today}"
    assert my_task.description == "An example task for a tutorial."
    assert my_other_flow.name == "My Flow"
    assert "Hello, I'm a flow" in [record.message for record in run_store.logs(LogFilter())]
