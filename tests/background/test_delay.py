"""Scheduling runs for the background, and waiting for them."""

import asyncio
import pickle
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from headrace import allow_failure, flow, get_client, get_run_logger, tags, task
from headrace.drive.world import World, use_world
from headrace.exceptions import (
    DeadlockError,
    FailedRun,
    ObjectNotFound,
    ParameterBindError,
    SerializationError,
    UnfinishedRun,
)
from headrace.futures import DistributedFuture, RunFuture, as_completed, wait
from headrace.runtime import task_run
from headrace.states import Cancelled
from headrace.store.protocol import LogFilter, Store
from headrace.store.sqlite import SqliteStore
from headrace.task_worker import TaskWorker, serve
from headrace.testing import simulate
from headrace.utilities.annotations import quote


@task
def add(x: Any, y: Any = 1) -> Any:
    return x + y


@task
def double(x: Any) -> Any:
    return 2 * x


@task
def fail(x: Any = None) -> Any:
    raise ValueError("no luck")


def test_delay_records_a_scheduled_run_and_runs_nothing(runs: Any, simulation: Any) -> None:
    """It is there for whoever serves the task."""
    future = add.delay(1, y=2)
    run = simulation.runs.task("add-*")
    assert (run.states, run.parameters) == (["Scheduled"], {"x": 1, "y": 2})
    assert future.task_run_id == run.record.id
    assert (future.state.name, future.done()) == ("Scheduled", False)
    assert future.state.state_details.scheduled_time == simulation.now


def test_apply_async_takes_arguments_as_containers(simulation: Any) -> None:
    """Positional ones, named ones, or none."""

    @task
    def nothing() -> str:
        return "done"

    futures = [add.apply_async((1,), {"y": 2}), add.apply_async(kwargs={"x": 3}), nothing.apply_async()]
    serve(add, nothing, until_idle=True)
    assert [future.result() for future in futures] == [3, 4, "done"]


def test_arguments_that_do_not_fit_are_told_at_once(runs: Any) -> None:
    """No run exists then."""
    with pytest.raises(ParameterBindError):
        add.delay()
    with pytest.raises(ParameterBindError):
        add.apply_async((1,), {"x": 1})
    assert runs.tasks() == []


def test_arguments_that_can_not_be_pickled_are_told_at_once(runs: Any) -> None:
    """With the name of the task and what to do instead."""
    with pytest.raises(SerializationError, match=r"'add'.*lock.*path of a file"):
        add.delay(threading.Lock())
    assert runs.tasks() == []


def test_arguments_arrive_as_they_were_when_they_were_given(simulation: Any) -> None:
    """Whatever happens to them before the worker comes."""
    given = [1, {"a": timedelta(seconds=1)}, Path("x")]
    future = double.delay(given)
    given.clear()
    serve(double, until_idle=True)
    assert future.result() == [1, {"a": timedelta(seconds=1)}, Path("x")] * 2


def test_a_run_belongs_to_the_flow_run_that_scheduled_it(simulation: Any) -> None:
    """It inherits tags and log_prints, and may outlive it."""

    @task
    def says() -> None:
        print("hello")

    @flow(log_prints=True)
    def outer() -> None:
        with tags("night"):
            says.delay()

    outer()
    serve(says, until_idle=True)
    run = simulation.runs.task("says-*")
    parent = simulation.runs.flow("outer")
    assert (run.record.flow_run_id, run.record.tags) == (parent.record.id, {"night"})
    lines = simulation.store.logs(LogFilter(task_run_id=run.record.id))
    assert "hello" in [line.message for line in lines]
    assert parent.states[-1] == "Completed"


def test_a_run_that_a_task_scheduled_says_so(simulation: Any) -> None:
    """As one that a task called does."""

    @task
    def outer() -> None:
        add.delay(1)

    @flow
    def around() -> None:
        outer()

    around()
    assert list(simulation.runs.task("add-*").record.task_inputs["__parents__"]) == [
        simulation.runs.task("outer-*").record.id
    ]


def test_the_result_of_a_scheduled_run_may_be_an_argument(simulation: Any) -> None:
    """The worker waits for it, and the dependency is recorded, in a flow or outside one."""
    first = add.delay(1)
    second = double.delay([first])
    serve(double, add, limit=1, until_idle=True)
    assert second.result() == [2, 2]
    inputs = simulation.runs.task("double-*").record.task_inputs
    assert {name: list(ids) for name, ids in inputs.items()} == {"x": [first.task_run_id]}


