"""Filters as SQL conditions. `filters.py` says the same in Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.store import dialect
from headrace.store.protocol import LogFilter, RunFilter, RunKind
from headrace.store.rows import micros

Condition = tuple[str, list[Any]]

_PARENT = {"flow": "parent_flow_run_id", "task": "flow_run_id"}
_FLOW_NAMED = {
    "flow": "r.flow IN (SELECT seq FROM flow WHERE name {like})",
    "task": "r.flow_run_id IN (SELECT p.id FROM flow_run p JOIN flow f ON f.seq = p.flow WHERE f.name {like})",
}
_TASK_NAMED = {"flow": "? IS NULL", "task": "r.task IN (SELECT seq FROM task WHERE name {like})"}


def runs_where(kind: RunKind, where: RunFilter) -> Condition:
    """Return the condition that runs fit, ready to follow `RunStatements.how_many`."""
    return _joined(_run_conditions(kind, where))


def listing(kind: RunKind, where: RunFilter, newest_first: bool) -> Condition:
    """Return the rest of a statement that lists runs, to be followed by the values that `bounds` returns.

    Which runs belong to the page is found first, within an index, and only then is anything joined to them:
    of a million runs that fit it sorts none but those of the page.
    """
    condition, values = runs_where(kind, where)
    way = "DESC" if newest_first else "ASC"
    order = f"ORDER BY r.created {way}, r.seq {way}"
    page = f"SELECT r.seq FROM {kind}_run r{condition} {order} LIMIT ? OFFSET ?"
    return f" WHERE r.seq IN ({page}) {order}", values


def bounds(limit: int | None, offset: int) -> list[int]:
    """Return which part of a listing to return."""
    return [dialect.NO_LIMIT if limit is None else limit, offset]


def logs_where(where: LogFilter) -> Condition:
    """Return the condition that log lines fit, ready to follow `FIND_LOGS`."""
    return _joined(_log_conditions(where))


def _joined(conditions: Iterator[Condition]) -> Condition:
    found = list(conditions)
    sql = " AND ".join(condition for condition, _ in found)
    return f" WHERE {sql}" if sql else "", [value for _, values in found for value in values]


def _run_conditions(kind: RunKind, where: RunFilter) -> Iterator[Condition]:
    if where.ids:
        yield dialect.ID_IN_LIST, [dialect.id_list(where.ids)]
    if where.flow_run_id is not None:
        yield f"r.{_PARENT[kind]} = ?", [where.flow_run_id.bytes]
    if where.state_types or where.state_names:
        yield _in_states(where)
    if where.after is not None:
        yield "r.created >= ?", [micros(where.after)]
    if where.before is not None:
        yield "r.created < ?", [micros(where.before)]
    for tag in sorted(where.tags):
        yield dialect.HAS_TAG, [tag]
    if where.name is not None:
        yield f"r.name {dialect.LIKE}", [dialect.like(where.name)]
    if where.flow_name is not None:
        yield _FLOW_NAMED[kind].format(like=dialect.LIKE), [dialect.like(where.flow_name)]
    if where.task_name is not None:
        yield _TASK_NAMED[kind].format(like=dialect.LIKE), [dialect.like(where.task_name)]


def _in_states(where: RunFilter) -> Condition:
    types = [str(type_) for type_ in where.state_types]
    names = list(where.state_names)
    marks = [", ".join("?" * len(given)) for given in (types, names)]
    return (
        f"r.state IN (SELECT seq FROM state WHERE type IN ({marks[0]}) OR name IN ({marks[1]}))",
        types + names,
    )


def _log_conditions(where: LogFilter) -> Iterator[Condition]:
    if where.flow_run_id is not None:
        yield "l.flow_run_id = ?", [where.flow_run_id.bytes]
    if where.task_run_id is not None:
        yield "l.task_run_id = ?", [where.task_run_id.bytes]
    yield "l.level >= ?", [where.min_level]
    if where.text is not None:
        yield f"l.message {dialect.LIKE}", [dialect.like(where.text, glob=False)]
