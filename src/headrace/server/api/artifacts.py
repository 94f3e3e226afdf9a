"""Routes about artifacts. `latest` are those with a key, of each key the newest."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body

from headrace.client.schemas.sorting import order_of
from headrace.core.things import ArtifactRecord
from headrace.exceptions import ObjectNotFound
from headrace.server.api.answers import ArtifactAnswer, Page
from headrace.server.api.errors import NOT_FOUND
from headrace.server.api.finding import Served
from headrace.server.api.thing_requests import (
    ArtifactChange,
    ArtifactPage,
    ArtifactsWanted,
    NewArtifact,
    WhichArtifacts,
)
from headrace.store.conditions import AllOf, Condition, NewestOfKey, one_of

router = APIRouter(prefix="/artifacts", tags=["Artifacts"])


@router.post("/", status_code=201)
def create_artifact(world: Served, wanted: NewArtifact) -> ArtifactAnswer:
    """Keep an artifact."""
    now = world.clock.now()
    made = ArtifactRecord(id=world.new_id(), created=now, updated=now, **wanted.model_dump())
    world.store.create_artifact(made)
    return ArtifactAnswer.of(_one(world, one_of("id", [made.id]), f"There is no artifact {made.id} in the store."))


@router.post("/filter")
def read_artifacts(
    world: Served, wanted: Annotated[ArtifactsWanted, Body()] = ArtifactsWanted()
) -> list[ArtifactAnswer]:
    """List the artifacts that fit."""
    return _listed(world, wanted.condition(), wanted)


@router.post("/count")
def count_artifacts(world: Served, wanted: Annotated[WhichArtifacts, Body()] = WhichArtifacts()) -> int:
    """Count the artifacts that fit."""
    return world.store.count_artifacts(wanted.condition())


@router.post("/paginate")
def paginate_artifacts(world: Served, wanted: Annotated[ArtifactPage, Body()] = ArtifactPage()) -> Page[ArtifactAnswer]:
    """Return one page of the artifacts that fit."""
    condition, offset = wanted.condition(), (wanted.page - 1) * wanted.limit
    part = ArtifactsWanted(limit=wanted.limit, offset=min(offset, 2**31), sort=wanted.sort)
    return Page.of(_listed(world, condition, part), world.store.count_artifacts(condition), wanted.limit, wanted.page)


@router.post("/latest/filter")
def read_latest_artifacts(
    world: Served, wanted: Annotated[ArtifactsWanted, Body()] = ArtifactsWanted()
) -> list[ArtifactAnswer]:
    """List what the keys of artifacts stand for, where it fits."""
    return _listed(world, AllOf((NewestOfKey(), wanted.condition())), wanted)


@router.post("/latest/count")
def count_latest_artifacts(world: Served, wanted: Annotated[WhichArtifacts, Body()] = WhichArtifacts()) -> int:
    """Count what the keys of artifacts stand for, where it fits."""
    return world.store.count_artifacts(AllOf((NewestOfKey(), wanted.condition())))


@router.get("/{id}", responses=NOT_FOUND)
def read_artifact(world: Served, id: UUID) -> ArtifactAnswer:  # noqa: A002 - the path's own word
    """Return one artifact."""
    return ArtifactAnswer.of(_one(world, one_of("id", [id]), f"There is no artifact {id} in the store."))


@router.get("/{key}/latest", responses=NOT_FOUND)
def read_latest_artifact(world: Served, key: str) -> ArtifactAnswer:
    """Return what a key stands for: the newest artifact that has it."""
    newest = AllOf((NewestOfKey(), one_of("key", [key])))
    return ArtifactAnswer.of(_one(world, newest, f"There is no artifact with the key {key!r} in the store."))


@router.patch("/{id}", status_code=204, responses=NOT_FOUND)
def update_artifact(world: Served, id: UUID, wanted: ArtifactChange) -> None:  # noqa: A002
    """Change what an artifact says."""
    if not world.store.update_artifact(id, wanted.model_dump(exclude_unset=True), world.clock.now()):
        raise ObjectNotFound(f"There is no artifact {id} in the store.")


@router.delete("/{id}", status_code=204, responses=NOT_FOUND)
def delete_artifact(world: Served, id: UUID) -> None:  # noqa: A002
    """Remove an artifact."""
    if not world.store.delete_artifact(id):
        raise ObjectNotFound(f"There is no artifact {id} in the store.")


def _listed(world: Served, condition: Condition, part: ArtifactsWanted) -> list[ArtifactAnswer]:
    found = world.store.artifacts(condition, order=order_of(part.sort), limit=part.limit, offset=part.offset)
    return [ArtifactAnswer.of(artifact) for artifact in found]


def _one(world: Served, condition: Condition, otherwise: str) -> ArtifactRecord:
    found = world.store.artifacts(condition, limit=1)
    if not found:
        raise ObjectNotFound(otherwise)
    return found[0]
