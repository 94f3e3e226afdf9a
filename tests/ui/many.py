"""A store of a hundred thousand runs, made by SQL in half a second."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from headrace.core.records import FlowRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.ids import named_id
from headrace.store.rows import micros, span
from headrace.store.sqlite import SqliteStore

FLOW_RUNS, TASK_RUNS = 20_000, 80_000
#: What fails, crashes and is cancelled, of a hundred runs; all others complete.
_ENDS = "CASE i % 100 WHEN 7 THEN 4 WHEN 19 THEN 5 WHEN 31 THEN 6 ELSE 3 END"
_STATES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_COLUMNS = (
    "seq, id, name, state, history_length, run_count, created, expected_start_time, start_time, end_time, "
    "total_run_time, tags, parameters"
)


def fill(path: Path, now: datetime, flow_runs: int = FLOW_RUNS, task_runs: int = TASK_RUNS) -> None:
    """Record runs of the last day, of a dozen flows; a quarter of all task runs are of the last flow run."""
    _create(SqliteStore(path), now)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.create_function("run_id", 2, lambda kind, number: bytes([kind]) * 4 + number.to_bytes(12, "big"))
    with connection:
        for seq, type_ in enumerate(_STATES, 1):
            connection.execute("INSERT INTO state VALUES (?, ?, ?)", (seq, type_, type_.capitalize()))
        for seq in range(1, 13):
            name = f"Flow {seq}"
            connection.execute("INSERT INTO flow VALUES (?, ?, ?)", (seq, named_id(f"flow:{name}").bytes, name))
        connection.execute("INSERT INTO task VALUES (1, 'work', 'work')")
        _runs(connection, "flow_run", 1, flow_runs, now, "flow", "1 + i % 12")
        around = f"run_id(1, CASE i % 4 WHEN 0 THEN {flow_runs} ELSE 1 + i % {flow_runs} END)"
        task = "task, dynamic_key, flow_run_id, flow_run_run_count"
        _runs(connection, "task_run", 2, task_runs, now, task, f"1, i, {around}, 1")
    connection.close()


def _create(store: SqliteStore, now: datetime) -> None:
    """Make the tables: a store does at its first write. What it wrote is taken away again."""
    run = FlowRun(id=named_id("run"), name="first", created=now, flow_name="F", flow_id=named_id("flow"))
    store.create(run, [run.enter(State(StateType.PENDING), now)])
    store.delete("flow", run.id)
    store.close()
    with sqlite3.connect(store.location) as connection:
        connection.execute("DELETE FROM state")
        connection.execute("DELETE FROM flow")
    connection.close()


def _runs(
    connection: sqlite3.Connection, table: str, kind: int, count: int, now: datetime, columns: str, values: str
) -> None:
    day = timedelta(days=1)
    created = f"{micros(now - day)} + i * {span(day)} / {count + 1}"
    took = "1000 * (1 + i * 7919 % 60000)"
    connection.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        f"INSERT INTO {table} ({_COLUMNS}, {columns}) SELECT i, run_id({kind}, i), '{table[:4]}-' || i, {_ENDS}, 3, 1, "
        f"{created}, {created}, {created}, {created} + {took}, {took}, CASE i % 3 WHEN 0 THEN '[\"nightly\"]' END, "
        f"'{{\"n\":' || i || '}}', {values} FROM n"
    )
    connection.execute(
        f"INSERT INTO {table}_state "
        "SELECT seq, p.position, CASE p.position WHEN 0 THEN 1 WHEN 1 THEN 2 ELSE state END, "
        f"CASE p.position WHEN 2 THEN end_time ELSE created END, NULL, NULL FROM {table} "
        "JOIN (SELECT 0 AS position UNION SELECT 1 UNION SELECT 2) p ORDER BY seq, p.position"
    )
