"""Runs whose processes are gone: real processes that are killed, and who finds what they have left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headrace import flow, serve, task
from headrace.calling import _listed
from headrace.core import messages
from headrace.core.state_types import StateType
from headrace.core.states import unstamped
from headrace.drive.lost import record_lost
from headrace.drive.world import World, use_world
from headrace.store import roster as roster_module
from headrace.store.addresses import open_address
from headrace.store.memory import MemoryStore
from headrace.store.protocol import LogFilter
from headrace.store.roster import Entry, Roster, Rosters
from headrace.store.sqlite import SqliteStore

from .dying import FLOWS
from .making import PENDING, RUNNING, flow_run, new_id, record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files can't be locked in this way there")

_URL = "HEADRACE_SERVER_DATABASE_CONNECTION_URL"


@pytest.fixture
def start(
    tmp_path: Path, kept_in: str, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a script that keeps runs in the world's store, and wait until it is at work."""
    begun = []
    database = {} if kept_in == "sqlite" else {_URL: request.getfixturevalue("postgres_url")}

    def start(call: str) -> subprocess.Popen[str]:
        path = tmp_path / "script.py"
        path.write_text(f"{FLOWS}\n{call}\n")
        environment = {**os.environ, "HEADRACE_HOME": str(tmp_path), **database}
        process = subprocess.Popen([sys.executable, str(path)], env=environment, stdout=subprocess.PIPE, text=True)
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def kept_in() -> str:
    return "sqlite"


@pytest.fixture
def world(tmp_path: Path, kept_in: str, request: pytest.FixtureRequest) -> Iterator[World]:
    path = tmp_path / "headrace.db"
    address = f"sqlite:///{path}" if kept_in == "sqlite" else request.getfixturevalue("postgres_url")
    with use_world(World(open_address(address, tmp_path / "at-work"))) as world:
        yield world
        world.close()


@pytest.fixture
def folder(world: World) -> Path:
    rosters = world.store.rosters
    assert rosters is not None
    return rosters.folder


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def histories(world: World) -> dict[str, list[str]]:
    """Return the states of all runs, by the name of their flow or task."""
    runs: list[Any] = [*world.store.flow_runs(), *world.store.task_runs()]
    return {run.name_of_code: [state.name for state in world.store.history(run.id)] for run in map(_named, runs)}


def _named(run: Any) -> Any:
    kind = "the run of a flow" if run.kind == "flow" else "the run of a task"
    return SimpleNamespace(id=run.id, name_of_code=f"{run.flow_name if run.kind == 'flow' else run.task_name}, {kind}")


def died(folder: Path, *runs: Entry) -> None:
    """Leave a file as a process does that was at work on these runs when it was killed."""
    roster = Roster(Rosters(folder))
    for run in runs:
        roster.begin(*run)
    assert roster._file is not None
    os.close(roster._file._descriptor)


def entries(folder: Path) -> list[Entry]:
    """Return what all files say."""
    return [entry for path in folder.iterdir() for entry in roster_module._read(path)]


