"""Runs, their histories and logs in an SQL database, whichever it is.

`create` and `transition` are the engine's hot path: two statements each in one transaction. Their rows are
tuples made in place, and what has a name is looked up in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.transitions import allowed, as_taken
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound
from headrace.store import columns, rows
from headrace.store import statements as sql
from headrace.store.link import Execute, Link, Taken
from headrace.store.names import Names
from headrace.store.protocol import (
    EVERY_RUN,
    MOST_DELETED,
    OLDEST,
    LogFilter,
    LogRecord,
    Order,
    Place,
    RunFilter,
    RunKind,
    SeenFlow,
)

if TYPE_CHECKING:
    from headrace.store.conditions import Condition
    from headrace.store.queries import Queries


class _Kind(NamedTuple):
    """What differs between flow runs and task runs: statements, and how rows are made and read."""

    sql: sql.RunStatements
    read: Callable[[rows.Row], Any]
    number: Callable[[Names, Execute, Any], int]
    own: Callable[[Any, int], rows.Row]
    moving: Callable[[Any], rows.Row]
    given: Callable[[Any], rows.Row]


_KINDS: Mapping[RunKind, _Kind] = {
    "flow": _Kind(sql.FLOW, rows.flow_run, Names.flow, rows.flow_columns, rows.flow_moving, rows.flow_given),
    "task": _Kind(sql.TASK, rows.task_run, Names.task, rows.task_columns, rows.task_moving, rows.task_given),
}

#: How many states, or lines, go into one statement: databases have a bound on the values of one.
_MANY = 100


class RunTables:
    """The part of a store that keeps runs and logs. See `Store` for what its methods promise."""

    _link: Link
    _names: Names
    #: Keeps a run from being changed by others until the transaction ends, where there are others.
    _lock = ""
    #: Is done first where several write at once, so that deletions are numbered in the order of their commits.
    _one_deletes = ""

    def _queries(self) -> Queries:
        """Return the questions of this database. What asks nothing starts a millisecond earlier without them."""
        raise NotImplementedError

    def insert_within(self, execute: Execute, statement: str, row: rows.Row) -> int:
        """Insert a run; return its number. Raises Taken where there is one of this id."""
        raise NotImplementedError

    def create(self, run: Run, states: Sequence[State]) -> None:
        """Record a new run together with its first states."""
        columns.check_born(run, states)
        self._link.write(self.create_within, run, states)

    def schedule(self, run: TaskRun, states: Sequence[State], queue: str, call: bytes) -> None:
        """Record a new run together with its first states, and put it at the end of a queue."""
        columns.check_born(run, states)
        self._link.write(self._schedule, run, states, queue, call)

    def transition(self, run: Run, states: Sequence[State]) -> State | None:
        """Append states that the run has entered, if its history is as long as the run believes."""
        return self._link.write(self.transition_within, run, states)

    def propose(self, kind: RunKind, run_id: UUID, state: State) -> State:
        """Append one state from outside where the table allows it; return the one that stands."""
        return self._link.write(self._propose, kind, run_id, state)

    def flow_run(self, run_id: UUID) -> FlowRun:
        """Return one flow run."""
        found = self._link.read(f"{sql.FLOW.find} WHERE r.id = ?", (run_id.bytes,))
        return rows.flow_run(_only(found, "flow", run_id))

    def task_run(self, run_id: UUID) -> TaskRun:
        """Return one task run."""
        found = self._link.read(f"{sql.TASK.find} WHERE r.id = ?", (run_id.bytes,))
        return rows.task_run(_only(found, "task", run_id))

    def flow_runs(
        self,
        where: RunFilter | Condition = EVERY_RUN,
        *,
        order: Order = OLDEST,
        after: Place | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[FlowRun]:
        """Return the flow runs that fit, in this order."""
        return [rows.flow_run(row) for row in self._find("flow", where, order, after, limit, offset)]

    def task_runs(
        self,
        where: RunFilter | Condition = EVERY_RUN,
        *,
        order: Order = OLDEST,
        after: Place | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[TaskRun]:
        """Return the task runs that fit, in this order."""
        return [rows.task_run(row) for row in self._find("task", where, order, after, limit, offset)]

    def count(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> int:
        """Return how many runs fit."""
        condition, values = self._queries().runs_where(kind, where)
        found: int = self._link.read(_KINDS[kind].sql.how_many + condition, values)[0][0]
        return found

    def tally(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> dict[tuple[StateType, str], int]:
        """Return how many of the runs that fit are in each state, by its type and name."""
        condition, values = self._queries().runs_where(kind, where)
        found = self._link.read(_KINDS[kind].sql.tally.format(condition), values)
        return {(StateType(type_), name): count for type_, name, count in found}

    def tallies(
        self, kind: RunKind, where: RunFilter | Condition, begin: datetime, end: datetime, parts: int
    ) -> list[dict[tuple[StateType, str], int]]:
        """Return a tally of the runs that fit for each of equal parts of a stretch of time."""
        condition, values = self._queries().parts(kind, where, begin, end, parts)
        found = self._link.read(_KINDS[kind].sql.tallies.format(condition), values)
        told: list[dict[tuple[StateType, str], int]] = [{} for _ in range(parts)]
        for type_, name, part, many in found:
            told[part][StateType(type_), name] = many
        return told

    def flows(self, *, limit: int | None = None, offset: int = 0) -> list[SeenFlow]:
        """Return the flows that have runs, the one with the newest run first."""
        found = self._link.read(sql.FLOWS, self._queries().bounds(limit, offset))
        return [SeenFlow(UUID(bytes=raw), name, rows.moment(latest)) for raw, name, latest in found]

    def history(self, run_id: UUID) -> list[State]:
        """Return all states of a run, in order."""
        key = (run_id.bytes,)
        found = self._link.read(sql.TASK.history, key) or self._link.read(sql.FLOW.history, key)
        return [rows.state(run_id, row) for row in found]

    def histories(self, run_ids: Collection[UUID]) -> dict[UUID, list[State]]:
        """Return the histories of many runs at once."""
        where, found = RunFilter(ids=frozenset(run_ids)), dict[UUID, list[State]]()
        for kind in _KINDS if run_ids else ():
            condition, values = self._queries().runs_where(kind, where)
            for *row, raw in self._link.read(_KINDS[kind].sql.histories + condition + sql.IN_ORDER, values):
                run_id = UUID(bytes=raw)
                found.setdefault(run_id, []).append(rows.state(run_id, row))
        return found

    def current_states(self, run_ids: Iterable[UUID], kind: RunKind = "flow") -> dict[UUID, State]:
        """Return the standing state of each of these runs that exists."""
        read, standing = self._link.read, _KINDS[kind].sql.standing
        found = ((run_id, read(standing, (run_id.bytes,))) for run_id in run_ids)
        return {run_id: rows.state(run_id, row[0]) for run_id, row in found if row}

    def delete(self, kind: RunKind, run_id: UUID) -> bool:
        """Remove a run with its history, logs and artifacts, a flow run with its task runs too."""
        return self._link.write(self._delete, kind, run_id.bytes)

    def append_logs(self, records: Sequence[LogRecord]) -> None:
        """Append log lines, in order."""
        if records:
            self._link.write(self.append_logs_within, records)

    def logs(
        self,
        where: LogFilter | Condition,
        *,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = False,
    ) -> list[LogRecord]:
        """Return log lines in order of time, and of arrival within the same moment; or the other way round."""
        queries = self._queries()
        condition, values = queries.logs_where(where)
        statement = sql.FIND_LOGS + condition + queries.log_order(newest_first)
        found = self._link.read(statement, [*values, *queries.bounds(limit, offset)])
        return [rows.log_record(row) for row in found]

    def count_logs(self, where: LogFilter | Condition) -> int:
        """Return how many log lines fit."""
        condition, values = self._queries().logs_where(where)
        found: int = self._link.read(sql.COUNT_LOGS + condition, values)[0][0]
        return found

    # what is done within one transaction ---------------------------------------------------------------

    def create_within(self, execute: Execute, run: Run, states: Sequence[State]) -> None:
        """Record a new run. Raises ObjectAlreadyExists, with nothing done."""
        kind = _KINDS[run.kind]
        try:
            seq = self.insert_within(execute, kind.sql.insert, self._row_of(execute, kind, run, states))
        except Taken:
            raise ObjectAlreadyExists(f"There is a {run.kind} run {run.id} already.") from None
        values = self._state_values(execute, seq, run, states)
        execute(sql.rows_of(kind.sql.insert_states, len(states)), values)

    def create_many_within(
        self, execute: Execute, kind_name: RunKind, born: Sequence[tuple[Run, Sequence[State]]]
    ) -> None:
        """Record new runs of one kind, in order. Raises Taken where there is one of them already."""
        kind = _KINDS[kind_name]
        made = [self._row_of(execute, kind, run, states) for run, states in born]
        values: list[object] = []
        for seq, (run, states) in zip(self.insert_many_within(execute, kind.sql.insert, made), born, strict=True):
            values += self._state_values(execute, seq, run, states)
        for start in range(0, len(values), _MANY * sql.STATE_COLUMNS):
            part = values[start : start + _MANY * sql.STATE_COLUMNS]
            execute(sql.rows_of(kind.sql.insert_states, len(part) // sql.STATE_COLUMNS), part)

    def insert_many_within(self, execute: Execute, statement: str, rows_: Sequence[rows.Row]) -> Sequence[int]:
        """Insert rows; return their numbers. Raises Taken where one of their keys is another's."""
        return [self.insert_within(execute, statement, row) for row in rows_]

    def known_within(self, execute: Execute, kind_name: RunKind, run_ids: Sequence[UUID]) -> set[UUID]:
        """Return which of these runs there are."""
        listed, frame = self._queries().listed([run_id.bytes for run_id in run_ids])
        found = execute(sql.KNOWN.format(run=f"{kind_name}_run", frame=frame), (listed,)).fetchall()
        return {UUID(bytes=run_id) for (run_id,) in found}

    def _row_of(self, execute: Execute, kind: _Kind, run: Run, states: Sequence[State]) -> rows.Row:
        own = kind.own(run, kind.number(self._names, execute, run))
        return (*rows.start_of(run), *rows.moving(run, self._names.state(execute, states[-1])), *own)

    def _state_values(self, execute: Execute, seq: int, run: Run, states: Sequence[State]) -> list[object]:
        values: list[object] = []
        for position, state in enumerate(states):
            values += (seq, position, self._names.state(execute, state), *rows.state_columns(run, state))
        return values

    def _schedule(self, execute: Execute, run: TaskRun, states: Sequence[State], queue: str, call: bytes) -> None:
        self.create_within(execute, run, states)
        execute(sql.ADD_JOB, (run.id.bytes, queue, call))

    def transition_within(self, execute: Execute, run: Run, states: Sequence[State]) -> State | None:
        """Append states that a run has entered; return what stands where others were quicker."""
        kind, expected = _KINDS[run.kind], run.history_length - len(states)
        unsettled = columns.unsettled(run, states)
        change, given = (kind.sql.settle, kind.given(run)) if unsettled else (kind.sql.move, ())
        if not self._move(execute, kind, change, run, given, expected):
            return _standing(execute, run.kind, run.id)
        self._append_states(execute, kind, run, states, expected)
        return None

    def _propose(self, execute: Execute, kind_name: RunKind, run_id: UUID, state: State) -> State:
        kind, run = _KINDS[kind_name], self.find_within(execute, kind_name, run_id)
        standing, expected = run.state, run.history_length
        if standing is not None and not allowed(standing, state, kind_name):
            return standing
        entered = run.enter(as_taken(standing, state), columns.stamp_of(run))
        self._move(execute, kind, kind.sql.move, run, (), expected)
        self._append_states(execute, kind, run, (entered,), expected)
        return entered

    def _delete(self, execute: Execute, kind: RunKind, run_id: bytes) -> bool:
        within = execute(sql.FLOW_RUN_OF[kind], (run_id,)).fetchone()
        if within is None or not (_delete_flow_run if kind == "flow" else _delete_task_run)(execute, run_id):
            return False
        if self._one_deletes:
            execute(self._one_deletes, ())
        execute(sql.NOTE_DELETED, (kind, run_id, within[0]))
        execute(sql.FORGET_DELETED, (MOST_DELETED,))
        return True

    def find_within(self, execute: Execute, kind_name: RunKind, run_id: UUID) -> Run:
        """Return a run that nobody else changes until the transaction ends. Raises ObjectNotFound."""
        kind = _KINDS[kind_name]
        if self._lock:
            execute(self._lock.format(kind_name), (run_id.bytes,))
        found = execute(f"{kind.sql.find} WHERE r.id = ?", (run_id.bytes,)).fetchall()
        run: Run = kind.read(_only(found, kind_name, run_id))
        return run

    def _move(self, execute: Execute, kind: _Kind, change: str, run: Run, given: rows.Row, expected: int) -> bool:
        """Write the columns of a run if its history has the expected length; say whether it had."""
        assert run.state is not None
        seq = self._names.state(execute, run.state)
        values = (*rows.moving(run, seq), *kind.moving(run), *given, run.id.bytes, expected)
        return execute(change, values).rowcount == 1

    def _append_states(self, execute: Execute, kind: _Kind, run: Run, states: Sequence[State], position: int) -> None:
        key = run.id.bytes
        for at, state in enumerate(states, position):
            seq = self._names.state(execute, state)
            execute(kind.sql.append_state, (at, seq, *rows.state_columns(run, state), key))

    def append_logs_within(self, execute: Execute, records: Sequence[LogRecord]) -> None:
        """Append log lines."""
        for start in range(0, len(records), _MANY):
            part = records[start : start + _MANY]
            made = (rows.log_row(record, self._names.logger(execute, record.logger)) for record in part)
            execute(sql.append_logs(len(part)), [value for row in made for value in row])

    def _find(
        self,
        kind: RunKind,
        where: RunFilter | Condition,
        order: Order,
        after: Place | None,
        limit: int | None,
        offset: int,
    ) -> list[rows.Row]:
        queries = self._queries()
        page, values = queries.listing(kind, where, order, after)
        return self._link.read(_KINDS[kind].sql.find + page, [*values, *queries.bounds(limit, offset)])


