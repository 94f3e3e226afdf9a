"""Looking into the store through a client, sync and async."""

import asyncio
import inspect
from typing import Any
from uuid import UUID, uuid4

import pytest

from headrace import flow, get_client, get_run_logger, tags, task
from headrace.client.orchestration import HeadraceClient, SyncHeadraceClient
from headrace.client.schemas import filters
from headrace.client.schemas.actions import GlobalConcurrencyLimitCreate
from headrace.client.schemas.filters import FlowFilter, FlowRunFilter, FlowRunFilterId, TaskRunFilter
from headrace.client.schemas.objects import FlowRun, State, StateType, TaskRun
from headrace.client.schemas.sorting import FlowRunSort, LogSort
from headrace.exceptions import ObjectNotFound
from headrace.runtime import flow_run
from headrace.states import Cancelled, Cancelling
from headrace.store.protocol import LogFilter, RunFilter


@task
def one() -> int:
    return 1


@flow
def my_flow() -> Any:
    return one(return_state=True)


def test_runs_are_read_by_the_ids_that_states_name() -> None:
    """As tests do: from a state to its run, and back."""
    state = my_flow(return_state=True)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        task_run = client.read_task_run(state.data.state_details.task_run_id)
    assert isinstance(run, FlowRun)
    assert isinstance(task_run, TaskRun)
    assert (run.state.type, run.state.state_details.flow_run_id) == (StateType.COMPLETED, run.id)  # type: ignore[union-attr]
    assert (task_run.flow_run_id, task_run.task_name) == (run.id, "one")


def test_the_async_client_reads_the_same() -> None:
    """Each answer is awaited."""

    async def read() -> Any:
        async with get_client() as client:
            (run,) = await client.read_flow_runs()
            (task_run,) = await client.read_task_runs()
            return (
                [state.name for state in await client.read_flow_run_states(run.id)],
                [state.name for state in await client.read_task_run_states(str(task_run.id))],
                (await client.read_flow_run(run.id)).name == run.name,
                (await client.read_task_run(task_run.id)).name == task_run.name,
            )

    my_flow()
    usual = ["Pending", "Running", "Completed"]
    assert asyncio.run(read()) == (usual, usual, True, True)


def test_states_that_are_read_say_whose_they_are() -> None:
    """Wherever they were kept."""
    my_flow()
    client = get_client(sync_client=True)
    (run,), (task_run,) = client.read_flow_runs(), client.read_task_runs()
    assert {state.state_details.flow_run_id for state in client.read_flow_run_states(run.id)} == {run.id}
    states = client.read_task_run_states(task_run.id)
    assert {state.state_details.task_run_id for state in states} == {task_run.id}
    assert all(isinstance(state, State) for state in states)


def test_lists_are_filtered_and_cut() -> None:
    """By a filter, a limit and an offset."""
    my_flow()
    my_flow()
    client = get_client(sync_client=True)
    first, second = client.read_flow_runs()
    assert [run.id for run in client.read_flow_runs(limit=1)] == [first.id]
    assert [run.id for run in client.read_flow_runs(offset=1)] == [second.id]
    found = client.read_task_runs(RunFilter(flow_run_id=first.id))
    assert [run.flow_run_id for run in found] == [first.id]


def names(runs: Any) -> list[str]:
    """Return what runs are called."""
    return [run.name for run in runs]


