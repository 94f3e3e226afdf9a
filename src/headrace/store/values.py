"""What a store is asked and what it answers, as JSON: every type that the protocol speaks of, and no other.

JSON's own values are themselves, arrays are lists. Anything else is an object of two: ``{"$": type, "v": value}``.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from headrace.core import limits
from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.state_details import NO_DETAILS
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.store import conditions, lines, operations, protocol, rows, wanted

#: Tuples with names, which are told field by field.
_NAMED: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        *get_args(conditions.Condition),
        *(wanted.RunFilter, wanted.LogFilter, wanted.Order, wanted.Place),
        *(limits.SlotRequest, limits.Granted, limits.Queued, limits.Impossible),
        *(protocol.ConcurrencyLimit, protocol.Lease, protocol.Claimed, protocol.Idle, protocol.SeenFlow),
        *(operations.Delivery, operations.Ingested, operations.Refusal),
    )
}
#: Dataclasses, which are told by name.
_RECORDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (ArtifactRecord, VariableRecord)}


def dumps(value: Any) -> bytes:
    """Return a value as JSON. Raises TypeError for one of a type that stores do not speak of."""
    return json.dumps(told(value), separators=(",", ":")).encode()


def loads(text: bytes) -> Any:
    """Return the value that `dumps` made JSON of. Raises ValueError or TypeError for anything else."""
    return read(json.loads(text))


def told(value: Any) -> Any:
    """Return a value in JSON's own types."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return [told(one) for one in value]
    if kind.__name__ in _NAMED:
        return {"$": kind.__name__, "v": [told(one) for one in value]}
    if kind.__name__ in _RECORDS:
        return {"$": kind.__name__, "v": {field: told(getattr(value, field)) for field in kind.FIELDS}}
    for base, name, tell in _TELL:
        if isinstance(value, base) and not (base is tuple and kind is not tuple):
            return {"$": name, "v": tell(value)}
    raise TypeError(f"No store is asked about, or answers, {value!r:.200}, a {kind.__name__}.")


def read(value: Any) -> Any:
    """Return what was told. Raises ValueError or TypeError for what can't have been."""
    if isinstance(value, list):
        return [read(one) for one in value]
    if not isinstance(value, dict):
        return value
    name, inner = str(value.get("$")), value.get("v")
    if name in _NAMED:
        return _NAMED[name](*read(inner))
    if name in _RECORDS and isinstance(inner, dict):
        return _RECORDS[name](**{field: read(one) for field, one in inner.items()})
    reader = _READ.get(name)
    if reader is None:
        raise ValueError(f"There is no type {name!r} among what stores speak of.")
    return reader(inner)


def _tell_state(state: State) -> list[Any]:
    details = state.state_details
    plain = [
        str(state.type),
        state.name,
        rows.micros_or_none(state.timestamp),
        state.message,
        rows.details_text(details),
    ]
    place = state._id
    owner = [told(details.flow_run_id), told(details.task_run_id)]
    return [*plain, [told(place[0]), place[1], *owner] if isinstance(place, tuple) else None]


def _read_state(values: Any) -> State:
    type_name, name, at, message, details, place = values
    if place is None:
        read_details = rows.free_state(type_name, name, at or 0, message, details).state_details
        return unstamped(StateType(type_name), name, rows.moment_or_none(at), message, None, read_details or NO_DETAILS)
    run_id, position, flow_run_id, task_run_id = read(place)
    owner = rows.blob(flow_run_id), rows.blob(task_run_id)
    return rows.state(run_id, (position, type_name, name, at, message, details, *owner))


def _tell_run(run: Run) -> list[Any]:
    made = json.loads(lines.created(run, ()))[1]
    moving = [
        run.history_length,
        run.run_count,
        rows.micros_or_none(run.start_time),
        rows.micros_or_none(run.end_time),
        rows.span(run.total_run_time),
    ]
    return [made, moving, told(run.state)]


def _read_run(values: Any) -> Run:
    made, (length, run_count, start, end, total), state = values
    read_made = lines.operation(["create", made])
    if not isinstance(read_made, operations.Created):
        raise ValueError(f"This is no run: {read_made}")
    run = read_made.run
    run.history_length, run.run_count = length, run_count
    run.start_time, run.end_time = rows.moment_or_none(start), rows.moment_or_none(end)
    run.total_run_time = timedelta(microseconds=total)
    run.state = read(state)
    assert isinstance(run, FlowRun | TaskRun)
    run.parameters = dict(run.parameters)
    return run


def _as_list(values: Any) -> list[Any]:
    return [told(one) for one in values]


def _tell_entries(entries: Mapping[Any, Any]) -> list[Any]:
    return [[told(key), told(value)] for key, value in entries.items()]


#: The first that fits: a state type is a text, too.
_TELL: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (StateType, "type", str),
    (UUID, "id", lambda value: value.hex),
    (datetime, "moment", rows.micros),
    (timedelta, "span", rows.span),
    (bytes, "bytes", lambda value: b64encode(value).decode()),
    (str, "text", str.__str__),
    (State, "state", _tell_state),
    (Run, "run", _tell_run),
    (LogRecord, "line", lines.record_values),
    (frozenset, "frozenset", _as_list),
    (set, "set", _as_list),
    (dict, "dict", _tell_entries),
    (tuple, "tuple", _as_list),
)
_READ: Mapping[str, Callable[[Any], Any]] = {
    "type": StateType,
    "id": lines.identity,
    "moment": lines.moment,
    "span": lambda micros: timedelta(microseconds=micros),
    "bytes": lambda value: b64decode(value, validate=True),
    "text": lines.text,
    "state": _read_state,
    "run": _read_run,
    "line": lines.record_of,
    "frozenset": lambda values: frozenset(map(read, values)),
    "set": lambda values: set(map(read, values)),
    "dict": lambda entries: {read(key): read(value) for key, value in entries},
    "tuple": lambda values: tuple(map(read, values)),
}
