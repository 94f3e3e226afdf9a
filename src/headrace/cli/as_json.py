"""What is printed with ``--json``, as we promise it: fields may be added, and none changes its meaning.

Ids are strings, moments are ISO 8601 in UTC with microseconds and a final Z, durations are seconds. A field
without a value is null, never missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.states import State
from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.core.timeline import Row
from headrace.store.protocol import ConcurrencyLimit, Lease, LogRecord, SeenFlow

Json = dict[str, object]


def moment(value: datetime | None) -> str | None:
    """Return a moment as ``2026-03-01T12:00:00.000000Z``."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None


def state(value: State | None) -> Json | None:
    """Return a state: type, name, message, timestamp."""
    if value is None:
        return None
    return {
        "type": value.type.value,
        "name": value.name,
        "message": value.message,
        "timestamp": moment(value.timestamp),
    }


def run(value: Run) -> Json:
    """Return a run. `kind` is "flow" or "task"; the rest is as on the records, times in seconds."""
    common: Json = {
        "id": str(value.id),
        "kind": value.kind,
        "name": value.name,
        "state": state(value.state),
        "created": moment(value.created),
        "start_time": moment(value.start_time),
        "end_time": moment(value.end_time),
        "total_run_time_seconds": value.total_run_time.total_seconds(),
        "run_count": value.run_count,
        "tags": sorted(value.tags),
    }
    if isinstance(value, FlowRun):
        return common | _of_flow_run(value)
    return common | _of_task_run(value) if isinstance(value, TaskRun) else common


def _of_flow_run(value: FlowRun) -> Json:
    return {
        "flow_name": value.flow_name,
        "flow_version": value.flow_version,
        "parent_flow_run_id": _id(value.parent_flow_run_id),
        "parent_task_run_id": _id(value.parent_task_run_id),
        "parameters": plain(value.parameters),
        "deployment_id": _id(value.deployment_id),
        "entrypoint": value.entrypoint,
    }


def _of_task_run(value: TaskRun) -> Json:
    return {
        "task_name": value.task_name,
        "flow_run_id": _id(value.flow_run_id),
        "flow_run_run_count": value.flow_run_run_count,
        "child_flow_run_id": _id(value.child_flow_run_id),
        "task_inputs": {name: [str(item) for item in items] for name, items in value.task_inputs.items()},
    }


def story(value: Run, history: Sequence[State], rows: Sequence[Row]) -> Json:
    """Return a run with its history, and the rows of its timeline after its own."""
    return run(value) | {
        "history": [state(item) for item in history],
        "timeline": [row(item) for item in rows[1:]],
    }


def row(value: Row) -> Json:
    """Return one row of a timeline; times count from the first state of the run that was asked for."""
    return {
        "id": str(value.id),
        "kind": value.kind,
        "name": value.name,
        "depth": value.depth,
        "state_type": value.state_type.value if value.state_type else None,
        "state_name": value.state_name,
        "message": value.message,
        "attempts": value.attempts,
        "offset_seconds": _seconds(value.offset),
        "duration_seconds": _seconds(value.duration),
        "segments": [
            {
                "state_type": segment.type.value,
                "state_name": segment.name,
                "start_seconds": _seconds(segment.start),
                "end_seconds": _seconds(segment.end),
            }
            for segment in value.segments
        ],
    }


def _seconds(value: float | None) -> float | None:
    """Round away what is below the microsecond that moments are told to."""
    return None if value is None else round(value, 6)


def log(value: LogRecord) -> Json:
    """Return one line of a log; `level` is the number of the logging module."""
    return {
        "timestamp": moment(value.timestamp),
        "level": value.level,
        "message": value.message,
        "logger": value.logger,
        "flow_run_id": _id(value.flow_run_id),
        "task_run_id": _id(value.task_run_id),
    }


def limit(value: ConcurrencyLimit) -> Json:
    """Return a concurrency limit; `active_slots` is how many are taken, decay included."""
    return {
        "name": value.name,
        "limit": value.limit,
        "active": value.active,
        "slot_decay_per_second": value.slot_decay_per_second,
        "active_slots": value.active_slots,
    }


def flow(value: SeenFlow, runs: int, latest: FlowRun | None) -> Json:
    """Return a flow that has runs; `latest_run` is the newest of them."""
    return {
        "id": str(value.id),
        "name": value.name,
        "runs": runs,
        "latest": moment(value.latest),
        "latest_run": run(latest) if latest is not None else None,
    }


def artifact(value: ArtifactRecord) -> Json:
    """Return an artifact; `data` is as it was kept."""
    return {
        "id": str(value.id),
        "key": value.key,
        "type": value.type,
        "description": value.description,
        "data": value.data,
        "metadata": value.metadata_,
        "flow_run_id": _id(value.flow_run_id),
        "task_run_id": _id(value.task_run_id),
        "created": moment(value.created),
        "updated": moment(value.updated),
    }


def variable(value: VariableRecord) -> Json:
    """Return a variable."""
    return {
        "id": str(value.id),
        "name": value.name,
        "value": value.value,
        "tags": list(value.tags),
        "created": moment(value.created),
        "updated": moment(value.updated),
    }


def lease(value: Lease) -> Json:
    """Return who holds, or waits for, slots of a limit."""
    return {
        "holder": value.holder,
        "holder_run_id": _id(value.holder_run_id),
        "occupy": value.occupy,
        "since": moment(value.since),
        "expires_at": moment(value.expires_at),
        "waiting": value.waiting,
    }


def plain(value: object) -> object:
    """Return a value as JSON can hold it; what it can't is written as its repr."""
    return json.loads(json.dumps(value, default=_plain_or_repr))


def _plain_or_repr(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value) if value.tzinfo else value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return dict(value) if hasattr(value, "keys") and hasattr(value, "__getitem__") else repr(value)