def test_runs_are_found_in_the_words_of_prefect() -> None:
    """Criteria are objects or dicts, and dicts inside dicts."""

    @task(task_run_name="add-{n}", tags=["sums"])
    def add(n: int) -> int:
        return 10 // n

    @flow(flow_run_name="run-{n}", name="Adding")
    def adding(n: int) -> Any:
        return add(n, return_state=True)

    with tags("even"):
        second = adding(2, return_state=True)
    adding(1)
    adding(0, return_state=True)
    client = get_client(sync_client=True)
    of_second = FlowRunFilter(id=FlowRunFilterId(any_=[str(second.state_details.flow_run_id)]))
    assert names(client.read_task_runs(flow_run_filter=of_second)) == ["add-2"]
    assert names(client.read_flow_runs(flow_run_filter=of_second)) == ["run-2"]
    for wanted, found in (
        ({"state": {"type": {"any_": ["FAILED"]}}}, ["run-0"]),
        ({"state": {"name": {"not_any_": ["Failed"]}}}, ["run-2", "run-1"]),
        ({"name": {"like_": "RUN-1"}}, ["run-1"]),
        ({"name": {"any_": ["run-0", "run-1"]}}, ["run-1", "run-0"]),
        ({"tags": {"all_": ["even"]}}, ["run-2"]),
        ({"tags": {"any_": ["even", "odd"]}, "name": {"any_": ["run-1"]}, "operator": "or_"}, ["run-2", "run-1"]),
        ({"tags": {"is_null_": True}}, ["run-1", "run-0"]),
        ({"parent_task_run_id": {"is_null_": False}}, []),
        ({"start_time": {"after_": client.read_flow_runs()[1].start_time}}, ["run-1", "run-0"]),
        ({"end_time": {"before_": client.read_flow_runs()[1].start_time}}, ["run-2"]),
        ({"end_time": {"is_null_": True}}, []),
        ({}, ["run-2", "run-1", "run-0"]),
    ):
        assert names(client.read_flow_runs(flow_run_filter=FlowRunFilter(**wanted))) == found, wanted
    assert names(client.read_task_runs(task_run_filter=TaskRunFilter(subflow_runs={"exists_": True}))) == []
    assert names(client.read_task_runs(flow_filter=FlowFilter(name={"any_": ["Adding"]}), limit=1, offset=1)) == [
        "add-1"
    ]
    failed = TaskRunFilter(state={"type": {"any_": [StateType.FAILED]}})
    assert names(client.read_flow_runs(task_run_filter=failed)) == ["run-0"]
    lines = client.read_logs(
        filters.LogFilter(level={"ge_": 40}, flow_run_id={"any_": [client.read_flow_runs()[2].id]})
    )
    assert lines
    assert all(line.level >= 40 for line in lines)


def test_runs_are_sorted_as_asked() -> None:
    """Before a part of them is cut out."""
    for n in (2, 3, 1):
        flow(lambda n: n, name="one", flow_run_name="run-{n}")(n)

    async def last() -> Any:
        async with get_client() as client:
            return await client.read_flow_runs(sort=FlowRunSort.END_TIME_DESC, limit=1)

    client = get_client(sync_client=True)
    assert names(asyncio.run(last())) == ["run-1"]
    assert names(client.read_flow_runs(sort="NAME_ASC")) == ["run-1", "run-2", "run-3"]
    assert names(client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, offset=1)) == ["run-3", "run-2"]
    moments = [line.timestamp for line in client.read_logs(sort=LogSort.TIMESTAMP_DESC)]
    assert moments == sorted(moments, reverse=True)


def test_what_is_not_there_is_not_found() -> None:
    """ObjectNotFound, for runs and limits."""
    client = get_client(sync_client=True)
    reads = (client.read_flow_run, client.read_task_run, client.read_flow_run_states, client.read_task_run_states)
    for read in reads:
        with pytest.raises(ObjectNotFound):
            read(uuid4())
    by_name = (
        client.read_concurrency_limit_by_tag,
        client.delete_concurrency_limit_by_tag,
        client.read_global_concurrency_limit_by_name,
        client.delete_global_concurrency_limit_by_name,
    )
    for call in by_name:
        with pytest.raises(ObjectNotFound, match="nobody"):
            call("nobody")