def _standing(execute: Execute, kind: RunKind, run_id: UUID) -> State:
    found = execute(_KINDS[kind].sql.standing, (run_id.bytes,)).fetchall()
    return rows.state(run_id, _only(found, kind, run_id))


def _only(found: list[rows.Row], kind: RunKind, run_id: UUID) -> rows.Row:
    if not found:
        raise ObjectNotFound(f"There is no {kind} run {run_id} in the store.")
    return found[0]


def _delete_task_run(execute: Execute, run_id: bytes) -> bool:
    execute(sql.DELETE_TASK_RUN_LOGS, (run_id,))
    execute(sql.DELETE_JOB, (run_id,))
    execute(sql.DELETE_TASK_RUN_ARTIFACTS, (run_id,))
    execute(sql.TASK.delete_states % "id = ?", (run_id,))
    return execute(sql.TASK.delete % "id = ?", (run_id,)).rowcount == 1


def _delete_flow_run(execute: Execute, run_id: bytes) -> bool:
    execute(sql.DELETE_LOGS_OF_TASK_RUNS, (run_id,))
    execute(sql.DELETE_FLOW_RUN_LOGS, (run_id,))
    execute(sql.DELETE_JOBS_OF_TASK_RUNS, (run_id,))
    execute(sql.DELETE_ARTIFACTS_OF_TASK_RUNS, (run_id,))
    execute(sql.DELETE_FLOW_RUN_ARTIFACTS, (run_id,))
    execute(sql.TASK.delete_states % "flow_run_id = ?", (run_id,))
    execute(sql.TASK.delete % "flow_run_id = ?", (run_id,))
    execute(sql.FLOW.delete_states % "id = ?", (run_id,))
    return execute(sql.FLOW.delete % "id = ?", (run_id,)).rowcount == 1
