"""Operations as lines of JSON, and back. The two directions are read side by side.

Ids are 32 hexadecimal digits, moments whole microseconds since 1970; what the store keeps as JSON text goes as that
text. Lines are plain ASCII. What follows from a run's states (counters and times) is not said. A value that is new
comes last in its array: who does not know it passes it over, and who does takes None where it is missing.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.states import State
from headrace.store import rows
from headrace.store.columns import unsettled
from headrace.store.later import Later
from headrace.store.operations import Created, Dismissed, Left, Logged, Moved, Operation, Released, Unreadable

if TYPE_CHECKING:
    from headrace.core import things
    from headrace.core.things import ArtifactRecord
else:
    things = Later("headrace.core.things")  # few processes leave artifacts

_write = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


# to lines ------------------------------------------------------------------------------------------------------


def created(run: Run, states: Sequence[State], queue: str | None = None, call: bytes = b"") -> str:
    """Return the line for a new run that has entered these states."""
    head = run.kind, run.id.hex, rows.micros(run.created), rows.micros_or_none(run.expected_start_time)
    own = _own_of_task(run) if isinstance(run, TaskRun) else _own_of_flow(run)
    scheduled = None if queue is None else (queue, b2a_base64(call, newline=False).decode())
    return _write(("create", (head, _given(run), _states(run, states), own, scheduled)))


def moved(run: Run, states: Sequence[State]) -> str:
    """Return the line for states that a run has entered."""
    own = (_hex(run.child_flow_run_id), run.cache_key) if isinstance(run, TaskRun) else None
    given = _given(run) if unsettled(run, states) else None
    return _write(("move", (run.kind, run.id.hex, run.history_length - len(states), _states(run, states), own, given)))


def logged(records: Sequence[LogRecord]) -> str:
    """Return the line for lines of a log."""
    return _write(("log", [record_values(record) for record in records]))


def dismissed(claim: UUID) -> str:
    """Return the line for a claim that is dismissed."""
    return _write(("dismiss", claim.hex))


def released(ticket: UUID) -> str:
    """Return the line for slots that are given back."""
    return _write(("release", ticket.hex))


def left(artifact: ArtifactRecord) -> str:
    """Return the line for an artifact, whose data are what JSON can say."""
    one = artifact
    moments = rows.micros(one.created), rows.micros(one.updated)
    texts = one.key, one.type, one.description
    told = (one.id.hex, *moments, *texts, one.data, one.metadata_, _hex(one.flow_run_id), _hex(one.task_run_id))
    return _write(("artifact", told))


def _given(run: Run) -> tuple[Any, ...]:
    assert isinstance(run, FlowRun | TaskRun)
    inputs = rows.inputs_text(run.task_inputs) if isinstance(run, TaskRun) else None
    return run.name, rows.tags_text(run.tags), rows.parameters_text(run.parameters), inputs


def _own_of_flow(run: Any) -> tuple[Any, ...]:
    return (
        run.flow_name,
        run.flow_id.hex,
        run.flow_version,
        _hex(run.parent_task_run_id),
        _hex(run.parent_flow_run_id),
        _hex(run.root_flow_run_id),
        _hex(run.deployment_id),
        run.entrypoint,
    )


def _own_of_task(run: TaskRun) -> tuple[Any, ...]:
    return (
        run.task_name,
        run.task_key,
        run.dynamic_key,
        _hex(run.flow_run_id),
        run.flow_run_run_count,
        _hex(run.child_flow_run_id),
        run.cache_key,
    )


def _states(run: Run, states: Sequence[State]) -> list[Any]:
    return [(state.type, state.name, *rows.state_columns(run, state)) for state in states]


def record_values(record: LogRecord) -> tuple[Any, ...]:
    """Return a line of a log as plain values."""
    at, level, message, logger, flow_run_id, task_run_id = record
    return rows.micros(at), level, message, logger, _hex(flow_run_id), _hex(task_run_id)


def _hex(identity: UUID | None) -> str | None:
    return None if identity is None else identity.hex


# and back ------------------------------------------------------------------------------------------------------


def operation(told: Any) -> Operation:
    """Return what a line tells, given what its JSON says; `Unreadable` for anything that is no operation."""
    try:
        what, values = told
        return _READ[what](values)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        return Unreadable(f"{type(error).__name__}: {error}"[:300])


def _first(values: Sequence[Any], many: int) -> tuple[Any, ...]:
    """Return the first values of some, None for those that whoever told them did not know of yet."""
    if not isinstance(values, list):
        raise TypeError(f"an array is wanted, not {values!r:.100}")
    return (*values[:many], *[None] * (many - len(values)))


def _created(values: Any) -> Created:
    head, given, states, own, scheduled = _first(values, 5)
    kind, run_id, at, expected_at = _first(head, 4)
    common = {
        "id": identity(run_id),
        "created": moment(at),
        "expected_start_time": _or_none(moment, expected_at),
        **_read_given(kind, given),
    }
    run = _READ_RUN[kind](common, own)
    queue, call = scheduled or (None, "")
    return Created(run, _read_states(states), _or_none(text, queue), a2b_base64(text(call), strict_mode=True))


def _flow_run(common: Mapping[str, Any], own: Sequence[Any]) -> Run:
    name, flow_id, version, parent_task_run, parent_flow_run, root, deployment, entrypoint = _first(own, 8)
    return FlowRun(
        **common,
        flow_name=text(name),
        flow_id=identity(flow_id),
        flow_version=_or_none(text, version),
        parent_task_run_id=_or_none(identity, parent_task_run),
        parent_flow_run_id=_or_none(identity, parent_flow_run),
        root_flow_run_id=_or_none(identity, root),
        deployment_id=_or_none(identity, deployment),
        entrypoint=_or_none(text, entrypoint),
    )


def _task_run(common: Mapping[str, Any], own: Sequence[Any]) -> Run:
    name, key, dynamic_key, flow_run_id, attempt, child, cache_key = _first(own, 7)
    return TaskRun(
        **common,
        task_name=text(name),
        task_key=text(key),
        dynamic_key=text(dynamic_key),
        flow_run_id=_or_none(identity, flow_run_id),
        flow_run_run_count=number(attempt),
        child_flow_run_id=_or_none(identity, child),
        cache_key=_or_none(text, cache_key),
    )


_READ_RUN: Mapping[str, Callable[[Mapping[str, Any], Sequence[Any]], Run]] = {"flow": _flow_run, "task": _task_run}


def _moved(values: Any) -> Moved:
    kind, run_id, expected, states, own, given = _first(values, 6)
    if kind not in _READ_RUN:
        raise ValueError(f"{kind!r} is no kind of run")
    written = _read_given(kind, given) if given is not None else {}
    if kind == "task":
        child, cache_key = _first(own, 2)
        written["child_flow_run_id"], written["cache_key"] = _or_none(identity, child), _or_none(text, cache_key)
    return Moved(kind, identity(run_id), number(expected), _read_states(states), written)


def _read_given(kind: str, values: Any) -> dict[str, Any]:
    name, tags, parameters, inputs = _first(values, 4)
    given: dict[str, Any] = {
        "name": text(name),
        "tags": rows.tags(_or_none(text, tags)),
        "parameters": rows.Written(_or_none(text, parameters)),
    }
    if not all(isinstance(tag, str) for tag in given["tags"]):
        raise TypeError("the tags of a run are texts")
    if kind == "task":
        given["task_inputs"] = rows.inputs(_or_none(text, inputs))
    return given


def _logged(values: Any) -> Logged:
    return Logged([record_of(one) for one in values])


def record_of(values: Any) -> LogRecord:
    """Return a line of a log. Raises ValueError or TypeError for what is none."""
    at, level, message, logger, flow_run_id, task_run_id = values
    return LogRecord(
        moment(at),
        number(level),
        text(message),
        text(logger),
        _or_none(identity, flow_run_id),
        _or_none(identity, task_run_id),
    )


def _left(values: Any) -> Left:
    artifact_id, created, updated, key, type_, description, data, metadata, flow_run_id, task_run_id = values
    return Left(
        things.ArtifactRecord(
            id=identity(artifact_id),
            created=moment(created),
            updated=moment(updated),
            key=_or_none(text, key),
            type=_or_none(text, type_),
            description=_or_none(text, description),
            data=data,
            metadata_=_or_none(dict, metadata),
            flow_run_id=_or_none(identity, flow_run_id),
            task_run_id=_or_none(identity, task_run_id),
        )
    )


def _read_states(values: Any) -> list[State]:
    return [_state(*one) for one in values]


def _state(type_: Any, name: Any, at: Any, message: Any, details: Any) -> State:
    if type(at) is not int:
        raise TypeError(f"a moment is wanted, not {at!r:.100}")
    return rows.free_state(type_, text(name), at, _or_none(text, message), _or_none(text, details))


def text(value: Any) -> str:
    """Return a text. Raises TypeError for anything else."""
    if type(value) is not str:
        raise TypeError(f"a text is wanted, not {value!r:.100}")
    return value


def number(value: Any) -> int:
    """Return a whole number from 0 to that of a day's milliseconds. Raises TypeError or ValueError."""
    if type(value) is not int:
        raise TypeError(f"a number is wanted, not {value!r:.100}")
    if not 0 <= value <= _MOST:
        raise ValueError(f"{value} is out of range")
    return value


_MOST = 2**31 - 1


def moment(value: Any) -> datetime:
    """Return a moment. Raises TypeError, ValueError or OverflowError."""
    if type(value) is not int:
        raise TypeError(f"a moment is wanted, not {value!r:.100}")
    return rows.moment(value)


def identity(value: Any) -> UUID:
    """Return an id. Raises TypeError or ValueError."""
    if type(value) is not str or len(value) != 32:
        raise TypeError(f"an id is wanted, not {value!r:.100}")
    return UUID(bytes=bytes.fromhex(value))


def _or_none(read: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else read(value)


_READ: Mapping[str, Callable[[Any], Operation]] = {
    "create": _created,
    "move": _moved,
    "log": _logged,
    "dismiss": lambda claim: Dismissed(identity(claim)),
    "artifact": _left,
    "release": lambda ticket: Released(identity(ticket)),
}
