"""Rows of the database to values, and back. Pure, and the same for every SQL back end.

The order of the tuples is that of the columns in `statements.py`; the two are read side by side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from headrace.core.codec import to_json
from headrace.core.kept import NOT_KEPT, Kept
from headrace.core.records import FlowRun, Run, TaskInputs, TaskRun
from headrace.core.state_details import NO_DETAILS, StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.store.protocol import LogRecord

Row = tuple[Any, ...]

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Whose a state is follows from its run, and is not kept.
_OWNER = ("flow_run_id", "task_run_id")
_SILENT = [(name, getattr(NO_DETAILS, name)) for name in StateDetails.__match_args__ if name not in _OWNER]
_TYPES: Mapping[str, StateType] = {str(type_): type_ for type_ in StateType}  # five times as quick as StateType(...)
_MOMENTS = ("scheduled_time", "cache_expiration", "pause_timeout")


# values --------------------------------------------------------------------------------------------------


def micros(moment: datetime) -> int:
    """Return a moment as whole microseconds since 1970."""
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def micros_or_none(moment: datetime | None) -> int | None:
    """Return a moment as microseconds; None stays None."""
    if moment is None:
        return None
    return (moment - _EPOCH) // _MICROSECOND


def moment(stamp: int) -> datetime:
    """Return the moment that `micros` made a number of."""
    return _EPOCH + timedelta(microseconds=stamp)


def moment_or_none(stamp: int | None) -> datetime | None:
    """Return a moment; None stays None."""
    return None if stamp is None else moment(stamp)


def span(time: timedelta) -> int:
    """Return a length of time in whole microseconds."""
    return (time.days * 86_400 + time.seconds) * 1_000_000 + time.microseconds


def blob(identity: UUID | None) -> bytes | None:
    """Return the bytes of an id; None stays None."""
    return None if identity is None else identity.bytes


def uuid_or_none(raw: bytes | None) -> UUID | None:
    """Return an id from its bytes; None stays None."""
    return None if raw is None else UUID(bytes=raw)


# what a run was given ------------------------------------------------------------------------------------


def tags_text(names: frozenset[str]) -> str | None:
    """Return tags as a sorted JSON array; None for no tags."""
    return json.dumps(sorted(names), separators=(",", ":")) if names else None


class Written(dict[str, Any]):
    """Parameters that were made a text of elsewhere: that text is kept as it is."""

    __slots__ = ("text",)

    def __init__(self, text: str | None) -> None:
        self.text = text
        super().__init__(json.loads(text) if text else {})


def parameters_text(parameters: Mapping[str, Any]) -> str | None:
    """Return parameters as a JSON object, for people; None for no parameters."""
    if type(parameters) is Written:
        return parameters.text
    return to_json(parameters) if parameters else None


def inputs_text(sources: TaskInputs) -> str | None:
    """Return task inputs as JSON; None for no inputs."""
    if not sources:
        return None
    said = {name: [str(run_id) for run_id in ids] for name, ids in sources.items()}
    return json.dumps(said, separators=(",", ":"))


def tags(text: str | None) -> frozenset[str]:
    """Return the tags that `tags_text` made a text of."""
    return frozenset(json.loads(text)) if text else frozenset()


def _parameters(text: str | None) -> dict[str, Any]:
    return json.loads(text) if text else {}


def inputs(text: str | None) -> dict[str, list[UUID]]:
    """Return the task inputs that `inputs_text` made a text of."""
    return {name: [UUID(run_id) for run_id in ids] for name, ids in json.loads(text).items()} if text else {}


# states --------------------------------------------------------------------------------------------------


def details_text(details: StateDetails) -> str | None:
    """Return what is said in the details of a state as JSON; None where nothing is."""
    if not details:
        return None
    said = {name: value for name, silent in _SILENT if (value := getattr(details, name)) != silent}
    return json.dumps(said, default=_said, separators=(",", ":"))


def _said(value: UUID | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@lru_cache(maxsize=16)
def _owned(flow_run_id: bytes | None, task_run_id: bytes | None) -> StateDetails:
    """Return details that say whose a state is and no more: one object for all states of a run."""
    return StateDetails(uuid_or_none(flow_run_id), uuid_or_none(task_run_id))


def _details(text: str | None, owned: StateDetails) -> StateDetails:
    if not text:
        return owned
    said = json.loads(text)
    if "child_flow_run_id" in said:
        said["child_flow_run_id"] = UUID(said["child_flow_run_id"])
    said.update((name, datetime.fromisoformat(said[name])) for name in _MOMENTS if name in said)
    return owned._replace(**{name: value for name, value in said.items() if name not in _OWNER})


def state(run_id: UUID, row: Sequence[Any]) -> State:
    """Return a state from (position, type, name, timestamp, message, details, its flow run, its task run)."""
    position, type_name, name, timestamp, message, text, flow_run_id, task_run_id = row
    type_ = _TYPES[type_name]
    details = _details(text, _owned(flow_run_id, task_run_id))
    data = _data(type_, details)
    return unstamped(type_, name, moment_or_none(timestamp), message, data, details, (run_id, position))


def free_state(type_name: str, name: str, timestamp: int, message: str | None, text: str | None) -> State:
    """Return a state that no run has entered, from what a history says of it. Raises KeyError for an unknown type."""
    type_ = _TYPES[type_name]
    details = _details(text, NO_DETAILS)
    return unstamped(type_, name, moment(timestamp), message, _data(type_, details), details)


def _data(type_: StateType, details: StateDetails) -> object:
    if details.result_key is not None:
        return Kept(details.result_key, details.result_storage)
    return NOT_KEPT if type_ is StateType.COMPLETED else None


# runs ----------------------------------------------------------------------------------------------------


def moving(run: Run, state: int) -> Row:
    """Return the columns that every transition writes; `state` is the number of the standing state's name."""
    return (
        run.history_length,
        run.run_count,
        micros_or_none(run.start_time),
        micros_or_none(run.end_time),
        span(run.total_run_time),
        state,
    )


