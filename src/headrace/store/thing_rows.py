"""Artifacts and variables to rows, and back; and the changes of one. Pure, and the same for every SQL back end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from headrace.core.things import ARTIFACT_CHANGES, VARIABLE_CHANGES, ArtifactRecord, VariableRecord
from headrace.store.protocol import ThingKind
from headrace.store.rows import Row, blob, micros, moment, uuid_or_none


def json_text(value: Any) -> str:
    """Return JSON in plain ASCII, which every database takes. Raises TypeError or ValueError for what is none."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def tags_text(tags: Iterable[str]) -> str | None:
    """Return tags as a JSON array, in their order; None for no tags."""
    return json_text(list(tags)) if tags else None


def artifact_row(artifact: ArtifactRecord) -> Row:
    """Return the values that `ADD_ARTIFACT` takes; the task run comes twice, to find its flow run."""
    task_run_id = blob(artifact.task_run_id)
    return (
        artifact.id.bytes,
        artifact.key,
        artifact.type,
        artifact.description,
        json_text(artifact.data),
        json_text(artifact.metadata_),
        blob(artifact.flow_run_id),
        task_run_id,
        task_run_id,
        micros(artifact.created),
        micros(artifact.updated),
    )


def artifact(row: Row) -> ArtifactRecord:
    """Return an artifact from a row of `FIND_ARTIFACTS`."""
    artifact_id, key, type_, description, data, metadata, flow_run_id, task_run_id, created, updated = row
    return ArtifactRecord(
        id=UUID(bytes=artifact_id),
        key=key,
        type=type_,
        description=description,
        data=json.loads(data),
        metadata_=json.loads(metadata),
        flow_run_id=uuid_or_none(flow_run_id),
        task_run_id=uuid_or_none(task_run_id),
        created=moment(created),
        updated=moment(updated),
    )


def variable_row(variable: VariableRecord) -> Row:
    """Return the values that `ADD_VARIABLE` takes."""
    return (
        variable.id.bytes,
        variable.name,
        json_text(variable.value),
        tags_text(variable.tags),
        micros(variable.created),
        micros(variable.updated),
    )


def variable(row: Row) -> VariableRecord:
    """Return a variable from a row of `FIND_VARIABLES`."""
    variable_id, name, value, tags, created, updated = row
    return VariableRecord(
        id=UUID(bytes=variable_id),
        name=name,
        value=json.loads(value),
        tags=tuple(json.loads(tags)) if tags else (),
        created=moment(created),
        updated=moment(updated),
    )


_CHANGES: Mapping[ThingKind, tuple[str, ...]] = {"artifact": ARTIFACT_CHANGES, "variable": VARIABLE_CHANGES}
_WRITTEN: Mapping[str, Callable[[Any], Any]] = {
    "data": json_text,
    "metadata_": json_text,
    "value": json_text,
    "tags": tags_text,
}


def check_changes(kind: ThingKind, changes: Mapping[str, Any]) -> None:
    """Raise ValueError for a field that may not be changed."""
    for name in changes:
        if name not in _CHANGES[kind]:
            raise ValueError(f"{name!r} of a kept {kind} can't be changed; {', '.join(_CHANGES[kind])} can.")


def changes_row(changes: Mapping[str, Any]) -> Row:
    """Return changes as the values of their columns."""
    return tuple(_WRITTEN.get(name, _as_it_is)(value) for name, value in changes.items())


def _as_it_is(value: Any) -> Any:
    return value
