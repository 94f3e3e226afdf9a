"""What code can ask about the run it is in, and the tags that it gives to runs."""

import asyncio
import datetime
from typing import Any

import pytest

from headrace import flow, runtime, tags, task
from headrace.context import FlowRunContext, TagsContext, TaskRunContext, get_run_context
from headrace.exceptions import MissingContextError
from headrace.runtime import deployment, flow_run, task_run
from headrace.store.protocol import Store

FLOW_RUN = [
    "id",
    "name",
    "tags",
    "parameters",
    "run_count",
    "flow_name",
    "flow_version",
    "parent_flow_run_id",
    "parent_deployment_id",
    "root_flow_run_id",
    "scheduled_start_time",
    "api_url",
    "ui_url",
    "job_variables",
]
TASK_RUN = ["id", "name", "tags", "parameters", "run_count", "task_name", "api_url", "ui_url"]
DEPLOYMENT = ["id", "name", "version", "flow_run_id", "parameters"]
EMPTY: dict[str, Any] = {"tags": [], "parameters": {}, "run_count": 0}


@pytest.mark.parametrize(("module", "names"), [(flow_run, FLOW_RUN), (task_run, TASK_RUN), (deployment, DEPLOYMENT)])
def test_outside_a_run_there_is_nothing(module: Any, names: list[str]) -> None:
    """None, [], {} or 0."""
    assert {name: getattr(module, name) for name in names} == {name: EMPTY.get(name) for name in names}
    assert sorted(dir(module)) == sorted(names) == sorted(module.__all__)


def test_a_run_that_is_reported_to_a_server_knows_where_it_is_shown(headrace_settings: Any) -> None:
    """To programs, and to people."""
    headrace_settings(api_url="http://runs.test/api")

    @task
    def inner() -> Any:
        return task_run.id, task_run.api_url, task_run.ui_url

    @flow
    def outer() -> Any:
        return flow_run.id, flow_run.api_url, flow_run.ui_url, inner()

    flow_id, api_url, ui_url, (task_id, task_api_url, task_ui_url) = outer()
    assert api_url == f"http://runs.test/api/flow_runs/{flow_id}"
    assert ui_url == f"http://runs.test/runs/flow-run/{flow_id}"
    assert task_api_url == f"http://runs.test/api/task_runs/{task_id}"
    assert task_ui_url == f"http://runs.test/runs/task-run/{task_id}"


@pytest.mark.parametrize("module", [flow_run, task_run, deployment])
def test_an_unknown_attribute_is_an_error(module: Any) -> None:
    """AttributeError names it, in a run and outside."""
    with pytest.raises(AttributeError, match="nonsense"):
        _ = module.nonsense
    with pytest.raises(AttributeError, match="nonsense"):
        flow(lambda: module.nonsense)()


def seen_in(module: Any, names: list[str]) -> dict[str, Any]:
    """Return all attributes."""
    return {name: getattr(module, name) for name in names}


@pytest.mark.parametrize("is_async", [False, True])
def test_a_flow_run_knows_itself(run_store: Store, is_async: bool) -> None:
    """Ids are strings, moments are aware."""

    @flow(name="Mine", version="v1")
    def sync_flow(x: int, y: str = "default") -> Any:
        return seen_in(runtime.flow_run, FLOW_RUN)

    @flow(name="Mine", version="v1")
    async def async_flow(x: int, y: str = "default") -> Any:
        return seen_in(runtime.flow_run, FLOW_RUN)

    with tags("b", "a"):
        seen = asyncio.run(async_flow(1)) if is_async else sync_flow(1)
    (run,) = run_store.flow_runs()
    assert (seen["id"], seen["name"], seen["tags"]) == (str(run.id), run.name, ["a", "b"])
    assert seen["parameters"] == {"x": 1, "y": "default"}
    assert (seen["run_count"], seen["flow_name"], seen["flow_version"]) == (1, "Mine", "v1")
    assert seen["job_variables"] == {}
    assert (seen["parent_flow_run_id"], seen["root_flow_run_id"]) == (None, str(run.id))
    assert isinstance(seen["scheduled_start_time"], datetime.datetime)
    assert seen["scheduled_start_time"].tzinfo is not None


