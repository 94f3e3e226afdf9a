"""Finding runs for requests."""

from __future__ import annotations

from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request

from headrace.client import searching
from headrace.client.schemas.sorting import order_of
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.drive.world import World
from headrace.server.api.cursors import cursor_after, place_of
from headrace.server.api.requests import FlowRunPage, FlowRunsWanted, TaskRunPage, TaskRunsWanted, Which
from headrace.store.protocol import Order, RunFilter, RunKind, ServedStore

#: The header of an answer that is not the last of its list.
NEXT = "X-Next-Cursor"


def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


#: The world whose store is served.
Served = Annotated[World, Depends(_world)]


def served_store(world: World) -> ServedStore:
    """Return the store that is served, which is one of those that can be."""
    return cast("ServedStore", world.store)


def find(world: World, kind: RunKind, wanted: FlowRunsWanted | TaskRunsWanted) -> tuple[list[Any], str | None]:
    """Return the runs that are wanted, and where the rest of the list begins; None where there is no rest."""
    order = order_of(wanted.sort)
    after = place_of(wanted.cursor, order) if wanted.cursor else None
    condition = searching.condition_of(kind, wanted.query())
    lister: Any = world.store.flow_runs if kind == "flow" else world.store.task_runs
    found = lister(condition, order=order, after=after, limit=wanted.limit + 1, offset=wanted.offset)
    runs = found[: wanted.limit]
    return runs, cursor_after(runs[-1], order) if runs and len(found) > len(runs) else None


def page(world: World, kind: RunKind, wanted: FlowRunPage | TaskRunPage) -> tuple[list[Any], int]:
    """Return the runs on a page, and how many there are on all."""
    condition = searching.condition_of(kind, wanted.query())
    lister: Any = world.store.flow_runs if kind == "flow" else world.store.task_runs
    offset = (wanted.page - 1) * wanted.limit
    return lister(condition, order=order_of(wanted.sort), limit=wanted.limit, offset=offset), count(world, kind, wanted)


def count(world: World, kind: RunKind, wanted: Which) -> int:
    """Return how many runs fit."""
    return world.store.count(kind, searching.condition_of(kind, wanted.query()))


def one(world: World, kind: RunKind, run_id: UUID) -> Run:
    """Return one run. Raises ObjectNotFound."""
    found: Run = world.store.flow_run(run_id) if kind == "flow" else world.store.task_run(run_id)
    return found


def on_graph(world: World, flow_run: FlowRun) -> tuple[list[TaskRun], list[FlowRun]]:
    """Return the task runs of a flow run, and the subflow runs that it has begun, oldest first."""
    where = RunFilter(flow_run_id=flow_run.id)
    return world.store.task_runs(where, order=Order()), world.store.flow_runs(where, order=Order())
