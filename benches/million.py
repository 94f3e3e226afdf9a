"""A million task runs in a store, told by SQL: through the engine they would take minutes.

What is copied is a handful of runs that the store itself has recorded, each with its states; what differs are ids,
names, moments and lengths. A run of the past ten days begins every 0.864 seconds; nine in ten completed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from headrace.core.records import TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import unstamped
from headrace.ids import IdSource
from headrace.store.postgres import PostgresStore
from headrace.store.sqlite import SqliteStore

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 10
#: By which of these a run ended, in turns.
ENDS = (*["Completed"] * 18, "Failed", "Crashed")
TASKS = ("fetch", "parse", "load", "check", "report")

Execute = Callable[[str], object]
Filled = SqliteStore | PostgresStore

_SQLITE_SERIES = (
    "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) SELECT n FROM s) AS series"
)
_POSTGRES_SERIES = "(SELECT n FROM generate_series(1::bigint, {count}) AS n) AS series"
#: An id of 16 bytes that grows with `n`.
_SQLITE_ID = "from_hex(printf('%032x', {n}))"
_POSTGRES_ID = "decode(lpad(to_hex({n}), 32, '0'), 'hex')"
#: A number from 0 to 999,999 that looks like chance.
_SCATTERED = "(n * 7919 % 1000003)"


def fill(store: Filled, count: int) -> None:
    """Put so many task runs into an empty store."""
    _tell_templates(store)
    of_sqlite = isinstance(store, SqliteStore)
    series = (_SQLITE_SERIES if of_sqlite else _POSTGRES_SERIES).format(count=count)
    new_id = (_SQLITE_ID if of_sqlite else _POSTGRES_ID).format(n="n + 1000000000")
    step = int(DAYS * 86400 * 1e6 / count)
    own = (
        "name, created, expected_start_time, history_length, run_count, start_time, end_time, total_run_time, state, "
        "tags, parameters, task_inputs, task, dynamic_key, flow_run_id, flow_run_run_count, child_flow_run_id, "
        "cache_key"
    )
    first = len(ENDS) * len(TASKS)
    name = "t.dynamic_key || '-' || " + ("printf('%06x', {0})" if of_sqlite else "lpad(to_hex({0}), 6, '0')")
    runs = (
        f"INSERT INTO task_run (id, {own}) SELECT {new_id}, {name.format(_SCATTERED)}, t.created + n * {step}, "
        f"t.created + n * {step}, t.history_length, t.run_count, t.start_time + n * {step}, "
        f"t.start_time + n * {step} + {_SCATTERED} * 37, {_SCATTERED} * 37, t.state, t.tags, t.parameters, "
        "t.task_inputs, t.task, t.dynamic_key, t.flow_run_id, t.flow_run_run_count, t.child_flow_run_id, t.cache_key "
        f"FROM {series} JOIN task_run t ON t.seq = 1 + n % {first}"
    )
    states = (
        "INSERT INTO task_run_state SELECT r.seq, h.position, h.state, r.created + h.position, h.message, h.details "
        f"FROM task_run r JOIN task_run_state h ON h.run = 1 + (r.seq - {first}) % {first} WHERE r.seq > {first}"
    )

    def work(execute: Callable[..., object]) -> None:
        execute(runs)
        execute(states)

    store._link.write(work)
    if of_sqlite:
        store._link.read("PRAGMA wal_checkpoint(TRUNCATE)")


def _tell_templates(store: Filled) -> None:
    """Record a run for each task and each end, the first ones of the store."""
    new_id = IdSource(lambda: 1, Random(1))
    for end in ENDS:
        for task in TASKS:
            run = TaskRun(
                id=new_id(),
                name=f"{task}-template",
                created=BEGIN - timedelta(days=1),
                task_name=task,
                task_key=f"flows.{task}",
                dynamic_key=task,
                parameters={"url": "https://example.com/a", "n": 3},
            )
            way = [unstamped(StateType.PENDING), unstamped(StateType.RUNNING), unstamped(StateType[end.upper()])]
            store.create(run, [run.enter(state, run.created) for state in way])
