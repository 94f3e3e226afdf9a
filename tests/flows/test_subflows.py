"""Flows in flows."""

import asyncio
from typing import Any

import pytest

from headrace import State, flow, get_run_logger, task
from headrace.runtime import flow_run
from headrace.states import Cancelled, StateType
from headrace.store.protocol import LogFilter, RunFilter, Store
from headrace.task_runners import ThreadPoolTaskRunner


def histories(run_store: Store) -> dict[str, list[str]]:
    """Return the state names of every run, by its kind and name of flow or task."""
    found = {f"flow {run.flow_name}": run.id for run in run_store.flow_runs()}
    found |= {f"task {run.task_name}": run.id for run in run_store.task_runs()}
    return {name: [state.name for state in run_store.history(run_id)] for name, run_id in found.items()}


@pytest.mark.parametrize("is_async", [False, True])
def test_a_task_run_stands_for_a_subflow(run_store: Store, is_async: bool) -> None:
    """It is linked both ways, and mirrors the states of the child."""

    @flow
    def sync_child(x: int) -> int:
        return x + 1

    @flow
    def sync_parent() -> int:
        return sync_child(1)

    @flow(name="sync-child")
    async def async_child(x: int) -> int:
        return x + 1

    @flow(name="sync-parent")
    async def async_parent() -> int:
        return await async_child(1)

    assert (asyncio.run(async_parent()) if is_async else sync_parent()) == 2
    parent, child = sorted(run_store.flow_runs(), key=lambda run: run.flow_name, reverse=True)
    (stand_in,) = run_store.task_runs()
    assert (stand_in.name, stand_in.task_name) == ("sync-child-0", "sync-child")
    assert (stand_in.flow_run_id, stand_in.child_flow_run_id) == (parent.id, child.id)
    assert (child.parent_task_run_id, child.parent_flow_run_id, child.root_flow_run_id) == (
        stand_in.id,
        parent.id,
        parent.id,
    )
    assert parent.parent_task_run_id is None
    assert histories(run_store) == {
        "flow sync-parent": ["Pending", "Running", "Completed"],
        "flow sync-child": ["Pending", "Running", "Completed"],
        "task sync-child": ["Pending", "Running", "Completed"],
    }
    assert stand_in.state.state_details.child_flow_run_id == child.id  # type: ignore[union-attr]


def test_children_can_be_found_by_their_parent(run_store: Store) -> None:
    """By the store's filter."""

    @flow
    def child() -> None: ...

    @flow
    def parent() -> None:
        child()
        child()

    parent()
    (outer,) = [run for run in run_store.flow_runs() if run.flow_name == "parent"]
    assert [run.flow_name for run in run_store.flow_runs(RunFilter(flow_run_id=outer.id))] == ["child", "child"]
    assert sorted(run.name for run in run_store.task_runs()) == ["child-0", "child-1"]


def test_a_failing_subflow_raises_in_its_parent(run_store: Store) -> None:
    """Uncaught, both fail; and the task run that stands for the child."""

    @flow
    def child() -> None:
        raise ValueError("boom")

    @flow
    def parent() -> None:
        child()

    with pytest.raises(ValueError, match="boom"):
        parent()
    assert {names[-1] for names in histories(run_store).values()} == {"Failed"}
    (stand_in,) = run_store.task_runs()
    assert stand_in.state.message == "Flow run encountered an exception: ValueError: boom"  # type: ignore[union-attr]


def test_a_caught_failure_of_a_subflow_does_not_fail_the_parent(run_store: Store) -> None:
    """What is returned decides."""

    @flow
    def child() -> None:
        raise ValueError("boom")

    @flow
    def parent() -> str:
        assert child(return_state=True).is_failed()
        with pytest.raises(ValueError, match="boom"):
            child()
        return "fine"

    assert parent() == "fine"


