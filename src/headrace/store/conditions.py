"""Which runs, log lines, artifacts and variables are meant: conditions on their fields, joined by and, or and not.

A condition is a value. `filters.py` says in Python what each means, `queries.py` says the same in SQL. Fields are
called as the attributes of records are; `FIELDS` lists them. A field without a value meets no condition. `Not` is met
by whatever does not meet its condition, and so by a field without a value too.

`RunFilter` and `LogFilter` are the short forms for what is asked for most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from headrace.store.wanted import LogFilter, RunFilter, RunKind, ThingKind

Kind = RunKind | Literal["log"] | ThingKind

_RUN_FIELDS: Mapping[str, type] = {
    "id": UUID,
    "name": str,
    "tags": frozenset,
    "state_type": str,
    "state_name": str,
    "created": datetime,
    "expected_start_time": datetime,
    "start_time": datetime,
    "end_time": datetime,
    "total_run_time": timedelta,
    "run_count": int,
}
_CALLED: Mapping[Kind, str] = {
    "flow": "Flow runs",
    "task": "Task runs",
    "log": "Log lines",
    "artifact": "Artifacts",
    "variable": "Variables",
}
#: The fields that may be asked about, with the type of their values.
FIELDS: Mapping[Kind, Mapping[str, type]] = {
    "flow": {
        **_RUN_FIELDS,
        "flow_id": UUID,
        "flow_name": str,
        "flow_version": str,
        "parent_flow_run_id": UUID,
        "parent_task_run_id": UUID,
        "root_flow_run_id": UUID,
        "deployment_id": UUID,
    },
    "task": {
        **_RUN_FIELDS,
        "task_name": str,
        "task_key": str,
        "dynamic_key": str,
        "flow_run_id": UUID,
        "flow_run_run_count": int,
        "child_flow_run_id": UUID,
        "cache_key": str,
    },
    "log": {
        "timestamp": datetime,
        "level": int,
        "message": str,
        "logger": str,
        "flow_run_id": UUID,
        "task_run_id": UUID,
    },
    "artifact": {
        "id": UUID,
        "key": str,
        "type": str,
        "created": datetime,
        "updated": datetime,
        "flow_run_id": UUID,
        "task_run_id": UUID,
    },
    "variable": {
        "id": UUID,
        "name": str,
        "tags": frozenset,
        "created": datetime,
        "updated": datetime,
    },
}


class OneOf(NamedTuple):
    """The field has one of these values."""

    field: str
    values: frozenset[Any]


class Like(NamedTuple):
    """The field holds this text; with `glob`, a pattern with ``*`` or ``?`` is meant for all of it.

    The case of ASCII letters is ignored.
    """

    field: str
    pattern: str
    glob: bool = True


class Between(NamedTuple):
    """The field is at least `least`, at most `most` and below `below`, as far as these are given."""

    field: str
    least: Any = None
    most: Any = None
    below: Any = None


class Known(NamedTuple):
    """The field has a value; the tags of a run are one where there are any."""

    field: str


class Tagged(NamedTuple):
    """The run has this tag."""

    tag: str


class OfFlowRun(NamedTuple):
    """Task runs, and log lines, of a flow run that meets a condition on flow runs."""

    condition: Condition


class WithTaskRun(NamedTuple):
    """Flow runs of whose task runs one meets a condition on task runs."""

    condition: Condition


class NewestOfKey(NamedTuple):
    """Artifacts with a key, of each key the one that came last."""


class Not(NamedTuple):
    """What does not meet a condition."""

    condition: Condition


class AllOf(NamedTuple):
    """What meets all conditions; of none, everything."""

    conditions: tuple[Condition, ...] = ()


class AnyOf(NamedTuple):
    """What meets one of the conditions; of none, nothing."""

    conditions: tuple[Condition, ...] = ()


Condition = OneOf | Like | Between | Known | Tagged | OfFlowRun | WithTaskRun | NewestOfKey | Not | AllOf | AnyOf

EVERYTHING = AllOf()
NOTHING = AnyOf()


def one_of(field: str, values: Iterable[Any]) -> OneOf:
    """Return the condition that a field has one of these values."""
    return OneOf(field, frozenset(values))


def type_of(kind: Kind, field: str) -> type:
    """Return the type of a field's values. Raises ValueError for a field that there is not."""
    try:
        return FIELDS[kind][field]
    except KeyError:
        there = ", ".join(FIELDS[kind])
        raise ValueError(f"{_CALLED[kind]} have no field {field!r} to look for; there are {there}.") from None


def type_compared(kind: Kind, condition: OneOf | Like | Between) -> type:
    """Return the type of the values that a field is compared with. Raises ValueError where that makes no sense."""
    found = type_of(kind, condition.field)
    if found is frozenset:
        raise ValueError("The tags of a run are several: ask for one with Tagged, for any with Known.")
    if isinstance(condition, Like) and found is not str:
        raise ValueError(f"{condition.field!r} holds no text that could be like {condition.pattern!r}.")
    return found


def of_runs(kind: RunKind, where: RunFilter | Condition) -> Condition:
    """Return what is asked of runs as a condition, whichever form it has."""
    return AllOf(tuple(_of_run_filter(kind, where))) if isinstance(where, RunFilter) else where


def within(
    kind: RunKind, where: RunFilter | Condition, begin: datetime, end: datetime, parts: int
) -> tuple[Condition, timedelta]:
    """Return what is asked of runs that were created in a stretch of time, and how long each of its parts is.

    Parts are as long to the microsecond. Raises ValueError for less than one, and for a stretch that has no length.
    """
    if parts < 1 or end <= begin:
        raise ValueError(f"From {begin} to {end} there are no {parts} parts: give at least one, and a later end.")
    width = -((begin - end) // parts)
    return AllOf((of_runs(kind, where), Between("created", least=begin, below=end))), width


def of_logs(where: LogFilter | Condition) -> Condition:
    """Return what is asked of log lines as a condition, whichever form it has."""
    return AllOf(tuple(_of_log_filter(where))) if isinstance(where, LogFilter) else where


def _of_run_filter(kind: RunKind, where: RunFilter) -> Iterable[Condition]:
    if where.ids:
        yield OneOf("id", where.ids)
    if where.flow_run_id is not None:
        yield one_of("parent_flow_run_id" if kind == "flow" else "flow_run_id", [where.flow_run_id])
    if where.state_types or where.state_names:
        yield AnyOf((OneOf("state_type", where.state_types), OneOf("state_name", where.state_names)))
    if where.after is not None or where.before is not None:
        yield Between("created", least=where.after, below=where.before)
    yield from map(Tagged, sorted(where.tags))
    if where.name is not None:
        yield Like("name", where.name)
    if where.flow_name is not None:
        named = Like("flow_name", where.flow_name)
        yield named if kind == "flow" else OfFlowRun(named)
    if where.task_name is not None:
        yield Like("task_name", where.task_name) if kind == "task" else NOTHING


def _of_log_filter(where: LogFilter) -> Iterable[Condition]:
    if where.flow_run_id is not None:
        yield one_of("flow_run_id", [where.flow_run_id])
    if where.task_run_id is not None:
        yield one_of("task_run_id", [where.task_run_id])
    if where.min_level > 0:
        yield Between("level", least=where.min_level)
    if where.text is not None:
        yield Like("message", where.text, glob=False)
