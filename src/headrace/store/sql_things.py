"""Artifacts and variables in an SQL database, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.exceptions import ObjectAlreadyExists
from headrace.store import rows
from headrace.store import statements as sql
from headrace.store.later import Later
from headrace.store.link import Execute, Link, Taken
from headrace.store.protocol import OLDEST, Order, ThingKind

if TYPE_CHECKING:
    from headrace.core.things import ArtifactRecord, VariableRecord
    from headrace.store import conditions, thing_rows
    from headrace.store.conditions import Condition
    from headrace.store.queries import Queries
else:
    conditions, thing_rows = Later("headrace.store.conditions"), Later("headrace.store.thing_rows")


class ThingTables:
    """The part of a store that keeps artifacts and variables. See `Store` for what its methods promise."""

    _link: Link

    def create_artifact(self, artifact: ArtifactRecord) -> None:
        """Keep an artifact."""
        try:
            self._link.write(self._add, sql.ADD_ARTIFACT, thing_rows.artifact_row(artifact))
        except Taken:
            raise ObjectAlreadyExists(f"There is an artifact {artifact.id} already.") from None

    def update_artifact(self, artifact_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some fields of an artifact."""
        return self._update("artifact", artifact_id, changes, now)

    def artifacts(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[ArtifactRecord]:
        """Return the artifacts that fit, in this order."""
        found = self._listed("artifact", sql.FIND_ARTIFACTS, where, order, limit, offset)
        return [thing_rows.artifact(row) for row in found]

    def count_artifacts(self, where: Condition | None = None) -> int:
        """Return how many artifacts fit."""
        return self._counted("artifact", where)

    def delete_artifact(self, artifact_id: UUID) -> bool:
        """Remove an artifact."""
        return self._link.write(_delete, "artifact", artifact_id)

    def put_variable(self, variable: VariableRecord, *, overwrite: bool = False) -> VariableRecord:
        """Keep a variable, and return it as it is kept."""
        while True:
            try:
                self._link.write(self._put_variable, variable, overwrite)
            except Taken:  # by somebody who was quicker, where others write at the same time
                if not overwrite:
                    raise _name_is_taken(variable.name) from None
                continue
            found = self.variables(conditions.one_of("name", [variable.name]))
            if found:
                return found[0]

    def update_variable(self, variable_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some fields of a variable."""
        try:
            return self._update("variable", variable_id, changes, now)
        except Taken:
            raise _name_is_taken(changes["name"]) from None

    def variables(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[VariableRecord]:
        """Return the variables that fit, in this order."""
        found = self._listed("variable", sql.FIND_VARIABLES, where, order, limit, offset)
        return [thing_rows.variable(row) for row in found]

    def count_variables(self, where: Condition | None = None) -> int:
        """Return how many variables fit."""
        return self._counted("variable", where)

    def delete_variable(self, variable_id: UUID) -> bool:
        """Remove a variable."""
        return self._link.write(_delete, "variable", variable_id)

    def _queries(self) -> Queries:
        raise NotImplementedError

    def insert_within(self, execute: Execute, statement: str, row: tuple[Any, ...]) -> int:
        """Insert a row; return its number. Raises Taken where one of its keys is another's."""
        raise NotImplementedError

    def _add(self, execute: Execute, statement: str, row: tuple[Any, ...]) -> None:
        self.insert_within(execute, statement, row)

    def change_within(self, execute: Execute, statement: str, row: tuple[Any, ...]) -> int:
        """Change rows; return how many. Raises Taken where one of them gets a key that is another's."""
        raise NotImplementedError

    def _put_variable(self, execute: Execute, variable: VariableRecord, overwrite: bool) -> None:
        row = thing_rows.variable_row(variable)
        _, name, value, tags, _, updated = row
        if overwrite and execute(sql.OVERWRITE_VARIABLE, (value, tags, updated, name)).rowcount:
            return
        self.insert_within(execute, sql.ADD_VARIABLE, row)

    def _update(self, kind: ThingKind, thing_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        thing_rows.check_changes(kind, changes)
        return self._link.write(self._change, kind, thing_id, changes, now)

    def _change(
        self, execute: Execute, kind: ThingKind, thing_id: UUID, changes: Mapping[str, Any], now: datetime
    ) -> bool:
        columns = ", ".join(f"{column} = ?" for column in changes) or "seq = seq"
        values = (*thing_rows.changes_row(changes), rows.micros(now), thing_id.bytes)
        return self.change_within(execute, sql.UPDATE_THING.format(kind, columns), values) == 1

    def _listed(
        self, kind: ThingKind, find: str, where: Condition | None, order: Order, limit: int | None, offset: int
    ) -> list[tuple[Any, ...]]:
        queries = self._queries()
        rest, values = queries.things(kind, conditions.EVERYTHING if where is None else where, order)
        return self._link.read(find + rest, [*values, *queries.bounds(limit, offset)])

    def _counted(self, kind: ThingKind, where: Condition | None) -> int:
        condition, values = self._queries().things_where(kind, conditions.EVERYTHING if where is None else where)
        found: int = self._link.read(sql.COUNT_THINGS.format(kind) + condition, values)[0][0]
        return found


def _name_is_taken(name: str) -> ObjectAlreadyExists:
    return ObjectAlreadyExists(f"There is a variable {name!r} already.")


def _delete(execute: Execute, kind: ThingKind, thing_id: UUID) -> bool:
    return execute(sql.DELETE_THING.format(kind), (thing_id.bytes,)).rowcount == 1
