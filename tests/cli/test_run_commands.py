"""`headrace flow-run` and `headrace task-run`: what `headrace runs` does, to one kind; running again, and watching."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from headrace.core.state_types import StateType
from headrace.core.states import State

from .conftest import Cli, StillClock
from .stories import ENDED, Stories, at
from .test_run import Write, store, write

__all__ = ["store", "write"]

FAILED = ((60, "Pending"), (61, "Running"), (70, "Failed", "ValueError: boom"))
DOWN = """
from pathlib import Path
from headrace import flow, task

@task
def fetch(n):
    if not Path("up").exists():
        raise ConnectionError("down")
    return n

@flow(flow_run_name="day-{n}")
def ingest(n: int = 3):
    print("trying")
    return fetch(n)
"""


@pytest.fixture
def two(stories: Stories) -> Stories:
    """A flow run that failed, with a task run of the same name."""
    failed = stories.flow("monday", *FAILED)
    stories.task("monday", failed, (61, "Pending"), (62, "Running"), (63, "Completed"))
    return stories


def test_each_lists_its_own_kind(cli: Cli, two: Stories) -> None:
    """With the filters that there are for it, and under Prefect's names for some."""
    assert [run["kind"] for run in cli("flow-run", "ls", "--state-type", "FAILED", "--json").json] == ["flow"]
    of_fetch = cli("task-run", "ls", "--task-name", "fetch", "--flow-name", "in*", "--json").json
    assert [run["kind"] for run in of_fetch] == ["task"]
    assert "monday" in cli("flow-run", "ls").out
    assert cli("task-run", "ls", "--state", "failed").out == "No runs fit.\n"
    for kind in ("flow-run", "task-run"):
        assert f"`headrace {kind} ls` lists" in cli(kind, "inspect", "nobody").err


def test_each_looks_at_its_own_kind(cli: Cli, two: Stories) -> None:
    """Where a run of the other kind has the same name."""
    assert cli("flow-run", "inspect", "monday", "--json").json["kind"] == "flow"
    assert cli("task-run", "inspect", "monday", "--json").json["kind"] == "task"
    assert cli("task-run", "logs", "monday").out == "No lines were logged.\n"
    assert cli("flow-run", "logs", "monday").out == "No lines were logged.\n"
    cli("task-run", "delete", "monday", "--yes")
    assert (two.store.count("flow"), two.store.count("task")) == (1, 0)
    cli("flow-run", "delete", "monday", "-y")
    assert two.store.count("flow") == 0


@pytest.mark.parametrize("form", [["-o", "json"], ["--output", "json"], ["--output=json"], ["-o=json"]])
def test_o_json_is_the_same_as_json(cli: Cli, two: Stories, form: list[str]) -> None:
    """On every command that has it."""
    assert cli("flow-run", "ls", *form).json == cli("flow-run", "ls", "--json").json
    assert cli("concurrency-limit", "ls", *form).json == []


def test_another_form_is_refused(cli: Cli, two: Stories) -> None:
    """It says which there is."""
    ended = cli("flow-run", "ls", "-o", "yaml")
    assert ended.code == 2
    assert "'yaml' is no form that there is; write -o json" in " ".join(ended.err.split())


def test_a_run_can_be_cancelled_by_either_name(cli: Cli, stories: Stories) -> None:
    """As by `headrace runs cancel`."""
    run = stories.flow("going", (60, "Pending"), (61, "Running"))
    assert cli("flow-run", "cancel", "going").out == "Asked going to stop\n"
    assert stories.store.flow_run(run.id).state_type is StateType.CANCELLING


def test_a_run_of_another_process_is_watched_until_it_has_ended(cli: Cli, stories: Stories, clock: StillClock) -> None:
    """Then its timeline is shown; the exit status says how it ended."""
    run = stories.flow("going", (60, "Pending"), (61, "Running"))
    failed = State(StateType.FAILED, timestamp=at(70))
    looks = iter([lambda: None, lambda: stories.store.propose("flow", run.id, failed)])
    clock.meanwhile = lambda: next(looks)()
    ended = cli("flow-run", "watch", "going")
    assert ended.code == 1
    assert "✗ Failed" in ended.out
    assert cli("flow-run", "watch", "going", "--json").json["state"]["name"] == "Failed"
    stories.flow("done", *ENDED)
    assert (cli("flow-run", "watch", "done", "-q").code, cli("flow-run", "watch", "done", "-q").out) == (0, "")


def test_a_run_that_failed_is_run_again_here(cli: Cli, store: object, write: Write) -> None:
    """The same run goes on, with its parameters; what happened is shown as by `headrace run`."""
    write(DOWN)
    assert cli("run", "flows.py", "-p", "n=5").code == 1
    Path("up").touch()
    ended = cli("flow-run", "retry", "day-5")
    assert ended.code == 0, ended.err
    assert "✓ Completed" in ended.out
    again = cli("flow-run", "retry", "day-5", "--json", "--entrypoint", "flows.py:ingest")
    assert [state["name"] for state in again.json["history"]] == [
        *("Pending", "Running", "Failed", "AwaitingRetry", "Retrying", "Completed", "AwaitingRetry", "Retrying"),
        "Completed",
    ]
    assert "trying" in again.err
    assert cli("flow-run", "ls", "--json").json[0]["parameters"] == {"n": 5}


def test_a_run_is_printed_as_a_test(cli: Cli, store: object, write: Write) -> None:
    """A pytest file, and nothing else; a run that can't be one is told why."""
    write(DOWN)
    cli("run", "flows.py", "-p", "n=5")
    told = cli("flow-run", "as-test", "day-5")
    assert told.code == 0
    compile(told.out, "test_day_5.py", "exec")
    assert "simulation.stub('fetch', ConnectionError('down'))" in told.out


def test_a_run_that_goes_on_is_no_test(cli: Cli, stories: Stories) -> None:
    """It says which are."""
    stories.flow("going", (60, "Pending"), (61, "Running"))
    ended = cli("flow-run", "as-test", "going")
    assert (ended.code, ended.out) == (1, "")
    assert "going" in ended.err


def test_a_run_that_goes_on_is_not_run_again(cli: Cli, stories: Stories) -> None:
    """Nor one whose code is not known; both say what to do."""
    stories.flow("going", (60, "Pending"), (61, "Running"))
    stories.flow("monday", *FAILED)
    assert "only a run that has ended can be run again" in cli("flow-run", "retry", "going").err
    ended = cli("flow-run", "retry", "monday")
    assert ended.code == 1
    assert "Write --entrypoint flows.py:name_of_the_function" in " ".join(ended.err.split())


def test_the_run_of_a_deployment_is_left_to_who_serves_it(cli: Cli, stories: Stories, write: Write) -> None:
    """Unless it is to be run here."""
    write(DOWN)
    run = stories.flow("monday", *FAILED, deployment_id=UUID(int=3), parameters={"n": 1})
    ended = cli("flow-run", "retry", "monday")
    assert (ended.code, ended.out) == (0, "Asked whoever serves its deployment to run monday again\n")
    assert stories.store.flow_run(run.id).state_name == "AwaitingRetry"
    stories.store.propose("flow", run.id, State(StateType.FAILED, timestamp=at(3700)))
    assert cli("flow-run", "retry", "monday", "--here").code == 1
    assert "ConnectionError" in cli("flow-run", "retry", "monday", "-e", "flows.py:ingest", "-q").err
