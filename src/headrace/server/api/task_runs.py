"""Routes about task runs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response

from headrace.exceptions import ObjectNotFound
from headrace.server.api import finding
from headrace.server.api.answers import Page, StateAnswer, TaskRunAnswer
from headrace.server.api.errors import NOT_FOUND
from headrace.server.api.finding import NEXT, Served
from headrace.server.api.requests import TaskRunPage, TaskRunsWanted, Which

router = APIRouter(prefix="/task_runs", tags=["Task runs"])


@router.post("/filter")
def read_task_runs(
    world: Served, response: Response, wanted: Annotated[TaskRunsWanted, Body()] = TaskRunsWanted()
) -> list[TaskRunAnswer]:
    """List the task runs that fit; the header X-Next-Cursor says where the list goes on."""
    runs, rest = finding.find(world, "task", wanted)
    if rest is not None:
        response.headers[NEXT] = rest
    return [TaskRunAnswer.of(run) for run in runs]


@router.post("/count")
def count_task_runs(world: Served, wanted: Annotated[Which, Body()] = Which()) -> int:
    """Count the task runs that fit."""
    return finding.count(world, "task", wanted)


@router.post("/paginate")
def paginate_task_runs(world: Served, wanted: Annotated[TaskRunPage, Body()] = TaskRunPage()) -> Page[TaskRunAnswer]:
    """Return one page of the task runs that fit."""
    runs, count = finding.page(world, "task", wanted)
    return Page.of([TaskRunAnswer.of(run) for run in runs], count, wanted.limit, wanted.page)


@router.get("/{id}", responses=NOT_FOUND)
def read_task_run(world: Served, id: UUID) -> TaskRunAnswer:  # noqa: A002 - the path's own word
    """Return one task run."""
    return TaskRunAnswer.of(world.store.task_run(id))


@router.delete("/{id}", status_code=204, responses=NOT_FOUND)
def delete_task_run(world: Served, id: UUID) -> None:  # noqa: A002
    """Remove a task run with its history and log lines."""
    if not world.store.delete("task", id):
        raise ObjectNotFound(f"There is no task run {id} in the store.")


@router.get("/{id}/history", responses=NOT_FOUND)
def read_task_run_history(world: Served, id: UUID) -> list[StateAnswer]:  # noqa: A002
    """Return all states of a task run, in order."""
    return [StateAnswer.of(state) for state in world.store.history(world.store.task_run(id).id)]
