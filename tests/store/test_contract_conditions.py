"""What every store promises of conditions, orders and places in listings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.store.conditions import (
    AllOf,
    AnyOf,
    Between,
    Condition,
    Kind,
    Known,
    Like,
    Not,
    OfFlowRun,
    Tagged,
    WithTaskRun,
    one_of,
)
from headrace.store.protocol import LogRecord, Order, Place, Store

from .making import (
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    at,
    enter,
    flow_run,
    new_id,
    record,
    run_ids,
    task_run,
)


def ran(store: Store, run: Run, begins: float, seconds: float, *end: Any) -> Run:
    """Record a run that began then and ran for so long."""
    states = [*enter(run, PENDING), *enter(run, RUNNING, now=at(begins)), *enter(run, *end, now=at(begins + seconds))]
    store.create(run, states)
    return run


@pytest.fixture
def four(store: Store) -> list[Run]:
    """Four task runs of two flow runs, of different lengths; the last has not begun."""
    old, new = flow_run("old", "ingest"), flow_run("new", "report", created=at(9), flow_version="2")
    record(store, old, PENDING, RUNNING, FAILED)
    record(store, new, PENDING)
    return [
        ran(store, task_run("c", created=at(1), flow_run_id=old.id, tags=frozenset({"x"})), 6, 5, COMPLETED),
        ran(store, task_run("a", created=at(2), flow_run_id=old.id, cache_key="k"), 7, 1, FAILED),
        ran(store, task_run("b", "parse", created=at(3), flow_run_id=new.id, tags=frozenset("xy")), 6, 5, COMPLETED),
        record(store, task_run("d", "parse", created=at(4)), PENDING),
    ]


def found(store: Store, runs: list[Run], condition: Condition) -> list[int]:
    """Return which of the runs are found, by their place; counts must say the same."""
    ids = run_ids(store.task_runs(condition))
    assert store.count("task", condition) == len(ids) == sum(store.tally("task", condition).values())
    return [run_ids(runs).index(run_id) for run_id in ids]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (AllOf(), [0, 1, 2, 3]),
        (AnyOf(), []),
        (one_of("name", ["a", "b", "no such"]), [1, 2]),
        (one_of("name", ["a"]), [1]),
        (one_of("name", []), []),
        (one_of("task_name", ["parse"]), [2, 3]),
        (one_of("state_type", [StateType.COMPLETED]), [0, 2]),
        (one_of("state_type", ["FAILED", "PENDING"]), [1, 3]),
        (one_of("state_name", ["Failed"]), [1]),
        (one_of("run_count", [0]), [3]),
        (one_of("cache_key", ["k", None]), [1]),
        (Not(one_of("cache_key", ["k"])), [0, 2, 3]),
        (Not(Known("cache_key")), [0, 2, 3]),
        (Known("start_time"), [0, 1, 2]),
        (Known("tags"), [0, 2]),
        (Not(Known("tags")), [1, 3]),
        (Tagged("x"), [0, 2]),
        (Not(Tagged("y")), [0, 1, 3]),
        (Like("cache_key", "K"), [1]),
        (Between("created", least=at(2), most=at(3)), [1, 2]),
        (Between("created", least=at(2), below=at(3)), [1]),
        (Between("start_time", most=at(6)), [0, 2]),
        (Between("start_time", below=at(6)), []),
        (Between("end_time"), [0, 1, 2]),
        (Between("total_run_time", least=timedelta(seconds=5)), [0, 2]),
        (Not(Between("start_time", least=at(7))), [0, 2, 3]),
        (OfFlowRun(Like("flow_name", "ing")), [0, 1]),
        (OfFlowRun(one_of("flow_version", ["2"])), [2]),
        (Not(OfFlowRun(Like("flow_name", "ing"))), [2, 3]),
        (OfFlowRun(AllOf()), [0, 1, 2]),
        (OfFlowRun(WithTaskRun(one_of("name", ["a"]))), [0, 1]),
        (AnyOf((one_of("name", ["a"]), Tagged("y"))), [1, 2]),
        (AnyOf((one_of("name", ["a"]), AllOf())), [0, 1, 2, 3]),
        (AllOf((Tagged("x"), Not(Tagged("y")))), [0]),
        (AllOf((AnyOf((Tagged("x"), Known("cache_key"))), Between("created", least=at(2)))), [1, 2]),
        (Not(AllOf()), []),
        (Not(AnyOf()), [0, 1, 2, 3]),
    ],
)
def test_task_runs_meet_a_condition(store: Store, four: list[Run], condition: Condition, expected: list[int]) -> None:
    """Conditions on fields, joined by and, or and not; what has no value meets none but a Not."""
    assert found(store, four, condition) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (WithTaskRun(one_of("name", ["a"])), ["old"]),
        (Not(WithTaskRun(one_of("name", ["a"]))), ["new"]),
        (WithTaskRun(AllOf()), ["old", "new"]),
        (one_of("flow_name", ["report", "ingest"]), ["old", "new"]),
        (Not(Like("flow_name", "REP")), ["old"]),
        (Known("flow_version"), ["new"]),
    ],
)
def test_flow_runs_meet_a_condition(store: Store, four: list[Run], condition: Condition, expected: list[str]) -> None:
    """Also one on their task runs."""
    assert [run.name for run in store.flow_runs(condition)] == expected


def test_many_values_fit_into_one_question(store: Store, four: list[Run]) -> None:
    """More than a statement may have placeholders."""
    ids = [new_id() for _ in range(40_000)]
    assert found(store, four, one_of("id", [*ids, four[1].id])) == [1]
    assert found(store, four, one_of("name", [*map(str, ids), "b"])) == [2]


@pytest.mark.parametrize(
    ("kind", "condition", "said"),
    [
        ("task", Known("colour"), "Task runs have no field 'colour' to look for; there are id, name, tags"),
        ("flow", one_of("task_name", ["x"]), "Flow runs have no field 'task_name'"),
        ("flow", OfFlowRun(AllOf()), "Flow runs have no field 'flow_run_id'"),
        ("task", WithTaskRun(AllOf()), "Task runs have no field 'parent_flow_run_id'"),
        ("log", Tagged("x"), "Log lines have no field 'tags'; there are timestamp"),
        ("task", one_of("tags", ["x"]), "The tags of a run are several: ask for one with Tagged"),
        ("task", Like("created", "2026"), "'created' holds no text that could be like '2026'"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(store: Store, kind: Kind, condition: Condition, said: str) -> None:
    """And what would make sense is told."""
    ask: Any = {"flow": store.flow_runs, "task": store.task_runs, "log": store.logs}[kind]
    with pytest.raises(ValueError, match=said.replace("no field 'tags';", "no field 'tags' to look for;")):
        ask(condition)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order(), "cabd"),
        (Order("created", descending=True), "dbac"),
        (Order("name"), "abcd"),
        (Order("name", descending=True), "dcba"),
        (Order("total_run_time"), "dacb"),
        (Order("total_run_time", descending=True), "bcad"),
        (Order("start_time"), "cbad"),
        (Order("start_time", descending=True), "dabc"),
        (Order("end_time"), "acbd"),
        (Order("run_count", descending=True), "bacd"),
    ],
)
def test_runs_come_in_the_order_asked_for(store: Store, four: list[Run], order: Order, expected: str) -> None:
    """Equals in order of arrival, what has no value after all others; and from each place on comes the rest."""
    runs = store.task_runs(order=order)
    assert "".join(run.name for run in runs) == expected
    for at_, run in enumerate(runs, 1):
        place = Place(getattr(run, order.field), run.id)
        assert run_ids(store.task_runs(order=order, after=place)) == run_ids(runs[at_:])
        assert run_ids(store.task_runs(order=order, after=place, limit=1)) == run_ids(runs[at_ : at_ + 1])


def test_a_place_whose_run_is_gone_tells_its_equals_again(store: Store, four: list[Run]) -> None:
    """Rather twice than never."""
    order = Order("total_run_time")
    gone = store.task_runs(order=order)[2]
    store.delete("task", gone.id)
    rest = store.task_runs(order=order, after=Place(gone.total_run_time, gone.id))
    assert [run.name for run in rest] == ["b"]


def test_a_field_that_nobody_sorts_by_is_refused(store: Store) -> None:
    """And those that runs are sorted by are told."""
    with pytest.raises(ValueError, match=r"can't be sorted by 'tags'; they can by id, name, created"):
        store.task_runs(order=Order("tags"))


def test_runs_are_counted_by_their_states(store: Store, four: list[Run]) -> None:
    """By type and name."""
    tally = store.tally("task", Not(Tagged("y")))
    assert tally == {
        (StateType.PENDING, "Pending"): 1,
        (StateType.COMPLETED, "Completed"): 1,
        (StateType.FAILED, "Failed"): 1,
    }


def test_log_lines_meet_conditions_and_may_come_newest_first(store: Store) -> None:
    """As runs do."""
    old, new = flow_run("old", "ingest"), flow_run("new", "report")
    record(store, old)
    record(store, new)
    store.append_logs(
        [
            LogRecord(at(seconds), level, text, logger, run.id)
            for seconds, level, text, logger, run in [
                (1, 20, "begins", "mine", old),
                (1, 30, "odd", "mine", old),
                (2, 40, "bad", "yours", new),
            ]
        ]
    )

    def told(condition: Condition, **part: Any) -> list[str]:
        return [line.message for line in store.logs(condition, **part)]

    assert told(Between("level", least=20, most=30)) == ["begins", "odd"]
    assert told(OfFlowRun(Like("flow_name", "report"))) == ["bad"]
    assert told(one_of("logger", ["mine", "yours"]), newest_first=True) == ["bad", "odd", "begins"]
    assert told(Known("task_run_id")) == []
    assert told(AllOf(), newest_first=True, limit=1) == ["bad"]
