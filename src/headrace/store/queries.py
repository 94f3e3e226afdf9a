"""Conditions and orders as SQL. `filters.py` says the same in Python.

A condition on a field stands in a frame where the field is in another table: what has a name is kept once, and runs
hold its number. Within a frame the alias `r` means another run than around it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from headrace.store import conditions as c
from headrace.store import rows
from headrace.store.conditions import Condition, Kind, of_logs, of_runs
from headrace.store.dialect import LAST_SEQ, NEVER, Dialect, like
from headrace.store.protocol import OLDEST, LogFilter, Order, Place, RunFilter, RunKind, ThingKind, check_sortable

#: A piece of SQL, and the values of its placeholders.
Piece = tuple[str, list[Any]]

_ENCODE: dict[type, Callable[[Any], Any]] = {
    datetime: rows.micros,
    timedelta: rows.span,
    UUID: rows.blob,
    int: lambda number: number,
    str: str,  # members of StateType too
}


class _Column(NamedTuple):
    """Where a field is: `frame` is what the condition on it is put into."""

    sql: str
    frame: str = "{}"


_STATE_FRAME = "r.state IN (SELECT seq FROM state WHERE {})"
_FLOW_FRAME = "r.flow IN (SELECT seq FROM flow WHERE {})"
_TASK_FRAME = "r.task IN (SELECT seq FROM task WHERE {})"
_ELSEWHERE = {
    "state_type": _Column("type", _STATE_FRAME),
    "state_name": _Column("name", _STATE_FRAME),
    "flow_id": _Column("id", _FLOW_FRAME),
    "flow_name": _Column("name", _FLOW_FRAME),
    "task_name": _Column("name", _TASK_FRAME),
    "task_key": _Column("key", _TASK_FRAME),
    "logger": _Column("name", "l.logger IN (SELECT seq FROM logger WHERE {})"),
}
#: Those whose runs may have none.
_MAY_BE_NULL = ("expected_start_time", "start_time", "end_time")


class Queries:
    """The questions of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def runs_where(self, kind: RunKind, where: RunFilter | Condition) -> Piece:
        """Return the condition that runs fit, ready to follow `RunStatements.how_many`."""
        return _after_where(self._condition(kind, of_runs(kind, where)))

    def parts(self, kind: RunKind, where: RunFilter | Condition, begin: datetime, end: datetime, parts: int) -> Piece:
        """Return the condition that runs in a stretch of time fit, for `RunStatements.tallies`."""
        inside, width = c.within(kind, where, begin, end, parts)
        condition, values = self.runs_where(kind, inside)
        return condition, [rows.micros(begin), rows.span(width), *values]

    def listing(
        self, kind: RunKind, where: RunFilter | Condition, order: Order = OLDEST, after: Place | None = None
    ) -> Piece:
        """Return the rest of a statement that lists runs, to be followed by the values that `bounds` returns.

        Which runs belong to the page is found first, within an index, and only then is anything joined to them:
        of a million runs that fit it sorts none but those of the page.
        """
        check_sortable(order)
        condition = self._condition(kind, of_runs(kind, where))
        if after is not None:
            condition = _joined(" AND ", [condition, self._beyond(kind, order, after)])
        sql, values = _after_where(condition)
        way = "DESC" if order.descending else "ASC"
        by = "ORDER BY " + ", ".join(f"{key} {way}" for key in _keys(order.field))
        return f" WHERE r.seq IN (SELECT r.seq FROM {kind}_run r{sql} {by} LIMIT ? OFFSET ?) {by}", values

    def bounds(self, limit: int | None, offset: int) -> list[int | None]:
        """Return which part of a listing to return."""
        return [self._dialect.no_limit if limit is None else limit, offset]

    def things(self, kind: ThingKind, where: Condition, order: Order) -> Piece:
        """Return the rest of a statement that lists things, to be followed by the values that `bounds` returns."""
        check_sortable(order, kind)
        sql, values = self.things_where(kind, where)
        way = "DESC" if order.descending else "ASC"
        by = ", ".join(f"{key} {way}" for key in _thing_keys(order.field))
        return f"{sql} ORDER BY {by} LIMIT ? OFFSET ?", values

    def things_where(self, kind: ThingKind, where: Condition) -> Piece:
        """Return the condition that things fit, ready to follow the statement that counts them."""
        return _after_where(self._condition(kind, where))

    def logs_where(self, where: LogFilter | Condition) -> Piece:
        """Return the condition that log lines fit, ready to follow `FIND_LOGS`."""
        return _after_where(self._condition("log", of_logs(where)))

    def log_order(self, newest_first: bool) -> str:
        """Return the end of a statement that lists log lines, to be followed by the values that `bounds` returns."""
        way = "DESC" if newest_first else "ASC"
        return f" ORDER BY l.timestamp {way}, l.seq {way} LIMIT ? OFFSET ?"

    def listed(self, values: Sequence[Any]) -> tuple[Any, str]:
        """Return values as one, and the statement that reads them from it."""
        return self._dialect.listed(values)

    # orders --------------------------------------------------------------------------------------------------

    def _beyond(self, kind: RunKind, order: Order, after: Place) -> Piece:
        keys, value = _keys(order.field), after.value
        encoded = None if value is None else _ENCODE[c.type_of(kind, order.field)](value)
        values = [int(value is None), encoded or 0] if order.field in _MAY_BE_NULL else [encoded]
        # Of a run that is gone nobody knows among its equals which came after it: all are told again.
        arrival = f"coalesce((SELECT seq FROM {kind}_run WHERE id = ?), {LAST_SEQ if order.descending else -1})"
        marks = ", ".join("?" * len(values))
        sign = "<" if order.descending else ">"
        return f"({', '.join(keys)}) {sign} ({marks}, {arrival})", [*values, after.run_id.bytes]

    # conditions ----------------------------------------------------------------------------------------------

    def _condition(self, kind: Kind, condition: Condition) -> Piece:
        return _MADE[type(condition)](self, kind, condition)

    def _framed(self, kind: Kind, field: str, tell: Callable[[str], Piece]) -> Piece:
        column = _column(kind, field)
        sql, values = tell(column.sql)
        return column.frame.format(sql), values

    def _one_of(self, kind: Kind, condition: c.OneOf) -> Piece:
        encode = _ENCODE[c.type_compared(kind, condition)]
        values = sorted({encode(value) for value in condition.values if value is not None})
        if not values:
            return NEVER, []
        if len(values) == 1:
            return self._framed(kind, condition.field, lambda column: (f"{column} = ?", values))
        listed, frame = self._dialect.listed(values)
        return self._framed(kind, condition.field, lambda column: (f"{column} IN ({frame})", [listed]))

    def _like(self, kind: Kind, condition: c.Like) -> Piece:
        c.type_compared(kind, condition)
        value = like(condition.pattern, condition.glob)
        return self._framed(kind, condition.field, lambda column: (self._dialect.like.format(column=column), [value]))

    def _between(self, kind: Kind, condition: c.Between) -> Piece:
        encode = _ENCODE[c.type_compared(kind, condition)]
        given = [
            (sign, encode(bound))
            for sign, bound in zip((">=", "<=", "<"), condition[1:], strict=True)
            if bound is not None
        ]
        if not given:
            return self._known(kind, c.Known(condition.field))
        return self._framed(
            kind,
            condition.field,
            lambda column: (" AND ".join(f"{column} {sign} ?" for sign, _ in given), [bound for _, bound in given]),
        )

    def _known(self, kind: Kind, condition: c.Known) -> Piece:
        return self._framed(kind, condition.field, lambda column: (f"{column} IS NOT NULL", []))

    def _tagged(self, kind: Kind, condition: c.Tagged) -> Piece:
        c.type_of(kind, "tags")
        return self._dialect.has_tag, [condition.tag]

    def _of_flow_run(self, kind: Kind, condition: c.OfFlowRun) -> Piece:
        column = _column(kind, "flow_run_id").sql
        sql, values = _after_where(self._condition("flow", condition.condition))
        return f"{column} IN (SELECT r.id FROM flow_run r{sql})", values

    def _with_task_run(self, kind: Kind, condition: c.WithTaskRun) -> Piece:
        c.type_of(kind, "parent_flow_run_id")
        sql, values = _after_where(self._condition("task", condition.condition))
        return f"r.id IN (SELECT r.flow_run_id FROM task_run r{sql})", values

    def _newest_of_key(self, kind: Kind, condition: c.NewestOfKey) -> Piece:
        c.type_of(kind, "key")
        later = "SELECT 1 FROM artifact n WHERE n.key = r.key AND n.seq > r.seq"
        return f"r.key IS NOT NULL AND NOT EXISTS ({later})", []

    def _not(self, kind: Kind, condition: c.Not) -> Piece:
        sql, values = self._condition(kind, condition.condition)
        return (f"({sql}) IS NOT TRUE", values) if sql else (NEVER, values)

    def _all_of(self, kind: Kind, condition: c.AllOf) -> Piece:
        return _joined(" AND ", [self._condition(kind, part) for part in condition.conditions])

    def _any_of(self, kind: Kind, condition: c.AnyOf) -> Piece:
        pieces = [piece for part in condition.conditions if (piece := self._condition(kind, part))[0] != NEVER]
        if not pieces:
            return NEVER, []
        if any(not sql for sql, _ in pieces):
            return "", []
        sql, values = _joined(" OR ", pieces)
        return f"({sql})" if len(pieces) > 1 else sql, values


