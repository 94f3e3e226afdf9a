"""What a task's function finds around it in a worker process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from headrace import flow, get_run_logger, tags, task
from headrace.concurrency.sync import concurrency
from headrace.drive.world import World
from headrace.runtime import flow_run, task_run
from headrace.settings import current_settings, temporary_settings
from headrace.store.protocol import ConcurrencyLimit
from tests.runners.processing import in_processes, lines, real_world, states


@pytest.fixture
def world() -> Iterator[World]:
    with real_world() as world:
        yield world


def test_functions_run_in_another_process(world: World) -> None:
    """Not in this one, and not in its directory's stead: path and directory are taken over."""

    @task
    def where() -> tuple[int, str, list[str]]:
        return os.getpid(), os.getcwd(), sys.path

    pid, directory, path = in_processes(lambda: where.submit().result())
    assert pid != os.getpid()
    assert (directory, path) == (os.getcwd(), sys.path)


def test_runtime_and_tags_are_those_of_the_run(world: World) -> None:
    """`headrace.runtime` answers as in a thread."""

    @task(task_run_name="sees-{x}")
    def sees(x: int) -> dict[str, Any]:
        with tags("inner") as joined:
            return {
                "task": (task_run.id, task_run.name, task_run.task_name, task_run.parameters, task_run.run_count),
                "tags": (task_run.tags, sorted(joined)),
                "flow": (flow_run.id, flow_run.name, flow_run.flow_name, flow_run.parameters),
            }

    @flow(task_runner=_processes(), flow_run_name="outer")
    def outer(unsendable: Any) -> Any:
        with tags("a"):
            return sees.submit(3).result()

    seen = outer(lambda: world)
    run, of_flow = world.store.task_runs()[0], world.store.flow_runs()[0]
    assert seen["task"] == (str(run.id), "sees-3", "sees", {"x": 3}, 1)
    assert seen["tags"] == (["a"], ["a", "inner"])
    assert seen["flow"][:3] == (str(of_flow.id), "outer", "outer")
    assert list(seen["flow"][3]) == ["unsendable"]


def _processes() -> Any:
    from headrace.task_runners import ProcessPoolTaskRunner

    return ProcessPoolTaskRunner(max_workers=1)


def test_lines_of_the_log_and_prints_come_back_once(
    world: World, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """In order, to the store and to handlers here; also what was logged just before the process went down."""

    @task(log_prints=True)
    def talks() -> None:
        print("a print")
        get_run_logger().info("a line")
        try:
            raise ValueError("caught")
        except ValueError:
            get_run_logger().exception("an error")
        logging.getLogger("headrace.task_runs").debug("too fine")
        os._exit(1)

    in_processes(lambda: talks.submit().wait())
    told = [line for line in lines(world) if line.startswith("a")]
    assert told[:2] == ["a print", "a line"]
    assert told[2].startswith("an error\nTraceback")
    assert told[2].endswith("ValueError: caught")
    assert [r.getMessage() for r in caplog.records if r.getMessage() in ("a print", "a line")] == told[:2]
    assert capfd.readouterr().out == ""


def test_lines_belong_to_the_run(world: World) -> None:
    """Each line knows its task run and its flow run."""
    from headrace.store.protocol import LogFilter

    @task
    def talks() -> None:
        get_run_logger().warning("here")

    in_processes(lambda: talks.submit().wait())
    lines(world)
    run = world.store.task_runs()[0]
    (line,) = [r for r in world.store.logs(LogFilter(task_run_id=run.id)) if r.message == "here"]
    assert (line.level, line.flow_run_id) == (logging.WARNING, run.flow_run_id)


def test_settings_in_force_are_in_force_there(world: World) -> None:
    """What was set for a while in this process is set in its workers too."""

    @task
    def default_retries() -> int:
        return current_settings().tasks_default_retries

    with temporary_settings({"HEADRACE_TASKS_DEFAULT_RETRIES": 7}):
        assert in_processes(lambda: default_retries.submit().result()) == 7


def test_tasks_called_inside_are_recorded_here(world: World) -> None:
    """A direct call, a failing one and a subflow: their histories arrive, linked to the flow run."""

    @task(task_run_name="inner")
    def inner(x: int) -> int:
        return x + 1

    @task(task_run_name="failing", retries=1)
    def failing() -> None:
        raise ValueError("inside")

    @flow(flow_run_name="below")
    def below() -> int:
        return inner(10)

    @task(task_run_name="outer")
    def outer() -> tuple[int, int]:
        assert failing(return_state=True).is_failed()
        return inner(1), below()

    assert in_processes(lambda: outer.submit().result()) == (2, 11)
    runs = {run.name: run for run in world.store.task_runs()}
    assert states(world, runs["outer"]) == ["Pending", "Running", "Completed"]
    assert states(world, runs["failing"]) == ["Pending", "Running", "Retrying", "Failed"]
    above, beneath = world.store.flow_runs()
    assert (beneath.name, beneath.parent_flow_run_id) == ("below", above.id)
    assert states(world, beneath) == ["Pending", "Running", "Completed"]
    assert runs["failing"].flow_run_id == above.id
    assert len({run.id for run in world.store.task_runs()}) == 5


def test_what_a_task_submits_runs_in_threads_of_its_process(world: World) -> None:
    """It is done before the task is, and a future that the task returns arrives as its result."""

    @task(task_run_name="inner")
    def inner(x: int) -> tuple[int, int]:
        return os.getpid(), x

    @task(task_run_name="outer")
    def outer() -> Any:
        first = inner.submit(1)
        inner.submit(first)
        return os.getpid(), first.result(), [inner.submit(3)]

    own, first, futures = in_processes(lambda: outer.submit().result())
    assert first == (own, 1)
    assert futures == [(own, 3)]
    assert {tuple(states(world, run)) for run in world.store.task_runs()} == {("Pending", "Running", "Completed")}
    assert len(world.store.task_runs()) == 4


def test_slots_are_those_of_this_process(world: World) -> None:
    """`concurrency` takes slots of the limits here; those of a worker that dies come back at once."""
    world.store.put_limit(ConcurrencyLimit(name="one", limit=1))

    @task
    def holds() -> float:
        with concurrency("one"):
            return _taken()

    @task
    def dies() -> None:
        with concurrency("one"):
            os._exit(1)

    def both() -> float:
        dies.submit().wait()
        result: float = holds.submit().result()
        return result

    assert in_processes(both) == 1
    limit = world.store.limit("one", world.clock.now())
    assert limit is not None
    assert limit.active_slots == 0


def _taken() -> float:
    from headrace.drive.world import current_world

    world = current_world()
    limit = world.store.limit("one", world.clock.now())
    assert limit is not None
    return limit.active_slots


def test_errors_of_the_store_travel(world: World) -> None:
    """What the store raises here is raised there."""
    from uuid import UUID

    from headrace.drive.world import current_world
    from headrace.exceptions import ObjectNotFound

    @task
    def looks() -> str:
        try:
            current_world().store.task_run(UUID(int=1))
        except ObjectNotFound as error:
            return str(error)
        return "found"

    assert in_processes(lambda: looks.submit().result()) == f"There is no task run {UUID(int=1)} in the store."