def start_of(run: Run) -> Row:
    """Return the columns of a new run that come before those that move."""
    return (run.id.bytes, micros(run.created), micros_or_none(run.expected_start_time), run.name)


def flow_columns(run: FlowRun, flow: int) -> Row:
    """Return the columns of a new flow run that come after those that move."""
    return (
        tags_text(run.tags),
        parameters_text(run.parameters),
        flow,
        run.flow_version,
        blob(run.parent_task_run_id),
        blob(run.parent_flow_run_id),
        blob(run.root_flow_run_id),
        blob(run.deployment_id),
        run.entrypoint,
    )


def task_columns(run: TaskRun, task: int) -> Row:
    """Return the columns of a new task run that come after those that move."""
    return (
        tags_text(run.tags),
        parameters_text(run.parameters),
        inputs_text(run.task_inputs),
        task,
        run.dynamic_key,
        blob(run.flow_run_id),
        run.flow_run_run_count,
        blob(run.child_flow_run_id),
        run.cache_key,
    )


def flow_moving(run: FlowRun) -> Row:
    """Return the further columns that a transition of a flow run writes: none."""
    return ()


def task_moving(run: TaskRun) -> Row:
    """Return the further columns that a transition of a task run writes."""
    return (blob(run.child_flow_run_id), run.cache_key)


def flow_given(run: FlowRun) -> Row:
    """Return the columns of what a flow run was given."""
    return (run.name, tags_text(run.tags), parameters_text(run.parameters))


def task_given(run: TaskRun) -> Row:
    """Return the columns of what a task run was given."""
    return (run.name, tags_text(run.tags), parameters_text(run.parameters), inputs_text(run.task_inputs))


def state_columns(run: Run, state: State) -> Row:
    """Return what a history says of a state of this run, beside its position and number."""
    details = state.state_details
    said = None if details is run.own_details else details_text(details)
    return (micros_or_none(state.timestamp), state.message, said)


def flow_run(row: Row) -> FlowRun:
    """Return a flow run from a row of `FLOW.find`."""
    (*common, flow_name, flow_id, version, parent_task_run, parent_flow_run, root, deployment, entrypoint) = row
    return FlowRun(
        flow_name=flow_name,
        flow_id=UUID(bytes=flow_id),
        flow_version=version,
        parent_task_run_id=uuid_or_none(parent_task_run),
        parent_flow_run_id=uuid_or_none(parent_flow_run),
        root_flow_run_id=uuid_or_none(root),
        deployment_id=uuid_or_none(deployment),
        entrypoint=entrypoint,
        **_common(common),
    )


def task_run(row: Row) -> TaskRun:
    """Return a task run from a row of `TASK.find`."""
    (*common, task_name, task_key, dynamic_key, flow_run_id, flow_run_run_count, inputs_, child, cache_key) = row
    return TaskRun(
        task_name=task_name,
        task_key=task_key,
        dynamic_key=dynamic_key,
        flow_run_id=uuid_or_none(flow_run_id),
        flow_run_run_count=flow_run_run_count,
        task_inputs=inputs(inputs_),
        child_flow_run_id=uuid_or_none(child),
        cache_key=cache_key,
        **_common(common),
    )


def _common(row: Sequence[Any]) -> dict[str, Any]:
    run_id = UUID(bytes=row[0])
    return {
        "id": run_id,
        "created": moment(row[1]),
        "expected_start_time": moment_or_none(row[2]),
        "name": row[3],
        "history_length": row[4],
        "run_count": row[5],
        "start_time": moment_or_none(row[6]),
        "end_time": moment_or_none(row[7]),
        "total_run_time": timedelta(microseconds=row[8]),
        "tags": tags(row[9]),
        "parameters": _parameters(row[10]),
        "state": state(run_id, row[11:19]),
    }


# logs ----------------------------------------------------------------------------------------------------


def log_row(record: LogRecord, logger: int) -> Row:
    """Return the values that `append_logs` takes; the task run comes twice, to find its flow run."""
    task_run_id = blob(record.task_run_id)
    return (
        micros(record.timestamp),
        record.level,
        record.message,
        logger,
        blob(record.flow_run_id),
        task_run_id,
        task_run_id,
    )


def log_record(row: Row) -> LogRecord:
    """Return a log line from (timestamp, level, message, logger, flow run, task run)."""
    timestamp, level, message, logger, flow_run_id, task_run_id = row
    return LogRecord(moment(timestamp), level, message, logger, uuid_or_none(flow_run_id), uuid_or_none(task_run_id))