def _keys(field: str) -> list[str]:
    """Return what to sort by: what has no value comes after all that have one, and equals in order of arrival."""
    if field in _MAY_BE_NULL:
        return [f"CASE WHEN r.{field} IS NULL THEN 1 ELSE 0 END", f"coalesce(r.{field}, 0)", "r.seq"]
    return [f"r.{field}", "r.seq"]


def _thing_keys(field: str) -> list[str]:
    """Return what to sort things by; see `_keys`."""
    return [*(["CASE WHEN r.key IS NULL THEN 1 ELSE 0 END"] if field == "key" else []), f"r.{field}", "r.seq"]


def _after_where(piece: Piece) -> Piece:
    sql, values = piece
    return (f" WHERE {sql}", values) if sql else piece


def _column(kind: Kind, field: str) -> _Column:
    c.type_of(kind, field)
    return _ELSEWHERE.get(field) or _Column(f"{'l' if kind == 'log' else 'r'}.{field}")


def _joined(word: str, pieces: Collection[Piece]) -> Piece:
    return (
        word.join(sql for sql, _ in pieces if sql),
        [value for _, values in pieces for value in values],
    )


_MADE: dict[type, Callable[[Queries, Kind, Any], Piece]] = {
    c.OneOf: Queries._one_of,
    c.Like: Queries._like,
    c.Between: Queries._between,
    c.Known: Queries._known,
    c.Tagged: Queries._tagged,
    c.OfFlowRun: Queries._of_flow_run,
    c.WithTaskRun: Queries._with_task_run,
    c.NewestOfKey: Queries._newest_of_key,
    c.Not: Queries._not,
    c.AllOf: Queries._all_of,
    c.AnyOf: Queries._any_of,
}