def test_the_state_of_a_subflow_may_be_returned() -> None:
    """It then decides."""

    @flow
    def child(fail: bool) -> Any:
        if fail:
            raise ValueError("boom")
        return 3

    @flow
    def parent(fail: bool) -> Any:
        return child(fail, return_state=True)

    assert parent(False) == 3
    state = parent(True, return_state=True)
    assert (state.type, state.message) == (StateType.FAILED, "1/1 states failed.")
    assert isinstance(state.data, State)
    assert state.data.state_details.flow_run_id != state.state_details.flow_run_id


def test_a_cancelled_subflow_is_mirrored(run_store: Store) -> None:
    """The state's type, name and message."""

    @flow
    def child() -> Any:
        return Cancelled(message="not today")

    @flow
    def parent() -> None:
        child(return_state=True)

    parent()
    (stand_in,) = run_store.task_runs()
    assert (stand_in.state.name, stand_in.state.message) == ("Cancelled", "not today")  # type: ignore[union-attr]


def test_parameters_that_do_not_validate_fail_the_subflow(run_store: Store) -> None:
    """And its stand-in; neither has run."""

    @flow
    def child(x: int) -> None: ...

    @flow
    def parent() -> None:
        child("three", return_state=True)

    parent()
    assert histories(run_store)["flow child"] == ["Pending", "Failed"]
    assert histories(run_store)["task child"] == ["Pending", "Failed"]


def test_retries_of_a_subflow_are_mirrored(run_store: Store) -> None:
    """Attempt by attempt."""

    @flow(retries=1)
    def child() -> None:
        if flow_run.run_count == 1:
            raise ValueError

    @flow
    def parent() -> None:
        child()

    parent()
    told = ["Pending", "Running", "Retrying", "Completed"]
    assert (histories(run_store)["flow child"], histories(run_store)["task child"]) == (told, told)


def test_a_subflow_runs_its_tasks_on_its_own_runner(run_store: Store) -> None:
    """And they belong to its run."""

    @task
    def my_task() -> Any:
        return flow_run.flow_name

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def child() -> Any:
        return my_task.submit().result()

    @flow
    def parent() -> Any:
        return child(), my_task.submit().result()

    assert parent() == ("child", "parent")
    owner = {run.id: run.flow_name for run in run_store.flow_runs()}
    owners = [owner[run.flow_run_id] for run in run_store.task_runs() if run.task_name == "my_task"]  # type: ignore[index]
    assert sorted(owners) == ["child", "parent"]


def test_async_subflows_run_side_by_side(run_store: Store) -> None:
    """Gathered, each with its own stand-in."""

    @flow
    async def child(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @flow
    async def parent() -> Any:
        return await asyncio.gather(*[child(x) for x in range(3)])

    assert asyncio.run(parent()) == [0, 1, 2]
    assert sorted(run.name for run in run_store.task_runs()) == ["child-0", "child-1", "child-2"]


def test_sync_subflows_run_in_async_flows(run_store: Store) -> None:
    """In the caller's thread, as sync tasks do."""

    @task
    def my_task() -> int:
        return 1

    @flow
    def child() -> int:
        return my_task()

    @flow
    async def parent() -> Any:
        return child(), my_task(), my_task.submit().result()

    assert asyncio.run(parent()) == (1, 1, 1)


def test_a_flow_may_call_itself() -> None:
    """Each call is a run."""

    @flow
    def counts(n: int) -> int:
        return 0 if n == 0 else 1 + counts(n - 1)

    assert counts(4) == 4


def test_the_log_of_a_subflow_says_that_it_is_one(run_store: Store) -> None:
    """In its first line."""

    @flow
    def child() -> None:
        get_run_logger().info("mine")

    @flow
    def parent() -> None:
        child()

    parent()
    (run,) = [run for run in run_store.flow_runs() if run.flow_name == "child"]
    told = [line.message for line in run_store.logs(LogFilter(flow_run_id=run.id))]
    assert told[:2] == [f"Beginning subflow run {run.name!r} for flow 'child'", "mine"]
