"""A flow run that has ended is run again: the same run goes on, with what it was given."""

from __future__ import annotations

import asyncio
import textwrap
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from headrace import flow, runtime, serve, task
from headrace.client.retrying import ask_for_retry, command_for, is_served, retry_here, why_not
from headrace.core.again import given_again, lost
from headrace.core.records import FlowRun
from headrace.drive import activities
from headrace.drive.world import World, current_world, use_world
from headrace.exceptions import (
    MissingFlowError,
    NotRetriable,
    ObjectNotFound,
    ParameterBindError,
    ParameterTypeError,
    ScriptError,
)
from headrace.flows import load_flow_from_entrypoint
from headrace.states import State, StateType
from headrace.store.sqlite import SqliteStore
from headrace.testing import Runs, assert_lawful, simulate

FLOWS = """
    from datetime import date
    from pathlib import Path

    from headrace import flow, tags, task


    @task
    def fetch(day):
        if not Path("up").exists():
            raise ConnectionError("down")
        return day


    @flow(flow_run_name="day-{day:%A}", retries=1)
    def ingest(day: date, cities=("Oslo",), most: int = None):
        assert isinstance(day, date) and type(cities) is tuple
        return fetch(day), cities, most


    @flow
    async def later(word: str):
        if not Path("up").exists():
            raise ConnectionError("down")
        return word


    @flow
    def outer():
        return ingest(date(2026, 3, 1))


    @flow
    def takes(thing):
        raise ValueError(thing)
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world over a file, and flows in a file that are down until there is a file `up`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "again_flows.py").write_text(textwrap.dedent(FLOWS))
    world = World(SqliteStore(tmp_path / "runs.db"))
    with use_world(world, everywhere=True):
        yield world
    world.close()


def failed(world: World, name: str, *args: Any) -> FlowRun:
    """Let a flow of the file run in vain; return its run as it is stored."""
    state = load_flow_from_entrypoint(f"again_flows.py:{name}")(*args, return_state=True)
    if hasattr(state, "__await__"):
        state = asyncio.run(state)
    (run,) = [run for run in world.store.flow_runs() if run.parent_flow_run_id is None]
    assert run.state_type == "FAILED"
    return run


def names(world: World, run_id: UUID) -> list[str]:
    return [state.name for state in world.store.history(run_id)]


def test_a_run_that_failed_goes_on_in_the_same_run(world: World) -> None:
    """Its code is found where it was, its name stays, and its own retries begin anew."""
    run = failed(world, "ingest", date(2026, 3, 1))
    assert run.entrypoint is not None
    assert run.entrypoint.endswith("/again_flows.py:ingest")
    assert run.run_count == 2
    assert retry_here(world, run.id)().is_failed()
    Path("up").touch()
    assert retry_here(world, run.id)().result() == (date(2026, 3, 1), ("Oslo",), None)
    again = ["AwaitingRetry", "Retrying"]
    first = ["Pending", "Running", "Retrying", "Failed"]
    assert names(world, run.id) == [*first, *again, "Retrying", "Failed", *again, "Completed"]
    after = world.store.flow_run(run.id)
    assert (after.name, after.run_count, after.start_time) == ("day-Sunday", 5, run.start_time)
    assert after.parameters == run.parameters
    assert after.end_time == world.store.history(run.id)[-1].timestamp
    assert [task.flow_run_run_count for task in world.store.task_runs()] == [1, 2, 3, 4, 5]


def test_an_async_flow_is_run_again_too(world: World) -> None:
    """From sync code."""
    run = failed(world, "later", "word")
    Path("up").touch()
    assert retry_here(world, run.id)().result() == "word"


def test_the_end_of_a_run_that_is_run_again_is_not_told_before_it_comes(world: World) -> None:
    """While it waits, or runs, it has none."""
    run = failed(world, "later", "word")
    retry = retry_here(world, run.id)
    state = retry.world.store.propose("flow", run.id, _awaiting())
    assert state.name == "AwaitingRetry"
    assert world.store.flow_run(run.id).end_time is None
    with pytest.raises(NotRetriable, match="is AwaitingRetry by now: somebody else was quicker"):
        retry()


def _awaiting() -> State:
    return State(StateType.SCHEDULED, "AwaitingRetry", state_details={"retriable": True})


def test_other_code_may_be_named(world: World) -> None:
    """For a run that has moved, or whose place was not recorded."""
    run = failed(world, "later", "word")
    Path("up").touch()
    Path("again_flows.py").rename("moved_flows.py")
    assert retry_here(world, run.id, "moved_flows.py:later")().is_completed()
    with pytest.raises(MissingFlowError, match="holds no flow 'late'"):
        retry_here(world, run.id, "moved_flows.py:late")


CALLING = """
from pathlib import Path

