"""What flows leave for people, and what they look up: `/artifacts`, `/variables`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query, Response

from headrace.drive.world import World
from headrace.server.api.finding import Served
from headrace.server.ui.artifacts import ArtifactCard, artifacts_of
from headrace.server.ui.page import Format, Page, respond
from headrace.server.ui.route import pages
from headrace.server.ui.wanted import Text
from headrace.store.conditions import one_of
from headrace.store.protocol import Order

router = pages()

#: How many artifacts, and how many variables, a page has.
MOST_ARTIFACTS, MOST = 20, 100
Part = Annotated[int, Query(ge=0, le=1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactsPage(Page):
    """A part of the artifacts, the newest first, of a `key` alone if one is given. Parts count from 0."""

    template: ClassVar[str] = "artifacts"
    section: ClassVar[str] = "artifacts"

    key: str
    found: int
    artifacts: Sequence[ArtifactCard]
    part: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRow:
    """A variable; its value is JSON."""

    id: UUID
    name: str
    value: str
    tags: Sequence[str]
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VariablesPage(Page):
    """A part of the variables, by name. Parts count from 0."""

    template: ClassVar[str] = "variables"
    section: ClassVar[str] = "variables"

    found: int
    variables: Sequence[VariableRow]
    part: int
    more: bool


@router.get("/artifacts")
def artifacts(world: Served, key: Text = "", part: Part = 0, format: Format = "html") -> Response:  # noqa: A002
    """Show artifacts."""
    return respond(world, artifacts_page(world, key.strip(), part), format)


def artifacts_page(world: World, key: str, part: int) -> ArtifactsPage:
    """Return what the page of artifacts tells."""
    where = one_of("key", [key]) if key else None
    cards = artifacts_of(world, where, MOST_ARTIFACTS + 1, part * MOST_ARTIFACTS)
    return ArtifactsPage(
        title="Artifacts",
        now=world.clock.now(),
        key=key,
        found=world.store.count_artifacts(where),
        artifacts=cards[:MOST_ARTIFACTS],
        part=part,
        more=len(cards) > MOST_ARTIFACTS,
    )


@router.get("/variables")
def variables(world: Served, part: Part = 0, format: Format = "html") -> Response:  # noqa: A002
    """Show variables."""
    return respond(world, variables_page(world, part), format)


def variables_page(world: World, part: int) -> VariablesPage:
    """Return what the page of variables tells."""
    found = world.store.variables(order=Order("name"), limit=MOST + 1, offset=part * MOST)
    rows = [
        VariableRow(
            id=one.id,
            name=one.name,
            value=json.dumps(one.value, ensure_ascii=False, indent=1),
            tags=one.tags,
            created=one.created,
            updated=one.updated,
        )
        for one in found[:MOST]
    ]
    return VariablesPage(
        title="Variables",
        now=world.clock.now(),
        found=world.store.count_variables(),
        variables=rows,
        part=part,
        more=len(found) > MOST,
    )