def files(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []


# real processes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept_in", ["sqlite", "postgres"])
def test_all_that_a_killed_process_was_at_is_crashed(
    world: World, start: Callable[[str], subprocess.Popen[str]], folder: Path
) -> None:
    """Subflows and task runs too; the log says why, and nothing is left to be found again."""
    kill(start("outer()"))
    record_lost(world)
    crashed = ["Pending", "Running", "Crashed"]
    assert histories(world) == {
        "outer, the run of a flow": crashed,
        "inner, the run of a flow": crashed,
        "inner, the run of a task": crashed,
        "work, the run of a task": crashed,
    }
    (outer,) = [run for run in world.store.flow_runs() if run.flow_name == "outer"]
    assert outer.state is not None
    assert outer.state.message == messages.process_is_gone
    lines = [line.message for line in world.store.logs(LogFilter(flow_run_id=outer.id))]
    assert lines[-1] == f"Finished in state {outer.state}"
    assert files(folder) == []


def test_a_task_that_was_called_by_itself_is_crashed_too(
    world: World, start: Callable[[str], subprocess.Popen[str]]
) -> None:
    """No flow is needed for that."""
    kill(start("work()"))
    record_lost(world)
    assert histories(world) == {"work, the run of a task": ["Pending", "Running", "Crashed"]}


def test_a_process_that_is_merely_held_up_is_not_taken_for_dead(
    world: World, start: Callable[[str], subprocess.Popen[str]]
) -> None:
    """However long that lasts."""
    process = start("outer()")
    process.send_signal(signal.SIGSTOP)
    record_lost(world)
    assert {history[-1] for history in histories(world).values()} == {"Running"}


def test_a_run_that_was_asked_to_stop_is_cancelled(world: World, start: Callable[[str], subprocess.Popen[str]]) -> None:
    """It has come to that, in a way."""
    process = start("outer()")
    process.send_signal(signal.SIGSTOP)
    (outer,) = [run for run in world.store.flow_runs() if run.flow_name == "outer"]
    world.store.propose("flow", outer.id, unstamped(StateType.CANCELLING))
    kill(process)
    record_lost(world)
    assert histories(world)["outer, the run of a flow"] == ["Pending", "Running", "Cancelling", "Cancelled"]


# what is left alone --------------------------------------------------------------------------------------------


def test_what_a_process_is_at_work_on_stands_in_its_file(world: World, folder: Path) -> None:
    """The run that it was asked for, until that has ended; there is no file before, and none is left."""
    seen = []

    @task
    def look() -> None:
        seen.append(entries(folder))

    @flow
    def around() -> None:
        look()

    assert files(folder) == []
    around()
    look()
    (run,) = world.store.flow_runs()
    (alone,) = [run for run in world.store.task_runs() if run.flow_run_id is None]
    assert seen == [[("flow", run.id)], [("task", alone.id)]]
    assert entries(folder) == []
    world.close()
    assert files(folder) == []


def test_a_run_whose_end_could_not_be_recorded_is_left_to_others(world: World, folder: Path) -> None:
    """When this process has ended."""
    run = record(world.store, flow_run(), PENDING, RUNNING)
    with _listed(world, run):
        pass
    record_lost(world)
    assert world.store.flow_run(run.id).state_name == "Running"
    world.roster.close()  # type: ignore[union-attr]
    record_lost(world)
    assert world.store.flow_run(run.id).state_name == "Crashed"


def test_runs_that_have_ended_or_are_not_there_are_left_alone(world: World, folder: Path) -> None:
    """What is at rest as well: no process is at work on it, whichever was before."""
    again = unstamped(StateType.SCHEDULED, "Late")
    ended, at_rest = flow(lambda: 1, name="ended"), record(world.store, flow_run("at rest"), again)
    ended()
    (run,) = [run for run in world.store.flow_runs() if run.flow_name == "ended"]
    died(folder, *(Entry("flow", run_id) for run_id in (run.id, at_rest.id, new_id())), Entry("task", new_id()))
    record_lost(world)
    assert [state.name for state in world.store.history(run.id)] == ["Pending", "Running", "Completed"]
    assert [state.name for state in world.store.history(at_rest.id)] == ["Late"]
    assert entries(folder) == []


def test_a_run_that_another_process_is_at_work_on_by_now_is_left_alone(world: World, folder: Path) -> None:
    """It was run again, and the first process died after that."""
    run = record(world.store, flow_run(), PENDING, RUNNING)
    died(folder, Entry("flow", run.id))
    living = Roster(Rosters(folder))
    living.begin("flow", run.id)
    record_lost(world)
    assert world.store.flow_run(run.id).state_name == "Running"
    assert len(files(folder)) == 1
    living.end("flow", run.id)
    living.close()
    assert files(folder) == []


def test_what_another_machine_is_at_work_on_is_left_alone(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its process lives can't be told from here."""
    run = record(world.store, flow_run(), PENDING, RUNNING)
    with monkeypatch.context() as there:
        there.setattr(roster_module.os, "uname", lambda: SimpleNamespace(nodename="elsewhere"))
        died(folder, Entry("flow", run.id))
    record_lost(world)
    assert world.store.flow_run(run.id).state_name == "Running"
    assert len(files(folder)) == 1


def test_a_file_that_is_none_of_ours_is_passed_over(world: World, folder: Path) -> None:
    """Half an entry of a dead process, too."""
    run = record(world.store, flow_run(), PENDING, RUNNING)
    died(folder, Entry("flow", run.id))
    (path,) = folder.iterdir()
    with path.open("ab") as file:
        file.write(b"f123")
    (folder / "notes.txt").write_text("What is this?")
    record_lost(world)
    assert world.store.flow_run(run.id).state_name == "Crashed"
    assert files(folder) == ["notes.txt"]


@pytest.mark.parametrize("trouble", ["no folder", "no locks"])
def test_where_it_can_not_be_noted_runs_go_on(
    trouble: str, world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That they are recorded matters more."""
    if trouble == "no folder":
        folder.write_text("a file is in its place")
    else:
        monkeypatch.setattr(roster_module, "locked", lambda descriptor: None)
    assert flow(lambda: 7, name="seven")() == 7
    record_lost(world)
    assert trouble == "no folder" or files(folder) == []


# who looks -----------------------------------------------------------------------------------------------------


def _by_command(world: World) -> None:
    from headrace.cli.world import store

    with use_world(World(lambda: SqliteStore(world.store.location))) as fresh:
        store()
        fresh.close()


def _by_serving(world: World) -> None:
    served = flow(lambda: None, name="served").to_deployment("d", interval=3600)
    serve(served, timeout=0)


def _by_a_server(world: World) -> None:
    from headrace.server.serving import lost_recorded

    with lost_recorded(world):
        pass


@pytest.mark.parametrize("look", [_by_command, _by_serving, _by_a_server])
def test_who_shows_or_serves_runs_looks_first(look: Callable[[World], None], world: World, folder: Path) -> None:
    """So nobody is shown a run as going on whose process is gone."""
    run = record(world.store, flow_run(), PENDING, RUNNING)
    died(folder, Entry("flow", run.id))
    look(world)
    assert world.store.flow_run(run.id).state_name == "Crashed"


def test_a_server_looks_again_and_again(world: World, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it serves; for itself, and for those who report to it."""
    from headrace.server import serving

    looks, again, reports = [], threading.Event(), World(MemoryStore())

    def look(world: World) -> None:
        looks.append(world)
        if len(looks) == 5:
            again.set()

    monkeypatch.setattr(serving, "_LOST_SECONDS", 0)
    monkeypatch.setattr(serving, "record_lost", look)
    with serving.lost_recorded(world, reports):
        assert again.wait(20)
    assert looks[:5] == [world, world, reports, world, reports]


# the file ------------------------------------------------------------------------------------------------------


def test_places_of_what_has_ended_are_used_again(tmp_path: Path) -> None:
    """A process that serves for months has a file no longer than what it did at one time."""
    roster, first = Roster(Rosters(tmp_path)), Entry("flow", new_id())
    roster.begin(*first)
    for _ in range(50):
        run = Entry("task", new_id())
        roster.begin(*run)
        roster.begin(*run)
        roster.end(*run)
        roster.end(*run)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size == len(roster_module._head()) + 2 * 17
    roster.end(*first)
    roster.close()
    assert files(tmp_path) == []


def test_a_process_that_was_forked_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And takes nothing away from its parent's."""
    roster, run = Roster(Rosters(tmp_path)), Entry("flow", new_id())
    roster.begin(*run)
    with monkeypatch.context() as child:
        child.setattr(roster_module.os, "getpid", lambda: -1)
        roster.end(*run)
        assert len(files(tmp_path)) == 1
        roster.begin(*run)
        assert len(files(tmp_path)) == 2
        roster.end(*run)
        roster.close()
    assert len(files(tmp_path)) == 1


def test_of_two_who_look_one_finds(world: World, folder: Path) -> None:
    """The other has nothing to do."""
    died(folder, Entry("flow", new_id()))
    with roster_module.left_by_the_dead(Rosters(folder)) as (found, _):
        with roster_module.left_by_the_dead(Rosters(folder)) as (nothing, _):
            assert nothing == []
        assert len(found) == 1
    assert files(folder) == []