from headrace import flow

@flow
def sells():
    if not Path("up").exists():
        raise ConnectionError("down")

again = sells.with_options(name="again")

again(return_state=True)
Path("went on").touch()
"""


def test_a_script_that_calls_its_flow_does_not_run_it_once_more(world: World) -> None:
    """It is loaded up to there; of several flows of one function that of the run's name is run."""
    Path("calling.py").write_text(CALLING)
    load_flow_from_entrypoint("calling.py:sells")
    (run,) = world.store.flow_runs()
    assert (run.flow_name, run.state_name) == ("again", "Failed")
    Path("up").touch()
    Path("went on").unlink()
    assert retry_here(world, run.id)().is_completed()
    assert world.store.count("flow") == 1
    assert not Path("went on").exists()


def test_what_a_script_imports_may_not_call_a_flow(world: World) -> None:
    """Else what comes after the import would be missing."""
    Path("called_too_soon.py").write_text(CALLING)
    Path("importing.py").write_text("import called_too_soon\nfrom headrace import flow\n@flow\ndef late(word): ...\n")
    run = failed(world, "later", "word")
    with pytest.raises(ScriptError, match=r"importing.py imports a module that calls the flow 'again' when it is"):
        retry_here(world, run.id, "importing.py:late")
    assert world.store.count("flow") == 1


def test_a_flow_that_has_another_name_now_must_be_named(world: World) -> None:
    """It may not be the same."""
    run = failed(world, "later", "word")
    renamed = Path("again_flows.py").read_text().replace("@flow\nasync", "@flow(name='new')\nasync")
    Path("again_flows.py").write_text(renamed)
    with pytest.raises(NotRetriable, match="there is the flow 'new' and no longer 'later'"):
        retry_here(world, run.id)
    Path("up").touch()
    assert retry_here(world, run.id, "again_flows.py:later")().is_completed()


@flow
def passes(thing: Any = None) -> Any:
    return thing


def test_code_in_no_file_must_be_named(world: World) -> None:
    """The error says how."""

    @flow
    def inner() -> None:
        raise ValueError

    inner(return_state=True)
    (run,) = world.store.flow_runs()
    assert run.entrypoint is None
    with pytest.raises(NotRetriable, match=r"Where the code of 'inner' is was not recorded .* --entrypoint flows.py"):
        retry_here(world, run.id)


def test_code_in_a_package_is_named_by_its_module() -> None:
    """As `python -m` and imports would."""
    assert passes.entrypoint == f"{__name__}:passes"


def test_runs_that_have_not_ended_and_runs_of_subflows_are_refused(world: World, runs: Runs) -> None:
    """With what to do instead."""
    run = failed(world, "outer")
    (sub,) = [each for each in world.store.flow_runs() if each.parent_flow_run_id is not None]
    assert sub.entrypoint is None
    with pytest.raises(NotRetriable, match=f"is that of a subflow: run the flow run {run.id} again"):
        retry_here(world, sub.id)
    world.store.propose("flow", run.id, _awaiting())
    with pytest.raises(NotRetriable, match="is AwaitingRetry: only a run that has ended"):
        retry_here(world, run.id)
    with pytest.raises(ObjectNotFound):
        retry_here(world, world.new_id())


def test_what_was_not_recorded_whole_can_not_be_given_again(world: World) -> None:
    """Nothing is recorded of the try."""
    run = failed(world, "takes", object())
    with pytest.raises(NotRetriable, match="was given 'thing', of which but a text for people was recorded"):
        retry_here(world, run.id)
    assert names(world, run.id) == ["Pending", "Running", "Failed"]


