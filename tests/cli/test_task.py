"""`headrace task serve`."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.entrypoints import some_of
from headrace.exceptions import MissingFlowError, ScriptError
from headrace.tasks import Task

from .conftest import Cli

TASKS = """
from headrace import flow, task

@task
def one(x):
    return x

@task(name="Two")
def two():
    return 2

@flow
def a_flow():
    pass
"""


@pytest.fixture
def file() -> Path:
    """A file of tasks in the working directory."""
    path = Path("some_tasks.py")
    path.write_text(TASKS)
    return path


def test_all_tasks_of_a_file_are_served(cli: Cli, file: Path) -> None:
    """Until nothing is left."""
    one, two = some_of(str(file), Task)
    futures = [one.delay(3), two.delay()]
    ended = cli("task", "serve", str(file), "--until-idle")
    assert ended.code == 0
    assert [future.result() for future in futures] == [3, 2]


@pytest.mark.parametrize("named", ["two", "Two"])
def test_the_task_that_is_named_is_served_alone(cli: Cli, file: Path, named: str) -> None:
    """By its attribute or its name."""
    one, two = some_of(str(file), Task)
    futures = [one.delay(3), two.delay()]
    assert cli("task", "serve", f"{file}:{named}", "--limit", "0", "--until-idle").code == 0
    assert [future.state.name for future in futures] == ["Scheduled", "Completed"]


@pytest.mark.parametrize(
    ("target", "error", "said"),
    [
        ("some_tasks.py:three", MissingFlowError, "holds no task 'three'. There are: one, two"),
        ("some_tasks.py:a_flow", MissingFlowError, "a_flow is a Flow"),
        ("nothing.py", ScriptError, "no file nothing.py"),
        ("empty.py", MissingFlowError, "holds no task. Mark a function of it with @task"),
    ],
)
def test_what_is_no_task_is_told(cli: Cli, file: Path, target: str, error: type[Exception], said: str) -> None:
    """With what there is."""
    Path("empty.py").touch()
    with pytest.raises(error, match=said):
        some_of(target, Task)
    ended = cli("task", "serve", target)
    assert (ended.code, said in ended.err) == (1, True)
