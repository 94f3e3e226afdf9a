"""Histories as values: stable, comparable, and the same whatever the seed, once they are normalised."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.drive.world import use_world
from headrace.futures import wait
from headrace.testing import History, RunEntry, StateEntry, recorded_runs, same_up_to_siblings, virtual_time
from headrace.testing.explaining import explain
from headrace.testing.isolation import end, new_world


class Page:
    """Something that JSON can't say, whose repr differs from process to process."""


@task(retries=1, retry_delay_seconds=10)
def fetch(url: str, page: object = None) -> str:
    if len(recorded_runs().tasks("fetch")[-1].states) < 4:
        raise ConnectionError("down")
    return url


@task(task_run_name="count-{text}")
def count(text: str) -> int:
    return len(text)


@flow
def inner() -> int:
    return count("inner")


@flow
def ingest() -> None:
    count(fetch.submit("a", Page()))
    inner()


def told(what: Callable[[], object], seed: int = 0, start: datetime | None = None) -> History:
    """Return the history of a call, in a world of its own."""
    clock = VirtualClock(start) if start else VirtualClock()
    world = new_world(seed)
    try:
        with use_world(world, everywhere=True), virtual_time(world, clock):
            what()
            return recorded_runs().history()
    finally:
        end(world)  # its threads, too: the next world's would be given their numbers


def test_a_history_tells_all_of_every_run() -> None:
    """From the first flow run down, each run followed by what it started."""
    history = told(ingest)
    assert [run.definition for run in history] == ["ingest", "fetch", "count", "inner", "count"]
    flow_run, fetched, counted, subflow, last = history
    assert len(history) == 5
    assert (fetched.kind, fetched.drawn, counted.drawn) == ("task", True, False)
    assert (fetched.attempts, fetched.retry_delays) == (2, (10,))
    assert fetched.parent == counted.parent == subflow.parent == flow_run.id
    assert last.parent == subflow.id
    assert counted.upstream == (fetched.id,)
    assert fetched.parameters == {"url": "a", "page": "<tests.testing.test_history.Page object>"}
    assert fetched.logs[0].endswith("Retry 1/1 will start 10 second(s) from now")
    assert fetched.states[2].cause == "raised ConnectionError('down'); retry 1 of 1 in 10 s"
    assert fetched.states[3].at == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)


def test_one_seed_gives_one_history_byte_for_byte() -> None:
    """And another seed another one."""
    first, again, other = told(ingest, 1), told(ingest, 1), told(ingest, 2)
    assert first == again
    assert first.to_json() == again.to_json()
    assert first != other


def test_a_normalised_history_knows_no_seed_and_no_date() -> None:
    """Ids are places, moments are seconds, and drawn names those of the definition, in messages too."""
    history = told(ingest, 1).normalised()
    assert history == told(ingest, 2, datetime(1999, 12, 31, tzinfo=UTC)).normalised() == history.normalised()
    assert [run.id for run in history] == ["flow-1", "task-1.1", "task-1.2", "flow-1.3", "task-1.3.1"]
    assert [run.name for run in history] == ["ingest", "fetch", "count-a", "inner", "count-inner"]
    assert [run.parent for run in history] == [None, "flow-1", "flow-1", "flow-1", "flow-1.3"]
    assert history.runs[2].upstream == ("task-1.1",)
    assert [state.at for state in history.runs[1].states] == [0.0, 0.0, 0.0, 10.0, 10.0]
    assert history.runs[3].logs[0] == "Beginning subflow run 'inner' for flow 'inner'"


def test_names_and_ids_in_messages_are_replaced() -> None:
    """What a run says of others is as stable as they are."""

    @task
    def breaks() -> None:
        raise LookupError("no 019b76da-a800-7000-b73d-2ee6f4bea973")

    @flow
    def around() -> None:
        count.submit(breaks.submit()).wait()

    history = told(around, 3).normalised()
    assert history.runs[1].states[-1].cause == "raised LookupError('no <id>')"
    assert history.runs[2].states[-1].cause == "upstream 'breaks' failed"
    assert history == told(around, 4).normalised()


def test_a_history_survives_json() -> None:
    """Whether normalised or not; what is written is JSON."""
    history = told(ingest)
    for one in (history, history.normalised(), History()):
        assert History.from_json(one.to_json()) == one
        assert len(json.loads(one.to_json())["runs"]) == len(one)


