"""What SQLite reads to answer a question: an index that has it all, never a million runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.store import statements as sql
from headrace.store.conditions import OneOf
from headrace.store.protocol import NEWEST, OLDEST, Order, RunFilter, RunKind
from headrace.store.queries import Queries
from headrace.store.sqlite import SqliteStore
from headrace.store.sqlite_dialect import SQLITE

from .making import FLOW_ID, at

KINDS: list[RunKind] = ["flow", "task"]
NAMED = RunFilter(name="marvin")


def plan(path: Path, statement: str, values: list[Any]) -> str:
    """Say how SQLite would answer."""
    store = SqliteStore(path / "headrace.db")
    steps = store._link.read(f"EXPLAIN QUERY PLAN {statement}", values)
    store.close()
    return "\n".join(step[-1] for step in steps)


@pytest.mark.parametrize("kind", KINDS)
def test_runs_of_a_name_are_counted_in_an_index(tmp_path: Path, kind: RunKind) -> None:
    """The one by time, which holds the names."""
    condition, values = Queries(SQLITE).runs_where(kind, NAMED)
    how_many = (sql.FLOW if kind == "flow" else sql.TASK).how_many
    assert plan(tmp_path, how_many + condition, values) == f"SCAN r USING COVERING INDEX {kind}_run_by_time"


@pytest.mark.parametrize("order", [OLDEST, NEWEST])
@pytest.mark.parametrize("where", [NAMED, RunFilter()])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_found_in_an_index_without_sorting(
    tmp_path: Path, kind: RunKind, where: RunFilter, order: Order
) -> None:
    """It has the order of the list, from either end, whether a name is looked for or not."""
    page, values = Queries(SQLITE).listing(kind, where, order)
    page = page[page.index("(") + 1 : page.rindex(")")]
    assert plan(tmp_path, page, [*values, 20, 0]) == f"SCAN r USING COVERING INDEX {kind}_run_by_time"


@pytest.mark.parametrize("kind", KINDS)
def test_runs_in_a_state_are_sorted_by_their_length_in_an_index(tmp_path: Path, kind: RunKind) -> None:
    """The one by state, which holds lengths and names; no run is read for it."""
    where = RunFilter(state_names=frozenset({"Failed"}), name="marvin", after=at(0), before=at(9))
    page, values = Queries(SQLITE).listing(kind, where, Order("total_run_time", descending=True))
    page = page[page.index("(") + 1 : page.rindex(")")]
    steps = plan(tmp_path, page, [*values, 20, 0])
    assert f"SEARCH r USING COVERING INDEX {kind}_run_by_state (state=? AND created>? AND created<?)" in steps


def test_a_store_of_the_first_schema_is_searched_in_the_same_way(tmp_path: Path, monkeypatch: Any) -> None:
    """Its index is made anew when it is opened."""
    from headrace.store import migrations

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        patch.setattr(migrations, "NEWEST", 1)
        condition, values = Queries(SQLITE).runs_where("task", NAMED)
        before = plan(tmp_path, sql.TASK.how_many + condition, values)
    after = plan(tmp_path, sql.TASK.how_many + condition, values)
    assert (before, after) == ("SCAN r", "SCAN r USING COVERING INDEX task_run_by_time")


def test_the_newest_run_of_each_flow_is_found_in_an_index(tmp_path: Path) -> None:
    """And so are the counts of a flow's runs by their states; no run is read for it."""
    assert "SEARCH r USING COVERING INDEX flow_run_by_flow (flow=?)" in plan(tmp_path, sql.FLOWS, [9, 0])
    condition, values = Queries(SQLITE).runs_where("flow", OneOf("flow_id", frozenset([FLOW_ID])))
    steps = plan(tmp_path, sql.FLOW.tally.format(condition), values)
    assert "SEARCH r USING COVERING INDEX flow_run_by_flow (flow=?)" in steps