@pytest.mark.parametrize("submitted", [False, True])
def test_a_task_run_knows_itself_and_its_flow_run(run_store: Store, submitted: bool) -> None:
    """In this thread and in another."""

    @task(name="Mine", tags=["own"])
    def my_task(x: int, y: int = 2) -> Any:
        return seen_in(runtime.task_run, TASK_RUN), flow_run.name, flow_run.id

    @flow
    def my_flow() -> Any:
        return my_task.submit(1).result() if submitted else my_task(1)

    seen, flow_run_name, flow_run_id = my_flow()
    (run,), (outer,) = run_store.task_runs(), run_store.flow_runs()
    assert (seen["id"], seen["name"], seen["tags"]) == (str(run.id), run.name, ["own"])
    assert (seen["parameters"], seen["run_count"], seen["task_name"]) == ({"x": 1, "y": 2}, 1, "Mine")
    assert (flow_run_name, flow_run_id) == (outer.name, str(outer.id))


def test_there_is_no_task_run_in_a_subflow_that_a_task_calls() -> None:
    """The nearest run counts; when it is left, the outer one is there again."""

    @flow
    def child() -> Any:
        return task_run.name, flow_run.flow_name

    @task(task_run_name="t")
    def my_task() -> Any:
        return child(), task_run.name, flow_run.flow_name

    @flow
    def parent() -> Any:
        return my_task(), task_run.name

    assert parent() == (((None, "child"), "t", "parent"), None)


def test_run_count_counts_attempts() -> None:
    """From 1."""
    seen: list[int] = []

    @task(retries=2)
    def my_task() -> None:
        seen.append(task_run.run_count)
        if len(seen) < 3:
            raise ValueError

    my_task()
    assert seen == [1, 2, 3]


def test_subflows_know_their_parent_and_their_root(run_store: Store) -> None:
    """However deep."""

    @flow
    def grandchild() -> Any:
        return flow_run.id, flow_run.parent_flow_run_id, flow_run.root_flow_run_id

    @flow
    def child() -> Any:
        return flow_run.id, flow_run.parent_flow_run_id, flow_run.root_flow_run_id, grandchild()

    @flow
    def parent() -> Any:
        return flow_run.id, child()

    root_id, (child_id, child_parent, child_root, (_, grand_parent, grand_root)) = parent()
    assert (child_parent, child_root, grand_parent, grand_root) == (root_id, root_id, child_id, root_id)


OVERRIDES = [
    ("FLOW_RUN__NAME", "flow_run", "name", "mine", "mine"),
    ("FLOW_RUN__RUN_COUNT", "flow_run", "run_count", "7", 7),
    ("FLOW_RUN__TAGS", "flow_run", "tags", "a,b", ["a", "b"]),
    ("FLOW_RUN__PARAMETERS", "flow_run", "parameters", '{"x": 1}', {"x": 1}),
    ("TASK_RUN__TASK_NAME", "task_run", "task_name", "t", "t"),
    ("TASK_RUN__RUN_COUNT", "task_run", "run_count", "2", 2),
    ("DEPLOYMENT__NAME", "deployment", "name", "d", "d"),
    ("FLOW_RUN__OF_MY_OWN", "flow_run", "of_my_own", "new", "new"),
    (
        "FLOW_RUN__SCHEDULED_START_TIME",
        "flow_run",
        "scheduled_start_time",
        "2026-03-01T00:00:00+00:00",
        datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC),
    ),
]


@pytest.mark.parametrize(("variable", "module", "name", "text", "value"), OVERRIDES)
@pytest.mark.parametrize("inside", [False, True])
def test_the_environment_overrides(
    monkeypatch: pytest.MonkeyPatch, variable: str, module: str, name: str, text: str, value: Any, inside: bool
) -> None:
    """Cast to the type that the attribute has, in a run and outside; a new one is a string."""
    monkeypatch.setenv(f"HEADRACE__RUNTIME__{variable}", text)

    def look() -> Any:
        return getattr(getattr(runtime, module), name)

    assert (flow(look)() if inside else look()) == value