def test_limits_are_created_read_and_deleted() -> None:
    """Those of tags apart from the others."""
    with get_client(sync_client=True) as client:
        client.create_concurrency_limit("db", concurrency_limit=2)
        client.create_global_concurrency_limit("api", limit=3, slot_decay_per_second=0.5)
        assert client.read_concurrency_limit_by_tag("db").limit == 2
        assert client.read_global_concurrency_limit_by_name("api").slot_decay_per_second == 0.5
        client.upsert_global_concurrency_limit_by_name("api", 5)
        assert [limit.limit for limit in client.read_global_concurrency_limits()] == [5]
        assert [limit.name for limit in client.read_concurrency_limits()] == ["tag:db"]
        client.delete_concurrency_limit_by_tag("db")
        client.delete_global_concurrency_limit_by_name("api")
        assert client.read_concurrency_limits() == client.read_global_concurrency_limits() == []


def test_a_limit_may_be_described_by_a_value() -> None:
    """As clients elsewhere want it; a name alone does not do."""
    wanted = GlobalConcurrencyLimitCreate(name="api", limit=3, slot_decay_per_second=0.5, active=False)
    with get_client(sync_client=True) as client:
        made = client.create_global_concurrency_limit(concurrency_limit=wanted)
        assert (made.name, made.limit, made.slot_decay_per_second, made.active) == ("api", 3, 0.5, False)
        with pytest.raises(TypeError, match="how many slots the limit 'other' has"):
            client.create_global_concurrency_limit("other")


def test_limits_through_the_async_client() -> None:
    """The same, awaited."""

    async def change() -> Any:
        async with get_client() as client:
            await client.create_concurrency_limit("db", 2)
            await client.create_global_concurrency_limit("api", 3)
            await client.upsert_global_concurrency_limit_by_name("api", 4)
            seen = (
                (await client.read_concurrency_limit_by_tag("db")).limit,
                (await client.read_global_concurrency_limit_by_name("api")).limit,
                len(await client.read_concurrency_limits()),
                len(await client.read_global_concurrency_limits()),
            )
            await client.delete_concurrency_limit_by_tag("db")
            await client.delete_global_concurrency_limit_by_name("api")
            return seen, await client.read_concurrency_limits()

    assert asyncio.run(change()) == ((2, 4, 1, 1), [])


def test_a_run_that_has_ended_cannot_be_cancelled() -> None:
    """The state that stands is the answer."""
    my_flow()
    client = get_client(sync_client=True)
    (run,) = client.read_flow_runs()
    assert client.cancel_flow_run(run.id).name == "Completed"


def test_log_lines_are_read() -> None:
    """With what they say, whose they are, and what was written a moment ago; not those kept out of the store."""

    @task
    def told() -> None:
        get_run_logger().warning("in the task")

    @flow
    def my_flow() -> Any:
        get_run_logger().info("kept out", extra={"send_to_api": False})
        told()
        return get_client(sync_client=True).read_logs()

    lines = {line.message: line for line in my_flow()}
    line = lines["in the task"]
    client = get_client(sync_client=True)
    assert (line.name, line.level, line.flow_run_id) == ("headrace.task_runs", 30, client.read_flow_runs()[0].id)
    assert "kept out" not in lines
    ended = client.read_logs(LogFilter(text="Finished"), limit=1, offset=1)
    assert [line.task_run_id for line in ended] == [None]

    async def read() -> Any:
        async with get_client() as client:
            return await client.read_logs()

    assert len(asyncio.run(read())) == len(client.read_logs()) == 4


