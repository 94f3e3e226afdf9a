"""Routes about flow runs and flows."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body

from headrace.client import searching
from headrace.client.retrying import ask_for_retry
from headrace.core.records import FlowRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.activities import propose
from headrace.exceptions import ObjectNotFound
from headrace.server.api import finding
from headrace.server.api.answers import (
    FlowAnswer,
    FlowRunAnswer,
    NodeAnswer,
    Page,
    SetStateAnswer,
    StateAnswer,
)
from headrace.server.api.errors import NOT_FOUND, TAKEN
from headrace.server.api.finding import Served
from headrace.server.api.requests import FlowPage, FlowRunPage, FlowRunsWanted, FlowsWanted, SetState, Which
from headrace.server.api.run_routes import RunRoutes
from headrace.store.conditions import one_of

router = APIRouter(prefix="/flow_runs", tags=["Flow runs"])
flows = APIRouter(prefix="/flows", tags=["Flows"])


RunRoutes(
    "flow",
    FlowRunsWanted,
    FlowRunPage,
    FlowRunAnswer,
    goes="its task runs, histories, log lines and artifacts; runs of subflows stay",
).add_to(router)


@router.post("/{id}/retry", responses=NOT_FOUND | TAKEN)
def retry_flow_run(world: Served, id: UUID) -> SetStateAnswer:  # noqa: A002
    """Ask whoever serves the deployment of a flow run that has ended to run it again."""
    return SetStateAnswer(status="ACCEPT", state=StateAnswer.of(ask_for_retry(world, id)))


@router.post("/{id}/set_state", responses=NOT_FOUND | TAKEN)
def set_flow_run_state(world: Served, id: UUID, wanted: SetState) -> SetStateAnswer:  # noqa: A002
    """Ask a flow run to enter a state: Cancelling or Cancelled reach its process within a second."""
    given = wanted.state
    if given.name == "AwaitingRetry":
        standing = ask_for_retry(world, id)
        return set_state_answer(given.type, given.name, standing)
    standing = propose(world, id, State(given.type, given.name, message=given.message))
    return set_state_answer(given.type, given.name, standing)


def set_state_answer(type_: str, name: str | None, standing: State) -> SetStateAnswer:
    """Say what came of asking for a state."""
    state = StateAnswer.of(standing)
    is_as_asked = standing.type == type_ and (name is None or standing.name == name)
    if is_as_asked or (type_ == StateType.CANCELLING and standing.is_cancelled()):
        return SetStateAnswer(status="ACCEPT", state=state)
    reason = f"A run that is {standing.name} does not become {name or type_}: there is no such transition."
    return SetStateAnswer(status="REJECT", state=state, reason=reason)


@router.get("/{id}/graph", responses=NOT_FOUND)
def read_flow_run_graph(world: Served, id: UUID) -> list[NodeAnswer]:  # noqa: A002
    """Return the task runs of a flow run, with what each waited for, and the subflow runs that they stand for."""
    task_runs, subflows = finding.on_graph(world, world.store.flow_run(id))
    there = {run.id for run in task_runs}
    stood_for = {run.child_flow_run_id for run in task_runs}
    nodes = [
        NodeAnswer(
            id=run.id,
            kind="task",
            name=run.name,
            state_type=run.state_type,
            state_name=run.state_name,
            start_time=run.start_time,
            end_time=run.end_time,
            upstream=sorted({one for ids in run.task_inputs.values() for one in ids} & there),
            child_flow_run_id=run.child_flow_run_id,
        )
        for run in task_runs
    ]
    return nodes + [_subflow(run) for run in subflows if run.id not in stood_for]


def _subflow(run: FlowRun) -> NodeAnswer:
    return NodeAnswer(
        id=run.id,
        kind="flow",
        name=run.name,
        state_type=run.state_type,
        state_name=run.state_name,
        start_time=run.start_time,
        end_time=run.end_time,
        upstream=[],
        child_flow_run_id=None,
    )


@flows.post("/filter")
def read_flows(world: Served, wanted: Annotated[FlowsWanted, Body()] = FlowsWanted()) -> list[FlowAnswer]:
    """List the flows that have runs that fit, by their first run."""
    return _flows(world, wanted)[wanted.offset : wanted.offset + wanted.limit]


@flows.post("/count")
def count_flows(world: Served, wanted: Annotated[Which, Body()] = Which()) -> int:
    """Count the flows that have runs that fit."""
    return sum(1 for _ in searching.flows(world.store, wanted.query()))


@flows.post("/paginate")
def paginate_flows(world: Served, wanted: Annotated[FlowPage, Body()] = FlowPage()) -> Page[FlowAnswer]:
    """Return one page of the flows that have runs that fit."""
    found, first = _flows(world, wanted), (wanted.page - 1) * wanted.limit
    return Page.of(found[first : first + wanted.limit], len(found), wanted.limit, wanted.page)


@flows.get("/{id}", responses=NOT_FOUND)
def read_flow(world: Served, id: UUID) -> FlowAnswer:  # noqa: A002
    """Return one flow that has runs."""
    found = world.store.flow_runs(one_of("flow_id", [id]), limit=1)
    if not found:
        raise ObjectNotFound(f"There is no flow {id} that has runs.")
    return FlowAnswer(id=id, name=found[0].flow_name)


def _flows(world: Served, wanted: Which) -> list[FlowAnswer]:
    return [FlowAnswer(id=flow.id, name=flow.name) for flow in searching.flows(world.store, wanted.query())]