def test_futures_of_this_process_are_waited_for(simulation: Any) -> None:
    """Their results travel, for their runs do not."""

    @flow
    def outer() -> None:
        submitted = add.submit(1)
        double.delay({"a": [submitted]}["a"])
        double.apply_async((add(2, return_state=True),), wait_for=[submitted])

    outer()
    serve(double, until_idle=True)
    first, second = simulation.runs.tasks("double-*")
    assert [run.state.result() for run in (first, second)] == [[2, 2], 6]
    assert list(first.record.task_inputs["x"]) == list(second.record.task_inputs["wait_for"])


def test_a_future_of_this_process_that_failed_is_told_at_once(simulation: Any) -> None:
    """Unless failures are allowed: then the exception travels."""
    kind = task(lambda x: type(x).__name__, name="kind")

    @flow
    def outer() -> None:
        submitted = fail.submit()
        with pytest.raises(ValueError, match="no luck"):
            double.delay(submitted)
        kind.delay(allow_failure(submitted))

    outer()
    serve(kind, until_idle=True)
    assert simulation.runs.task("kind-*").state.result() == "ValueError"


def test_what_waits_for_a_scheduled_run_that_failed_is_not_ready(simulation: Any) -> None:
    """As in a flow; what allows failures, or quotes, runs."""
    kind = task(lambda x: type(x).__name__, name="kind")
    failed = fail.delay()
    waits = add.apply_async((1,), wait_for=[failed])
    allows, quotes = kind.delay(allow_failure(failed)), kind.delay(quote([failed]))
    serve(fail, add, kind, until_idle=True)
    assert (waits.done(), waits.state.name) == (True, "NotReady")
    assert (allows.result(), quotes.result()) == ("ValueError", "list")
    with pytest.raises(UnfinishedRun, match="Upstream task run 'fail-"):
        waits.result()


# futures -------------------------------------------------------------------------------------------------------


def test_a_future_waits_for_the_worker(simulation: Any) -> None:
    """In the same process it is woken at once."""
    started = simulation.start(serve, add, timeout=3600)
    assert add.delay(1).result() == 2
    assert simulation.elapsed == 0
    assert not started.done()


def test_a_future_waits_only_so_long(simulation: Any) -> None:
    """`wait` returns, `result` raises TimeoutError."""
    future = add.delay(1)
    future.wait(timeout=5)
    with pytest.raises(TimeoutError, match="within 5 seconds"):
        future.result(timeout=5)
    assert simulation.elapsed == 10


def test_waiting_without_a_worker_is_a_deadlock_in_a_simulation() -> None:
    """And the message says who is missing."""
    with pytest.raises(DeadlockError, match="a task worker is to run"), simulate():
        add.delay(1).result()


def test_a_failure_is_raised_as_it_was(simulation: Any) -> None:
    """In the process of the worker; see the tests with other processes."""
    future = fail.delay()
    serve(fail, until_idle=True)
    with pytest.raises(ValueError, match="no luck"):
        future.result()
    assert isinstance(future.result(raise_on_failure=False), ValueError)


def test_a_future_is_made_from_an_id(simulation: Any) -> None:
    """Any process can look, wherever it was scheduled."""
    future = add.delay(1)
    again = DistributedFuture[int](future.task_run_id)
    assert again.state.name == "Scheduled"
    serve(add, until_idle=True)
    assert again.result() == 2
    assert pickle.loads(pickle.dumps(again)).result() == 2
    with pytest.raises(ObjectNotFound):
        DistributedFuture(uuid4())


def test_a_run_that_was_deleted_is_told(run_store: Store) -> None:
    """To who asks for its state."""
    future = add.delay(1)
    run_store.delete("task", future.task_run_id)
    with pytest.raises(ObjectNotFound, match="was deleted"):
        _ = future.state


def test_callbacks_and_helpers_take_these_futures_too(simulation: Any) -> None:
    """They are futures like those of `submit`."""
    told: list[Any] = []
    futures = [add.delay(number) for number in (1, 2)]
    futures[0].add_done_callback(told.append)
    simulation.start(serve, add, timeout=10)
    assert isinstance(futures[0], RunFuture)
    assert {future.result() for future in as_completed(futures)} == {2, 3}
    assert wait(futures).not_done == set()
    assert told == [futures[0]]


