"""Routes about variables, each by its id and by its name."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body

from headrace.client.schemas.sorting import order_of
from headrace.core.things import VariableRecord
from headrace.exceptions import ObjectNotFound
from headrace.server.api.answers import Page, VariableAnswer
from headrace.server.api.errors import NOT_FOUND, TAKEN
from headrace.server.api.finding import Served
from headrace.server.api.thing_requests import (
    NewVariable,
    VariableChange,
    VariablePage,
    VariablesWanted,
    WhichVariables,
)
from headrace.store.conditions import Condition, one_of

router = APIRouter(prefix="/variables", tags=["Variables"])


@router.post("/", status_code=201, responses=TAKEN)
def create_variable(world: Served, wanted: NewVariable) -> VariableAnswer:
    """Keep a variable."""
    now = world.clock.now()
    made = VariableRecord(
        id=world.new_id(), created=now, updated=now, name=wanted.name, value=wanted.value, tags=tuple(wanted.tags or ())
    )
    return VariableAnswer.of(world.store.put_variable(made))


@router.post("/filter")
def read_variables(
    world: Served, wanted: Annotated[VariablesWanted, Body()] = VariablesWanted()
) -> list[VariableAnswer]:
    """List the variables that fit."""
    return _listed(world, wanted.condition(), wanted)


@router.post("/count")
def count_variables(world: Served, wanted: Annotated[WhichVariables, Body()] = WhichVariables()) -> int:
    """Count the variables that fit."""
    return world.store.count_variables(wanted.condition())


@router.post("/paginate")
def paginate_variables(world: Served, wanted: Annotated[VariablePage, Body()] = VariablePage()) -> Page[VariableAnswer]:
    """Return one page of the variables that fit."""
    condition, offset = wanted.condition(), (wanted.page - 1) * wanted.limit
    part = VariablesWanted(limit=wanted.limit, offset=min(offset, 2**31), sort=wanted.sort)
    return Page.of(_listed(world, condition, part), world.store.count_variables(condition), wanted.limit, wanted.page)


@router.get("/{id}", responses=NOT_FOUND)
def read_variable(world: Served, id: UUID) -> VariableAnswer:  # noqa: A002 - the path's own word
    """Return one variable."""
    return VariableAnswer.of(_of_id(world, id))


@router.get("/name/{name}", responses=NOT_FOUND)
def read_variable_by_name(world: Served, name: str) -> VariableAnswer:
    """Return one variable, by its name."""
    return VariableAnswer.of(_named(world, name))


@router.patch("/{id}", status_code=204, responses=NOT_FOUND | TAKEN)
def update_variable(world: Served, id: UUID, wanted: VariableChange) -> None:  # noqa: A002
    """Change a variable."""
    _update(world, _of_id(world, id), wanted)


@router.patch("/name/{name}", status_code=204, responses=NOT_FOUND | TAKEN)
def update_variable_by_name(world: Served, name: str, wanted: VariableChange) -> None:
    """Change a variable, by its name."""
    _update(world, _named(world, name), wanted)


@router.delete("/{id}", status_code=204, responses=NOT_FOUND)
def delete_variable(world: Served, id: UUID) -> None:  # noqa: A002
    """Remove a variable."""
    world.store.delete_variable(_of_id(world, id).id)


@router.delete("/name/{name}", status_code=204, responses=NOT_FOUND)
def delete_variable_by_name(world: Served, name: str) -> None:
    """Remove a variable, by its name."""
    world.store.delete_variable(_named(world, name).id)


def _update(world: Served, variable: VariableRecord, wanted: VariableChange) -> None:
    given = wanted.model_dump(exclude_unset=True)
    changes = {name: value for name, value in given.items() if name == "value" or value is not None}
    world.store.update_variable(variable.id, changes, world.clock.now())


def _listed(world: Served, condition: Condition, part: VariablesWanted) -> list[VariableAnswer]:
    found = world.store.variables(condition, order=order_of(part.sort), limit=part.limit, offset=part.offset)
    return [VariableAnswer.of(variable) for variable in found]


def _of_id(world: Served, variable_id: UUID) -> VariableRecord:
    return _one(world, one_of("id", [variable_id]), f"There is no variable {variable_id} in the store.")


def _named(world: Served, name: str) -> VariableRecord:
    return _one(world, one_of("name", [name]), f"There is no variable {name!r}.")


def _one(world: Served, condition: Condition, otherwise: str) -> VariableRecord:
    found = world.store.variables(condition)
    if not found:
        raise ObjectNotFound(otherwise)
    return found[0]