def test_a_history_is_readable() -> None:
    """As text, for people and inline snapshots."""
    assert str(told(ingest).normalised()).splitlines()[3:10] == [
        "          10 s  Completed: returned",
        "task-1.1 fetch",
        "    called with url='a', page='<tests.testing.test_history.Page object>'",
        "           0 s  Pending: called or submitted",
        "           0 s  Running: started",
        "           0 s  AwaitingRetry: raised ConnectionError('down'); retry 1 of 1 in 10 s",
        "          10 s  Retrying: retry 1 of 1",
    ]


def test_the_history_of_a_run_is_that_of_all_that_it_started() -> None:
    """The run is the root, whoever started it; a stand-in is its subflow."""
    histories = []

    def calls() -> None:
        ingest()
        runs = recorded_runs()
        histories.extend([runs.flow("inner").history, runs.task("inner").history, runs.task("fetch").history])

    whole = told(calls)
    inside, of_stand_in, fetched = histories
    assert [run.definition for run in inside] == ["inner", "count"]
    assert inside.runs[0].parent is None
    assert inside == of_stand_in
    assert inside.runs[1] == whole.runs[4]
    assert [run.id for run in fetched.normalised()] == ["task-1"]


def test_two_flows_one_after_the_other_are_both_told() -> None:
    """And tasks on their own."""
    history = told(lambda: (inner(), count("alone"), inner())).normalised()
    assert [run.id for run in history] == ["flow-1", "task-1.1", "task-2", "flow-3", "task-3.1"]


def test_the_order_of_siblings_can_be_forgotten() -> None:
    """Runs that say the same are told apart by what they waited for."""

    @task
    def load(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    @task
    def report(loaded: list[float]) -> None: ...

    def story(*order: tuple[int, int]) -> Callable[[], None]:
        @flow(name="story")
        def body() -> None:
            loads = [load.submit(1) for _ in range(3)]
            wait([report.submit([loads[one] for one in inputs]) for inputs in order])

        return body  # type: ignore[return-value]

    one, other = told(story((0, 0), (0, 1), (0, 2))), told(story((2, 1), (1, 1), (1, 0)))
    assert one.normalised() != other.normalised()
    assert same_up_to_siblings(one, other)
    assert one.unordered() == one.unordered().unordered()
    assert not same_up_to_siblings(one, told(story((0, 0), (1, 1), (0, 2))))
    assert not same_up_to_siblings(one, told(story((0, 0), (0, 1))))


def lines(found: History, expected: History) -> list[str]:
    explained = explain("==", found, expected)
    assert explained is not None
    return explained[1:]


def a_run(
    run_id: str = "task-1", name: str = "load", states: str = "Pending Running", at: float = 0, log: str = ""
) -> RunEntry:
    return RunEntry(
        id=run_id,
        kind="task",
        name=name,
        drawn=False,
        definition=name,
        parent=None,
        upstream=(),
        parameters={"n": 1},
        tags=(),
        attempts=1,
        retry_delays=(),
        states=tuple(StateEntry(state, "RUNNING", at, None, "unknown") for state in states.split()),
        logs=("begun", log) if log else ("begun",),
    )


def test_the_difference_of_histories_shows_only_what_differs() -> None:
    """By run: states by name, then their times and causes, then everything else."""
    same = a_run("task-1", "same")
    assert lines(
        History((same, a_run("task-2", states="Pending Running Failed", log="oh"), a_run("task-4", "more"))),
        History((same, a_run("task-2", states="Pending Running Completed"), a_run("task-3", "less"))),
    ) == [
        "  task-2 load",
        "    'Pending', 'Running'",
        "  - 'Completed'",
        "  + 'Failed'",
        "  + log 'oh'",
        "- task-3 less: Pending Running",
        "+ task-4 more: Pending Running",
    ]
    assert lines(History((a_run(at=10.0, states="Running"),)), History((a_run(at=20.0, states="Running"),))) == [
        "  task-1 load",
        "  - Running at 20.0",
        "  + Running at 10.0",
    ]


def test_histories_of_other_ids_are_compared_by_place() -> None:
    """The first with the first, and so on down."""
    explained = lines(told(inner, 1), told(ingest, 2))
    assert explained[0].endswith(told(inner, 1).runs[0].name)
    assert any("- name 'fetch-" in line for line in explained)


def test_histories_that_tell_the_same_story_are_said_to() -> None:
    """Who compares ids and drawn names is told what to compare instead."""
    explained = explain("==", told(inner, 1), told(inner, 2))
    assert explained is not None
    assert explained[0].endswith("their stories are the same: compare .normalised()")


@pytest.mark.parametrize("op", ["!=", "<", "in"])
def test_only_equality_is_explained(op: str) -> None:
    """The rest is pytest's own affair."""
    assert explain(op, History(), History()) is None
    assert explain("==", History(), 3) is None