@pytest.mark.parametrize(
    ("wanted", "error"), [("later", ParameterBindError), ("ingest", ParameterBindError), ("typed", ParameterTypeError)]
)
def test_what_the_flow_does_not_take_any_more_is_refused(world: World, wanted: str, error: type[Exception]) -> None:
    """Before anything is recorded."""
    run = failed(world, "takes", "words")
    Path("other_flows.py").write_text(Path("again_flows.py").read_text() + "\n@flow\ndef typed(thing: int): ...\n")
    with pytest.raises(error):
        retry_here(world, run.id, f"other_flows.py:{wanted}")
    assert names(world, run.id) == ["Pending", "Running", "Failed"]


@pytest.mark.parametrize(
    ("value", "checked", "is_lost"),
    [
        (3, False, False),
        ("text", False, False),
        (["… 93 more"], True, True),
        ({"…": "… 2 more"}, True, True),
        ("x" * 300 + "…", True, True),
        ("to be continued…", False, False),
        ("<a.Client object at 0x7f>", False, True),
        ({"a": ["Client(1)"]}, False, True),
        ("b'1'", False, True),
        ("Client(1)", True, False),
    ],
)
def test_what_was_cut_is_lost(value: Any, checked: bool, is_lost: bool) -> None:
    """And, where nothing checks it, what may be the text of something else."""
    assert lost({"a": value, "b": 1}, ["a"] if checked else []) == (["a"] if is_lost else [])


def test_what_is_as_by_default_is_the_default() -> None:
    """Which may be what JSON can't say."""
    assert given_again({"a": [1], "b": [2], "c": None}, {"a": (1,), "b": (1,)}) == {"b": [2], "c": None}


def test_a_run_that_was_cancelled_can_be_cancelled_when_it_is_run_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another process, in a process that goes on all the while."""
    monkeypatch.setattr(activities, "WATCH_SECONDS", 0.01)
    others = SqliteStore(world.store.location)
    goes_on, ended, missed = threading.Event(), threading.Event(), list[str]()

    @flow
    def beside() -> None:
        goes_on.set()
        ended.wait(30)

    @flow
    def stopped() -> None:
        assert runtime.flow_run.id is not None
        others.propose("flow", UUID(runtime.flow_run.id), State(StateType.CANCELLING))
        threading.Event().wait(5)
        missed.append("the request")

    def live() -> None:
        with use_world(world):
            beside()

    thread = threading.Thread(target=live)
    thread.start()
    goes_on.wait(30)
    assert stopped(return_state=True).is_cancelled()
    (run,) = [run for run in world.store.flow_runs() if run.flow_name == "stopped"]
    assert retry_here(world, run.id, "anywhere", lambda _: stopped)().is_cancelled()
    ended.set()
    thread.join()
    others.close()
    assert missed == []
    again = ["AwaitingRetry", "Retrying", "Cancelling", "Cancelled"]
    assert names(world, run.id) == ["Pending", "Running", "Cancelling", "Cancelled", *again]


def test_who_can_be_run_again_is_told(world: World) -> None:
    """For pages: whether, by whom, and by which command."""
    run = failed(world, "later", "word")
    assert why_not(run) is None
    assert not is_served(run)
    assert command_for(run) == f"headrace flow-run retry {run.id}"
    with pytest.raises(NotRetriable, match=f"is of no deployment.*`headrace flow-run retry {run.id}` runs it again"):
        ask_for_retry(world, run.id)


def test_a_run_of_a_deployment_is_run_again_by_who_serves_it() -> None:
    """What it was given stays, and it is lawful all along."""
    attempts: list[int] = []

    @task
    def fails_once(pages: int) -> None:
        attempts.append(pages)
        if len(attempts) == 1:
            raise ConnectionError

    @flow
    def report(pages: int = 1) -> None:
        fails_once(pages)

    with simulate() as simulation:
        served = report.to_deployment("hourly", interval=3600, parameters={"pages": 3})
        simulation.start(serve, served)
        simulation.advance(3700)
        first = simulation.runs.flows("report")[0]
        assert first.states[-1] == "Failed"
        assert is_served(simulation.store.flow_run(first.id))
        assert ask_for_retry(current_world(), first.id).name == "AwaitingRetry"
        simulation.advance(3600)
        again = next(run for run in simulation.runs.flows("report") if run.id == first.id)
        assert list(again.states) == [
            *("Scheduled", "Pending", "Running", "Failed"),
            *("AwaitingRetry", "Pending", "Retrying", "Completed"),
        ]
        assert attempts == [3, 3, 3]
        assert_lawful(again)
