"""What every store promises of finding runs."""

from __future__ import annotations

import pytest

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import unstamped
from headrace.store.protocol import NEWEST, RunFilter, Store

from .making import (
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    at,
    flow_run,
    new_id,
    record,
    run_ids,
    task_run,
)


@pytest.fixture
def five(store: Store) -> list[Run]:
    """Five task runs of two flow runs, in several states, two of them created at the same moment."""
    ingest = record(store, flow_run("brave-otter", "ingest"), PENDING)
    report = record(store, flow_run("calm-heron", "report"), PENDING)
    cached = unstamped(StateType.COMPLETED, "Cached")
    return [
        record(store, task_run("fetch-0", created=at(0), flow_run_id=ingest.id), PENDING, RUNNING, COMPLETED),
        record(store, task_run("fetch-1", created=at(1), flow_run_id=ingest.id), PENDING, RUNNING, FAILED),
        record(store, task_run("Parse_%", "parse", created=at(1), flow_run_id=ingest.id), PENDING, RUNNING),
        record(store, task_run("sum", "sum", created=at(2), flow_run_id=report.id, tags=frozenset("ab")), PENDING),
        record(store, task_run("sum-2", "sum", created=at(3), tags=frozenset("b")), PENDING, RUNNING, cached),
    ]


def found(store: Store, runs: list[Run], where: RunFilter) -> list[int]:
    """Return which of the runs are found, by their place; count must say the same."""
    ids = run_ids(store.task_runs(where))
    assert store.count("task", where) == len(ids)
    return [run_ids(runs).index(run_id) for run_id in ids]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (RunFilter(), [0, 1, 2, 3, 4]),
        (RunFilter(state_types=frozenset({StateType.COMPLETED})), [0, 4]),
        (RunFilter(state_types=frozenset({StateType.PENDING, StateType.FAILED})), [1, 3]),
        (RunFilter(state_names=frozenset({"Cached"})), [4]),
        (RunFilter(state_names=frozenset({"Cached"}), state_types=frozenset({StateType.RUNNING})), [2, 4]),
        (RunFilter(state_names=frozenset({"Nonsense"})), []),
        (RunFilter(name="FETCH"), [0, 1]),
        (RunFilter(name="fetch-?"), [0, 1]),
        (RunFilter(name="*-1"), [1]),
        (RunFilter(name="etch-?"), []),
        (RunFilter(name="_%"), [2]),
        (RunFilter(name="parse_*"), [2]),
        (RunFilter(name="s_m"), []),
        (RunFilter(name="s?m"), [3]),
        (RunFilter(name=""), [0, 1, 2, 3, 4]),
        (RunFilter(name="*"), [0, 1, 2, 3, 4]),
        (RunFilter(task_name="su"), [3, 4]),
        (RunFilter(flow_name="ingest"), [0, 1, 2]),
        (RunFilter(flow_name="re*"), [3]),
        (RunFilter(tags=frozenset("b")), [3, 4]),
        (RunFilter(tags=frozenset("ab")), [3]),
        (RunFilter(tags=frozenset("abc")), []),
        (RunFilter(after=at(1)), [1, 2, 3, 4]),
        (RunFilter(before=at(1)), [0]),
        (RunFilter(after=at(1), before=at(3)), [1, 2, 3]),
        (RunFilter(name="fetch", state_types=frozenset({StateType.FAILED}), after=at(1)), [1]),
        (RunFilter(flow_run_id=new_id()), []),
        (RunFilter(ids=frozenset({new_id()})), []),
    ],
)
def test_task_runs_are_found_by(store: Store, five: list[Run], where: RunFilter, expected: list[int]) -> None:
    """All that a filter says must hold; what it does not say does not matter."""
    assert found(store, five, where) == expected


def test_runs_are_found_by_their_ids(store: Store, five: list[Run]) -> None:
    """Any number of ids may be given; unknown ones find nothing."""
    ids = frozenset({five[3].id, five[1].id, *(new_id() for _ in range(2000))})
    assert found(store, five, RunFilter(ids=ids)) == [1, 3]


def test_task_runs_are_found_by_their_flow_run(store: Store, five: list[Run]) -> None:
    """And no others."""
    flow = store.task_run(five[0].id).flow_run_id
    assert found(store, five, RunFilter(flow_run_id=flow)) == [0, 1, 2]


def test_flow_runs_are_found_by_their_parent(store: Store) -> None:
    """`flow_run_id` restricts flow runs to direct children."""
    parent = record(store, flow_run())
    child = record(store, flow_run(parent_flow_run_id=parent.id))
    record(store, flow_run(parent_flow_run_id=child.id))
    assert run_ids(store.flow_runs(RunFilter(flow_run_id=parent.id))) == [child.id]


def test_flow_runs_are_found_by_name_flow_and_state(store: Store, five: list[Run]) -> None:
    """Flow runs have a flow's name, and no task's."""
    assert [run.name for run in store.flow_runs(RunFilter(flow_name="ING"))] == ["brave-otter"]
    assert [run.name for run in store.flow_runs(RunFilter(name="*heron"))] == ["calm-heron"]
    assert store.count("flow", RunFilter(state_types=frozenset({StateType.PENDING}))) == 2
    assert store.count("flow", RunFilter(task_name="fetch")) == 0
    assert store.count("flow", RunFilter(task_name="")) == 0


def test_runs_come_in_order_of_creation_and_then_of_arrival(store: Store) -> None:
    """`created` decides, whatever the ids or the order of writing."""
    late = record(store, task_run(created=at(9)))
    twins = [record(store, task_run(created=at(5))) for _ in range(3)]
    early = record(store, task_run(created=at(1)))
    expected = run_ids([early, *twins, late])
    assert run_ids(store.task_runs()) == expected
    assert run_ids(store.task_runs(order=NEWEST)) == expected[::-1]


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [(2, 0, [0, 1]), (2, 3, [3, 4]), (None, 3, [3, 4]), (0, 0, []), (9, 9, []), (1, 4, [4])],
)
def test_a_part_of_a_listing(
    store: Store, five: list[Run], limit: int | None, offset: int, expected: list[int]
) -> None:
    """`offset` skips, then `limit` bounds; with `NEWEST` from the other end."""
    ids = run_ids(five)
    assert run_ids(store.task_runs(limit=limit, offset=offset)) == [ids[place] for place in expected]
    newest = run_ids(store.task_runs(limit=limit, offset=offset, order=NEWEST))
    assert newest == [ids[::-1][place] for place in expected]


def test_case_is_ignored_for_ascii_letters_alone(store: Store) -> None:
    """The same in every back end, whatever the locale."""
    record(store, flow_run("Übung K"))
    assert store.count("flow", RunFilter(name="übung")) == 0
    assert store.count("flow", RunFilter(name="ÜBUNG k")) == 1
    assert store.count("flow", RunFilter(name="\u212a")) == 0
