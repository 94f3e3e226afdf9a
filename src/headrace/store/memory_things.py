"""Artifacts and variables in memory. What changes is made anew and put in place at once, whatever interrupts."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.exceptions import ObjectAlreadyExists
from headrace.store.conditions import EVERYTHING, Condition
from headrace.store.filters import Around, in_order, predicate
from headrace.store.protocol import OLDEST, Order, ThingKind, check_sortable
from headrace.store.thing_rows import check_changes, json_text

T = TypeVar("T", ArtifactRecord, VariableRecord)


class ThingsInMemory:
    """The part of a store that keeps artifacts and variables. See `Store` for what its methods promise."""

    _lock: threading.Lock
    #: Both in order of arrival.
    _artifacts: dict[UUID, ArtifactRecord]
    _variables: dict[UUID, VariableRecord]

    def create_artifact(self, artifact: ArtifactRecord) -> None:
        """Keep an artifact."""
        with self._lock:
            self._check_open()
            self._keep(artifact)

    def _keep(self, artifact: ArtifactRecord) -> None:
        kept = artifact.changed(_own({"data": artifact.data, "metadata_": artifact.metadata_}))
        if artifact.id in self._artifacts:
            raise ObjectAlreadyExists(f"There is an artifact {artifact.id} already.")
        if kept.flow_run_id is None:
            kept = kept.changed({"flow_run_id": self._flow_run_of(kept.task_run_id)})
        self._artifacts = self._artifacts | {artifact.id: kept}

    def update_artifact(self, artifact_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some fields of an artifact."""
        check_changes("artifact", changes)
        with self._lock:
            self._check_open()
            self._artifacts, changed = _changed(self._artifacts, artifact_id, changes, now)
            return changed

    def artifacts(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[ArtifactRecord]:
        """Return the artifacts that fit, in this order."""
        with self._lock:
            self._check_open()
            return self._listed("artifact", self._artifacts.values(), where, order, limit, offset)

    def count_artifacts(self, where: Condition | None = None) -> int:
        """Return how many artifacts fit."""
        return len(self.artifacts(where))

    def delete_artifact(self, artifact_id: UUID) -> bool:
        """Remove an artifact."""
        with self._lock:
            self._check_open()
            self._artifacts, there = _without(self._artifacts, artifact_id)
            return there

    def put_variable(self, variable: VariableRecord, *, overwrite: bool = False) -> VariableRecord:
        """Keep a variable, and return it as it is kept."""
        with self._lock:
            self._check_open()
            other = self._named(variable.name)
            if other is not None and not overwrite:
                raise ObjectAlreadyExists(f"There is a variable {variable.name!r} already.")
            kept = variable if other is None else variable.changed({"id": other.id, "created": other.created})
            kept = kept.changed(_own({"value": variable.value}))
            self._variables = self._variables | {kept.id: kept}
            return _read(kept)

    def update_variable(self, variable_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some fields of a variable."""
        check_changes("variable", changes)
        with self._lock:
            self._check_open()
            other = self._named(changes.get("name"))
            if other is not None and other.id != variable_id and variable_id in self._variables:
                raise ObjectAlreadyExists(f"There is a variable {other.name!r} already.")
            self._variables, changed = _changed(self._variables, variable_id, changes, now)
            return changed

    def variables(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[VariableRecord]:
        """Return the variables that fit, in this order."""
        with self._lock:
            self._check_open()
            return self._listed("variable", self._variables.values(), where, order, limit, offset)

    def count_variables(self, where: Condition | None = None) -> int:
        """Return how many variables fit."""
        return len(self.variables(where))

    def delete_variable(self, variable_id: UUID) -> bool:
        """Remove a variable."""
        with self._lock:
            self._check_open()
            self._variables, there = _without(self._variables, variable_id)
            return there

    def _named(self, name: str | None) -> VariableRecord | None:
        return next((each for each in self._variables.values() if each.name == name), None)

    def _newest_of_keys(self) -> Collection[UUID]:
        return {artifact.key: artifact.id for artifact in self._artifacts.values() if artifact.key is not None}.values()

    def _forget_artifacts(self, run_ids: Collection[UUID]) -> None:
        self._artifacts = {
            artifact_id: artifact
            for artifact_id, artifact in self._artifacts.items()
            if artifact.flow_run_id not in run_ids and artifact.task_run_id not in run_ids
        }

    def _listed(
        self, kind: ThingKind, kept: Iterable[T], where: Condition | None, order: Order, limit: int | None, offset: int
    ) -> list[T]:
        check_sortable(order, kind)
        fits = predicate(kind, EVERYTHING if where is None else where, self._around())
        found = in_order(zip(count(), filter(fits, kept), strict=False), order, None, lambda _: None)
        return [_read(thing) for thing in (found[offset:] if limit is None else found[offset : offset + limit])]

    def _around(self) -> Around:
        raise NotImplementedError

    def _flow_run_of(self, task_run_id: UUID | None) -> UUID | None:
        raise NotImplementedError

    def _check_open(self) -> None:
        """Raise StoreError where the store was closed."""
        raise NotImplementedError


def _own(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as copies that are nobody else's, as JSON tells them."""
    own = {name: json.loads(json_text(value)) for name, value in values.items()}
    return own | ({"tags": tuple(own["tags"])} if "tags" in own else {})


def _read(thing: T) -> T:
    """Return what is kept as a copy of the reader's own."""
    name = "data" if isinstance(thing, ArtifactRecord) else "value"
    return thing.changed(_own({name: getattr(thing, name)}))


def _changed(
    things: dict[UUID, T], thing_id: UUID, changes: Mapping[str, Any], now: datetime
) -> tuple[dict[UUID, T], bool]:
    if thing_id not in things:
        return things, False
    return things | {thing_id: things[thing_id].changed({**_own(changes), "updated": now})}, True


def _without(things: dict[UUID, T], thing_id: UUID) -> tuple[dict[UUID, T], bool]:
    return {other: thing for other, thing in things.items() if other != thing_id}, thing_id in things
