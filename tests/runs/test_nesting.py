"""Tasks and flows inside one another: who belongs to whom, and what is inherited."""

import asyncio
import inspect
import threading

import pytest

from headrace import flow, tags, task
from headrace.exceptions import UnfinishedRun
from headrace.runtime import flow_run, task_run
from tests.runs.making import Fails


def test_tasks_call_and_submit_tasks_and_flows(runs):
    """All of them belong to the flow run around."""

    @task
    def leaf():
        return 1

    @flow
    def sub():
        return leaf() + leaf.submit().result()

    @task
    def branch():
        return leaf() + leaf.submit().result() + sub()

    @flow
    def around():
        return branch.submit().result()

    assert around() == 4
    assert {run.record.flow_run_id for run in runs.flow("around").task_runs} == {runs.flow("around").id}
    assert len(runs.tasks("leaf")) == 4
    assert runs.flow("sub").record.parent_flow_run_id == runs.flow("around").id
    assert runs.flow("sub").record.root_flow_run_id == runs.flow("around").id


def test_sync_flows_and_tasks_run_in_the_thread_of_their_caller():
    """Nothing hops."""
    here = threading.get_ident()

    @task
    def inner():
        return threading.get_ident()

    @flow
    def sub():
        return threading.get_ident(), inner()

    assert flow(lambda: (*sub(), inner()), name="around")() == (here, here, here)


def test_an_async_task_called_in_a_sync_flow_gives_a_coroutine():
    """The flow may run it."""

    @task
    async def inner():
        return 5

    @flow
    def around():
        coroutine = inner()
        assert inspect.iscoroutine(coroutine)
        return asyncio.run(coroutine)

    assert around() == 5


def test_a_subflow_inherits_tags_and_log_prints(runs):
    """Tags by union, prints from the enclosing flow."""

    @flow
    def child():
        print("hello")

    @flow(log_prints=True)
    def parent():
        with tags("inner"):
            child()

    with tags("outer"):
        parent()
    assert runs.flow("child").tags == {"outer", "inner"}
    assert runs.flow("parent").tags == {"outer"}
    assert any("hello" in line for line in runs.flow("child").logs)


def test_a_failed_subflow_fails_its_parent_unless_caught(runs):
    """With the child's own exception."""
    child = flow(name="child")(Fails(9).fn)

    @flow
    def parent():
        with pytest.raises(ValueError, match="boom"):
            child()
        return "caught"

    assert parent() == "caught"
    assert runs.flow("child").state.is_failed()
    assert runs.task("child-0").state.message == runs.flow("child").state.message


def test_runtime_tells_the_inner_run_from_the_outer(runs):
    """And is restored afterwards."""

    @task(task_run_name="inner")
    def inner():
        return task_run.name, flow_run.name

    @flow(flow_run_name="outer")
    def around():
        return inner(), task_run.name, flow_run.name

    assert around() == (("inner", "outer"), None, "outer")


def test_a_task_may_be_called_outside_any_flow(runs):
    """Its run belongs to no flow run."""
    assert task(lambda: 1, name="alone")() == 1
    assert runs.task("alone").record.flow_run_id is None


def test_a_direct_call_whose_input_failed_names_the_upstream(runs):
    """UnfinishedRun."""
    bad = task(name="bad", task_run_name="bad")(Fails(9).fn)
    needs = task(lambda x: x, name="needs")

    @flow
    def around():
        needs(bad.submit())

    with pytest.raises(UnfinishedRun, match="bad"):
        around()


def test_concurrent_flows_in_one_event_loop_do_not_mix(runs, fake_clock):
    """Each task run belongs to its own flow run."""

    @task
    async def step(n):
        await asyncio.sleep(n)
        return flow_run.name

    @flow(flow_run_name="flow-{n}")
    async def around(n):
        return await step(n)

    async def main():
        return await asyncio.gather(*(around(n) for n in range(5)))

    assert asyncio.run(main()) == [f"flow-{n}" for n in range(5)]
    assert fake_clock == 4
