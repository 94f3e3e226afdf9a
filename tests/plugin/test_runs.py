"""The fixture `runs` finds runs by name, and a view tells their story."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from headrace import flow, tags, task
from headrace.clock.virtual import VirtualClock
from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import current_world
from headrace.store.protocol import Store
from headrace.testing import Runs, RunView, recorded_runs


@task(retries=2, retry_delay_seconds=[10, 2.5], task_run_name="fetch-{page}")
def fetch(page: str) -> str:
    if len(recorded_runs().task(f"fetch-{page}").states) < 6:
        raise ConnectionError("down")
    return page * 2


@task
def count(page: str) -> int:
    return len(page)


@flow(flow_run_name="inner-{page}")
def inner(page: str) -> int:
    return count(page)


@flow(name="Ingest", flow_run_name="ingest-{page}")
def ingest(page: str) -> int:
    fetched = fetch.submit(page)
    counted = count.submit(fetched)
    inner(page)
    return counted.result()


@flow
def broken() -> None:
    raise ValueError("boom")


@pytest.fixture
def ingested(fake_clock: VirtualClock, runs: Runs) -> Runs:
    with tags("nightly"):
        assert ingest("a") == 2
    return runs


def test_a_view_tells_the_story_of_a_run(ingested: Runs) -> None:
    """States, types, attempts and planned delays compare with plain values."""
    run = ingested.task("fetch-a")
    names = ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"]
    assert run.states == names
    assert [state.name for state in run.transitions] == names
    assert run.state_types == ["PENDING", "RUNNING", "SCHEDULED", "RUNNING", "SCHEDULED", "RUNNING", "COMPLETED"]
    assert run.retry_delays == [10, 2.5]
    assert [type(delay) for delay in run.retry_delays] == [int, float]
    assert run.attempts == run.run_count == 3
    assert run.state is not None
    assert run.state.type is StateType.COMPLETED


def test_a_view_knows_what_a_run_was_given_and_gave(ingested: Runs) -> None:
    """Parameters, tags, result and log lines."""
    run = ingested.task("fetch-a")
    assert run.parameters == {"page": "a"}
    assert run.tags == {"nightly"}
    assert run.result() == "aa"
    assert [line.splitlines()[0] for line in run.logs] == [
        "Task run failed with exception: ConnectionError('down') - Retry 1/2 will start 10 second(s) from now",
        "Task run failed with exception: ConnectionError('down') - Retry 2/2 will start 2.5 second(s) from now",
        "Finished in state Completed()",
    ]
    assert run.logs[-1] == ingested.flow("ingest-a").logs[-1]


def test_a_failed_run_gives_its_exception(runs: Runs) -> None:
    """`result` raises it, or returns it when asked to."""
    broken(return_state=True)
    with pytest.raises(ValueError, match="boom"):
        runs.flow("broken").result()
    assert isinstance(runs.flow("broken").result(raise_on_failure=False), ValueError)


def test_a_view_leads_to_the_runs_around_it(ingested: Runs) -> None:
    """Children of a flow, the upstream of a task, and both views of a subflow."""
    run = ingested.flow("ingest-a")
    fetched, counted, stand_in = run.task_runs
    assert fetched.name == "fetch-a"
    assert counted.upstream == [fetched]
    assert fetched.upstream == run.upstream == []
    assert run.subflows == [ingested.flow("inner-a")]
    assert run.children == [fetched, counted, ingested.flow("inner-a")]
    assert stand_in not in run.children
    assert stand_in.children == []


def test_what_a_task_called_is_its_child(runs: Runs) -> None:
    """And not its flow run's, nor something that it waited for."""

    @task
    def outer() -> int:
        return count("a") + count.submit("b").result()

    @flow
    def around() -> None:
        outer()

    around()
    assert runs.flow("around").children == [runs.task("outer")]
    assert runs.task("outer").children == runs.tasks("count")
    assert [run.upstream for run in runs.tasks("count")] == [[], []]
    assert len(runs.flow("around").task_runs) == 3


def test_subflows_have_an_upstream_and_are_one(runs: Runs) -> None:
    """In the place of the task runs that stand for them."""

    @flow
    def around() -> None:
        pages = inner(count.submit("a"), return_state=True)
        count.with_options(task_run_name="last")("b", wait_for=[pages])

    @flow(flow_run_name="inner")
    def inner(n: int) -> int:
        return n

    around()
    assert runs.flow("inner").upstream == runs.tasks("count")[:1]
    assert runs.task("last").upstream == [runs.flow("inner")]
    assert runs.history().normalised().runs[3].upstream == ("flow-1.2",)