def test_a_future_is_awaited_in_async_code(simulation: Any) -> None:
    """While the loop goes on."""
    simulation.start(serve, add, timeout=10)

    async def both() -> list[int]:
        return [await add.delay(1), await add.delay(2).result()]

    assert asyncio.run(both()) == [2, 3]


def test_a_flow_that_returns_a_future_waits_for_it(simulation: Any) -> None:
    """As for any future that it returns."""
    simulation.start(serve, add, timeout=10)

    @flow
    def outer() -> Any:
        return add.delay(1)

    assert outer() == 2


def test_results_are_kept_for_other_processes_unless_the_task_says_no(run_store: Store) -> None:
    """Whoever waits may be elsewhere."""
    forgets = task(persist_result=False, name="forgets")(lambda: 1)
    kept, forgotten = add.delay(1), forgets.delay()
    serve(add, forgets, until_idle=True)
    assert kept.state.state_details.result_key is not None
    assert forgotten.state.state_details.result_key is None


def test_results_go_where_the_flow_run_around_keeps_them(simulation: Any, tmp_path: Path) -> None:
    """The worker is told."""

    @flow(result_storage=tmp_path, persist_result=False)
    def outer() -> None:
        add.delay(1)

    outer()
    serve(add, until_idle=True)
    assert len(list(tmp_path.iterdir())) == 1
    assert simulation.runs.task("add-*").state.result() == 2


def test_names_retries_hooks_and_logs_are_as_ever(simulation: Any) -> None:
    """A run in the background is a task run."""
    seen: list[str] = []

    @task(
        task_run_name="once-more-{x}",
        retries=1,
        retry_delay_seconds=60,
        on_completion=[lambda task, run, state: seen.append(run.name)],
    )
    def flaky(x: int) -> int:
        get_run_logger().info("attempt %d", task_run.run_count)
        if task_run.run_count == 1:
            raise ConnectionError
        return x

    flaky.delay(3)
    serve(flaky, until_idle=True)
    run = simulation.runs.task("once-more-3")
    assert run.states == [
        *("Scheduled", "Pending", "Running"),
        *("AwaitingRetry", "Retrying", "Completed"),
    ]
    assert seen == ["once-more-3"]
    assert simulation.elapsed == 60
    lines = [line.message for line in simulation.store.logs(LogFilter(task_run_id=run.record.id))]
    assert "attempt 2" in lines


def test_the_exception_of_a_run_elsewhere_is_told_in_words(run_store: Store) -> None:
    """What is in the store of a failure is its text: so a state that is read anew says."""
    from headrace.core.state_types import StateType
    from headrace.core.states import State

    future = fail.delay()
    message = "Task run encountered an exception: ValueError: no luck"
    run_store.propose("task", future.task_run_id, State(StateType.FAILED, message=message))
    with pytest.raises(FailedRun, match="ValueError: no luck"):
        future.result()


def test_a_state_that_a_client_gives_wakes_who_waits(simulation: Any) -> None:
    """A run that is cancelled before it began never runs."""
    future = add.delay(1)

    def cancel() -> None:
        with get_client(sync_client=True) as client:
            client.set_task_run_state(future.task_run_id, Cancelled())

    simulation.start(cancel)
    future.wait()
    assert future.state.name == "Cancelled"
    serve(add, until_idle=True)
    assert simulation.runs.task("add-*").states == ["Scheduled", "Cancelled"]


def test_waiting_where_nobody_could_run_it_is_warned_about(run_store: Store, caplog: Any) -> None:
    """On real time there is no deadlock to be seen, and a test would hang without a word."""
    future = add.delay(1)
    future.wait(timeout=0)
    assert "no task worker is at work in this process" in caplog.text
    caplog.clear()
    worker = TaskWorker(add)
    thread = threading.Thread(target=worker.start)
    thread.start()
    while not worker.started:
        thread.join(0.001)
    assert future.result() == 2
    worker.stop()
    thread.join()
    assert caplog.text.count("no task worker") == 0


def test_what_waits_is_forgotten_when_its_world_is_closed(tmp_path: Path) -> None:
    """No thread looks on."""
    world = World(SqliteStore(tmp_path / "headrace.db"))
    with use_world(world):
        add.delay(1).wait(timeout=0)
        assert "headrace-futures" in {thread.name for thread in threading.enumerate()}
    world.close()
    for thread in threading.enumerate():
        if thread.name == "headrace-futures":
            thread.join(10)
            assert not thread.is_alive()
