"""Artifacts and variables, asked of a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.exceptions import StoreOutOfReach
from headrace.store import lines
from headrace.store.later import Later
from headrace.store.protocol import OLDEST, Order

if TYPE_CHECKING:
    from headrace.core import things
    from headrace.core.things import ArtifactRecord, VariableRecord
    from headrace.store.conditions import Condition
else:
    things = Later("headrace.core.things")


class ThingsElsewhere:
    """The part of a store that keeps artifacts and variables. See `Store` for what its methods promise."""

    def _ask(self, question: str, *args: Any, **options: Any) -> Any:
        """Ask the server."""
        raise NotImplementedError

    def _append(self, line: str) -> None:
        """Tell the server later."""
        raise NotImplementedError

    def create_artifact(self, artifact: ArtifactRecord) -> None:
        """Keep an artifact; later, where the server does not answer."""
        plain = artifact.changed({"data": _plain(artifact.data), "metadata_": _plain(artifact.metadata_)})
        try:
            self._ask("create_artifact", plain)
        except StoreOutOfReach:
            self._append(lines.left(plain))

    def update_artifact(self, artifact_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some fields of an artifact."""
        was_there: bool = self._ask("update_artifact", artifact_id, _plain(changes), now)
        return was_there

    def artifacts(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[ArtifactRecord]:
        """Return the artifacts that fit, in this order."""
        found: list[ArtifactRecord] = self._ask("artifacts", where, order=order, limit=limit, offset=offset)
        return found

    def count_artifacts(self, where: Condition | None = None) -> int:
        """Return how many artifacts fit."""
        number: int = self._ask("count_artifacts", where)
        return number

    def delete_artifact(self, artifact_id: UUID) -> bool:
        """Remove an artifact."""
        was_there: bool = self._ask("delete_artifact", artifact_id)
        return was_there

    def put_variable(self, variable: VariableRecord, *, overwrite: bool = False) -> VariableRecord:
        """Keep a variable, and return it as it is kept."""
        kept: VariableRecord = self._ask("put_variable", variable, overwrite=overwrite)
        return kept

    def update_variable(self, variable_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some fields of a variable."""
        was_there: bool = self._ask("update_variable", variable_id, dict(changes), now)
        return was_there

    def variables(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[VariableRecord]:
        """Return the variables that fit, in this order."""
        found: list[VariableRecord] = self._ask("variables", where, order=order, limit=limit, offset=offset)
        return found

    def count_variables(self, where: Condition | None = None) -> int:
        """Return how many variables fit."""
        number: int = self._ask("count_variables", where)
        return number

    def delete_variable(self, variable_id: UUID) -> bool:
        """Remove a variable."""
        was_there: bool = self._ask("delete_variable", variable_id)
        return was_there


def _plain(value: Any) -> Any:
    """Return what JSON says of a value, which is what is kept of it."""
    return json.loads(things.as_json(value))