def test_contexts_are_there_in_runs_only() -> None:
    """`get_run_context`, and the two `get`s."""

    @task
    def my_task() -> Any:
        context = get_run_context()
        return isinstance(context, TaskRunContext), context is TaskRunContext.get(), FlowRunContext.get() is not None

    @flow
    def my_flow() -> Any:
        context = get_run_context()
        return isinstance(context, FlowRunContext), context is FlowRunContext.get(), TaskRunContext.get(), my_task()

    assert my_flow() == (True, True, None, (True, True, True))
    assert (FlowRunContext.get(), TaskRunContext.get()) == (None, None)
    with pytest.raises(MissingContextError):
        get_run_context()


def test_contexts_know_run_and_definition() -> None:
    """Under the names that users know."""

    @task
    def my_task(x: int) -> None:
        context: Any = TaskRunContext.get()
        assert (context.task.name, context.task_run.task_name, context.parameters) == ("my_task", "my_task", {"x": 1})

    @flow
    def my_flow() -> None:
        context: Any = FlowRunContext.get()
        assert (context.flow.name, context.flow_run.flow_name) == ("my-flow", "my-flow")
        assert context.start_time == context.flow_run.start_time is not None
        my_task(1)

    assert my_flow(return_state=True).is_completed()


# tags --------------------------------------------------------------------------------------------------------


def test_tags_nest_by_union(run_store: Store) -> None:
    """Flow runs, subflows and task runs have those that stand where they begin."""

    @task
    def my_task() -> None: ...

    @flow
    def child() -> None:
        my_task()

    @flow
    def parent() -> None:
        with tags("inner") as current:
            assert current == {"outer", "inner"}
            child()
        my_task()

    with tags("outer"):
        parent()
    my_task()
    assert {run.flow_name: run.tags for run in run_store.flow_runs()} == {
        "parent": {"outer"},
        "child": {"outer", "inner"},
    }
    assert [sorted(run.tags) for run in run_store.task_runs() if run.task_name == "my_task"] == [
        ["inner", "outer"],
        ["outer"],
        [],
    ]


def test_the_tags_in_force_can_be_asked_for() -> None:
    """Without a run, too."""
    assert TagsContext.get().current_tags == set()
    with tags("a"), tags("b"):
        assert TagsContext.get().current_tags == {"a", "b"}


def test_tags_are_a_decorator_too(run_store: Store) -> None:
    """Over a function, a flow's function, any number of times."""

    @tags("decorated")
    def call() -> None:
        flow(lambda: 1)()

    call()
    call()
    assert [run.tags for run in run_store.flow_runs()] == [{"decorated"}] * 2


def test_tags_decorate_async_functions_and_flows(run_store: Store) -> None:
    """They hold while the coroutine runs, and in calls that overlap."""

    @tags("over-function")
    async def call() -> Any:
        await asyncio.sleep(0)
        return await async_flow()

    @tags("over-flow")
    @flow
    async def async_flow() -> None: ...

    @tags("sync")
    @flow
    def sync_flow() -> None: ...

    async def both() -> None:
        await asyncio.gather(call(), call())

    asyncio.run(both())
    sync_flow()
    assert [run.tags for run in run_store.flow_runs()] == [{"over-function", "over-flow"}] * 2 + [{"sync"}]


def test_tags_reach_threads_and_async_tasks(run_store: Store) -> None:
    """Submitted under a tag, tagged."""

    @task
    async def my_task() -> None: ...

    @flow
    async def my_flow() -> None:
        with tags("a"):
            await asyncio.gather(my_task(), my_task.submit())
        await my_task()

    asyncio.run(my_flow())
    assert sorted(len(run.tags) for run in run_store.task_runs()) == [0, 1, 1]