def test_a_subflow_that_is_not_recorded_yet_is_told_by_what_stands_for_it(
    runs: Runs, run_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stops the world in between sees the task run."""
    seen: list[object] = []
    create = type(run_store).create

    def told(store: Store, run: Run, states: Sequence[State]) -> None:
        create(store, run, states)
        if run.name == "inner-0":
            (stand_in,) = runs.flow("around").children
            seen.extend([stand_in.states, len(stand_in.transitions), [entry.name for entry in runs.history()]])

    @flow(name="inner")
    def subflow() -> None: ...

    @flow(flow_run_name="around")
    def around() -> None:
        subflow()

    monkeypatch.setattr(type(run_store), "create", told)
    around()
    assert seen == [["Pending"], 1, ["around", "inner-0"]]


def test_a_name_is_that_of_a_run_or_of_what_it_is_a_run_of(ingested: Runs) -> None:
    """The run's own name comes first, then the definition's; then it is read as a pattern."""
    assert ingested.flow("Ingest") == ingested.flow("ingest-a") == ingested.flow("ing*")
    assert ingested.task("fetch") == ingested.task("fetch-a") == ingested.task("f?tch-*")
    assert len(ingested.tasks("count")) == 2
    assert len({ingested.task("fetch"), ingested.task("fetch-a")}) == 1


def test_lists_of_runs_come_in_order_of_creation(ingested: Runs) -> None:
    """All of one kind, or both kinds, in any state or in one, by name or by type."""
    assert [run.name for run in ingested.flows()] == ["ingest-a", "inner-a"]
    assert [run.definition_name for run in ingested.all()] == ["Ingest", "fetch", "count", "inner", "inner", "count"]
    assert len(ingested.all()) == len(ingested) == 6
    assert ingested.all(state="Failed") == []
    assert ingested.all(state=StateType.COMPLETED) == ingested.all(state="Completed") == ingested.all()


def test_a_name_that_nothing_has_is_answered_with_near_misses(ingested: Runs) -> None:
    """A typing error is seen at once."""
    with pytest.raises(
        AssertionError, match=r"No task run fits 'fecth-a'. Did you mean one of these\?\n  fetch-a \(of fetch"
    ):
        ingested.task("fecth-a")


def test_a_name_unlike_any_is_answered_with_what_there_is(ingested: Runs) -> None:
    """Where nothing is near, everything is shown."""
    with pytest.raises(AssertionError, match=r"There are:\n  ingest-a \(of Ingest\): Completed\(\)\n  inner-a"):
        ingested.flow("zzz")


def test_a_name_that_several_have_is_answered_with_all_of_them(ingested: Runs) -> None:
    """The caller can then name one."""
    with pytest.raises(AssertionError, match=r"2 task runs fit 'count'; name one of them:\n  count-\w+ \(of count\)"):
        ingested.task("count")


def test_looking_where_nothing_ran_says_so(runs: Runs) -> None:
    """The usual reason is that the flow was never called."""
    with pytest.raises(AssertionError, match="There are no flow runs at all"):
        runs.flow("ingest")
    assert repr(runs) == "<Runs: none>"


def test_long_lists_are_cut(runs: Runs) -> None:
    """A message stays readable, whatever there is."""

    @flow
    def many() -> None:
        for n in range(12):
            count(str(n))

    many()
    with pytest.raises(AssertionError, match=r"(?s)12 task runs fit.*… and 2 more"):
        runs.task("count")


def test_a_view_goes_on_with_its_run(runs: Runs) -> None:
    """It reads the store at each look."""
    seen: list[RunView] = []

    @flow
    def look() -> None:
        seen.append(runs.flow("look"))
        assert seen[0].states == ["Pending", "Running"]

    look()
    assert seen[0].states == ["Pending", "Running", "Completed"]


def test_runs_are_found_without_the_fixture(run_store: Store) -> None:
    """For unittest and scripts: those of the world that the code is in."""
    inner("x")
    assert recorded_runs().flow("inner-x").result() == 1
    assert current_world().store is run_store


def test_what_a_view_says_of_itself(ingested: Runs) -> None:
    """Its kind, its name, its story."""
    run = ingested.flow("inner-a")
    assert str(run) == "flow run 'inner-a'"
    assert repr(run) == "<flow run 'inner-a': Pending, Running, Completed>"
    assert run != "inner-a"
    assert re.search(r"inner-a +✓ Completed", run.timeline)