@pytest.mark.parametrize(("as_text", "asks"), [(False, Cancelling), (True, Cancelling), (False, Cancelled)])
def test_a_flow_run_is_cancelled_by_setting_its_state(as_text: bool, asks: Any) -> None:
    """By its id, or by that as text; `on_cancellation` hooks fire if it is asked, and not told that it is."""
    heard: list[str] = []

    @flow(on_cancellation=[lambda flow, run, state: heard.append(state.name)])
    async def waits(running: asyncio.Future[UUID]) -> None:
        running.set_result(UUID(flow_run.id))
        await asyncio.sleep(60)

    async def cancels() -> Any:
        running: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(waits(running, return_state=True))
        run_id = await running
        async with get_client() as client:
            asked = await client.set_flow_run_state(str(run_id) if as_text else run_id, asks(), force=True)
        return asked.name, (await waiting).name

    assert asyncio.run(cancels()) == (asks().name, "Cancelled")
    assert heard == ["Cancelling"] * (asks is Cancelling)


def test_both_clients_offer_the_same() -> None:
    """Method by method, argument by argument."""

    def methods(kind: type) -> dict[str, list[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: list(inspect.signature(fn).parameters) for name, fn in found if not name.startswith("_")}

    assert methods(HeadraceClient) == methods(SyncHeadraceClient)
    assert all(
        inspect.iscoroutinefunction(fn)
        for name, fn in inspect.getmembers(HeadraceClient, inspect.isfunction)
        if not name.startswith("_")
    )


def test_flows_are_known_by_their_runs() -> None:
    """By id, by name, and in the order of their first runs."""
    my_flow()
    other = my_flow.with_options(name="other")
    other()
    my_flow()
    with get_client(sync_client=True) as client:
        run = client.read_flow_runs()[0]
        found = client.read_flow(run.flow_id)
        assert (found.id, found.name, found.created) == (run.flow_id, "my-flow", run.created)
        assert client.read_flow(str(run.flow_id)) == found == client.read_flow_by_name("my-flow")
        assert [each.name for each in client.read_flows()] == ["my-flow", "other"]
        assert [each.name for each in client.read_flows(limit=1, offset=1)] == ["other"]
        assert [each.name for each in client.read_flows(flow_filter=FlowFilter(name={"like_": "oth"}))] == ["other"]
        assert client.count_flow_runs() == 3
        assert client.count_flow_runs(flow_filter=FlowFilter(name={"any_": ["my-flow"]})) == 2
        assert found.model_dump() == {"id": run.flow_id, "name": "my-flow", "created": run.created}
        with pytest.raises(ObjectNotFound, match="of the name 'nothing'"):
            client.read_flow_by_name("nothing")
        with pytest.raises(ObjectNotFound):
            client.read_flow(uuid4())


def test_runs_are_deleted() -> None:
    """A flow run with its task runs; what is gone is not found."""
    my_flow()
    with get_client(sync_client=True) as client:
        (run,), (child,) = client.read_flow_runs(), client.read_task_runs()
        client.delete_task_run(child.id)
        with pytest.raises(ObjectNotFound):
            client.read_task_run(child.id)
        client.delete_flow_run(run.id)
        assert client.read_flow_runs() == []
        with pytest.raises(ObjectNotFound, match="There is no flow run"):
            client.delete_flow_run(run.id)
        with pytest.raises(ObjectNotFound):
            client.delete_task_run(child.id)


def test_a_task_run_that_has_ended_stays_as_it_is() -> None:
    """Whatever state it is asked to enter."""
    my_flow()
    with get_client(sync_client=True) as client:
        (child,) = client.read_task_runs()
        assert client.set_task_run_state(child.id, Cancelled()).name == "Completed"


def test_flows_and_deletion_through_the_async_client() -> None:
    """The same, awaited."""

    async def look() -> Any:
        async with get_client() as client:
            (run,), (child,) = await client.read_flow_runs(), await client.read_task_runs()
            found = await client.read_flow(run.flow_id)
            same = await client.read_flow_by_name(found.name) == found == (await client.read_flows())[0]
            stands = await client.set_task_run_state(child.id, Cancelled())
            await client.delete_task_run(child.id)
            await client.delete_flow_run(run.id)
            return same, stands.name, await client.count_flow_runs()

    my_flow()
    assert asyncio.run(look()) == (True, "Completed", 0)
