"""What travels to and from a worker process, and what is said of what can't."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from headrace import task
from headrace.drive.world import World
from headrace.exceptions import SerializationError
from headrace.states import Cancelled, Completed, Failed
from tests.runners.processing import in_processes, real_world, states


@pytest.fixture
def world() -> Iterator[World]:
    with real_world() as world:
        yield world


@dataclass
class Point:
    x: int


@task
def moved(point: Point) -> Point:
    return Point(point.x + 1)


@task
def doubled(x: int) -> int:
    return moved.fn(Point(x)).x * 2


class Picky(Exception):
    """An exception that can't be loaded again: it wants two arguments, and keeps one."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)


class Locked(Exception):
    """An exception that can't be pickled."""

    def __init__(self) -> None:
        super().__init__("shut")
        self.lock = threading.Lock()


def submit_state(submit: Any) -> Any:
    future = submit()
    future.wait()
    return future.state


def ended(submit: Any) -> Any:
    """Submit in a flow, and return the state in which the run ended."""
    kept: list[Any] = []
    in_processes(lambda: kept.append(submit_state(submit)))
    return kept[0]


def test_what_a_module_defines_travels_as_a_name(world: World) -> None:
    """A class of this file comes back as the very class; so does a function that a task has taken the place of."""
    assert ended(lambda: moved.submit(Point(1))).data == Point(2)
    assert ended(lambda: doubled.submit(1)).data == 4


def test_closures_and_local_classes_travel_by_value(world: World) -> None:
    """What has no name to be imported by is taken along."""
    factor = 3

    class Local:
        def __init__(self, x: int) -> None:
            self.x = x

    @task
    def multiplied(local: Local) -> Local:
        return Local(local.x * factor)

    result = ended(lambda: multiplied.submit(Local(2))).data
    assert isinstance(result, Local)
    assert result.x == 6


def test_an_argument_that_cannot_travel_fails_the_run_and_is_named(world: World) -> None:
    """Failed, not Crashed; the message says which, why, and what to do instead."""

    @task
    def takes(x: int, lock: Any) -> None: ...

    state = ended(lambda: takes.submit(1, threading.Lock()))
    assert (state.name, type(state.data)) == ("Failed", SerializationError)
    assert str(state.data) == (
        "The argument 'lock' of task 'takes' can't be sent to a worker process: TypeError: cannot pickle "
        "'_thread.lock' object. Pass what it is made from (a path, a URL, plain data), or run the task with "
        "ThreadPoolTaskRunner, which stays in this process."
    )
    assert states(world, world.store.task_runs()[0]) == ["Pending", "Running", "Failed"]


def test_a_function_that_cannot_travel_fails_the_run(world: World) -> None:
    """A closure over a lock."""
    lock = threading.Lock()

    @task
    def locks() -> None:
        lock.acquire()

    state = ended(locks.submit)
    assert (state.name, type(state.data)) == ("Failed", SerializationError)
    assert "The function of task 'locks' can't be sent to a worker process" in str(state.data)


def test_a_result_that_cannot_travel_fails_the_run_and_names_the_task(world: World) -> None:
    """The function has run; what it returned stays in the worker."""

    @task
    def gives() -> Any:
        return threading.Lock()

    state = ended(gives.submit)
    assert (state.name, type(state.data)) == ("Failed", SerializationError)
    assert "The result of task 'gives' can't be sent back from its worker process" in str(state.data)


def test_hooks_and_flow_parameters_that_cannot_travel_stay_here(world: World) -> None:
    """Hooks are called in this process, so that they may close over anything."""
    lock, called = threading.Lock(), []

    def hook(task: Any, run: Any, state: Any) -> None:
        with lock:
            called.append(state.name)

    @task(on_completion=[hook], on_running=[hook])
    def runs() -> str:
        return "ran"

    assert ended(runs.submit).data == "ran"
    assert called == ["Running", "Completed"]


def test_an_exception_shows_where_in_the_worker_it_came_from(world: World) -> None:
    """Its traceback travels as a note, without our own frames."""

    @task
    def raises() -> None:
        raise ValueError("boom")

    error = ended(raises.submit).data
    assert (type(error), error.args) == (ValueError, ("boom",))
    (note,) = error.__notes__
    assert note.startswith("In the worker process ")
    assert 'raise ValueError("boom")' in note
    assert "headrace/drive" not in note


@pytest.mark.parametrize(("error", "shown"), [(Picky("no", 1), "Picky: no"), (Locked(), "Locked: shut")])
def test_an_exception_that_cannot_travel_is_told_in_words(world: World, error: Exception, shown: str) -> None:
    """Its name, its message and its traceback arrive."""
    arguments = {"Picky": ("no", 1), "Locked": ()}[type(error).__name__]

    @task
    def raises(kind: type[Exception]) -> None:
        raise kind(*arguments)

    found = ended(lambda: raises.submit(type(error))).data
    assert type(found) is SerializationError
    assert str(found) == f"The task 'raises' ended in its worker process with {shown}, which can't be pickled."
    assert "raise kind(*arguments)" in found.__notes__[0]


@pytest.mark.parametrize("made", [Completed(data=3), Failed(message="no"), Cancelled(message="stop")])
def test_a_state_that_is_returned_is_the_state_of_the_run(world: World, made: Any) -> None:
    """Taken at its word, as in a thread."""

    @task
    def returns() -> Any:
        return made

    state = ended(returns.submit)
    assert (state.type, state.message) == (made.type, made.message)
