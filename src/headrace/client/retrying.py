"""Running a flow run again that has ended: the same flow run goes on, with the parameters that it was given.

Code is run where somebody asked for it to be run, and nowhere else. There are two ways:

* `retry_here` runs the flow in this process: its code is where the run says that it was, or where the caller says.
* `ask_for_retry` moves the run of a deployment to AwaitingRetry. Whoever serves the deployment takes it up. This is
  what a server does, and pages: a server never loads code.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headrace import calling
from headrace.core.records import FlowRun
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.drive.bridge import run_coroutine
from headrace.drive.world import World
from headrace.effects import Record
from headrace.entrypoints import up_to_calls
from headrace.exceptions import MissingFlowError, NotRetriable
from headrace.flows import Flow, load_flow_from_entrypoint
from headrace.runs.context import tags

_MESSAGE = "Asked to run again."


def why_not(run: FlowRun) -> str | None:
    """Return why a run can't be run again, for people; None where it can."""
    if run.state is None or not run.state.is_final():
        standing = run.state_name or "not begun"
        return (
            f"The flow run {run.name!r} is {standing}: only a run that has ended can be run again. Where its process "
            f"is gone, `headrace flow-run cancel {run.id} --force` ends it."
        )
    if run.parent_flow_run_id is not None:
        return f"The flow run {run.name!r} is that of a subflow: run the flow run {run.parent_flow_run_id} again."
    return None


def is_served(run: FlowRun) -> bool:
    """Say whether it is the run of a deployment, which whoever serves that can be asked to run again."""
    return run.deployment_id is not None


def command_for(run: FlowRun) -> str:
    """Return the command that runs it again, where its code is."""
    return f"headrace flow-run retry {run.id}"


def ask_for_retry(world: World, run_id: UUID) -> State:
    """Ask whoever serves the deployment of a run to run it again; return the state that it is in then, AwaitingRetry.

    Raises ObjectNotFound, and NotRetriable for a run that has not ended, of a subflow, or of no deployment.
    """
    run = world.store.flow_run(run_id)
    _check(run)
    if not is_served(run):
        raise NotRetriable(
            f"The flow run {run.name!r} is of no deployment, so nobody serves it. Where its code is, "
            f"`{command_for(run)}` runs it again."
        )
    standing = _moved(world, run)
    world.activities.tell_asked()
    return standing


@dataclass(frozen=True, slots=True)
class Retry:
    """A flow run that can be run again here. Calling it, in sync code, does so once, and gives its final state.

    Raises NotRetriable where somebody else was quicker.
    """

    world: World
    flow: Flow[..., Any]
    run: FlowRun
    given: dict[str, Any]

    def __call__(self) -> State:
        """Run the flow."""
        _moved(self.world, self.run)
        with tags(*self.run.tags):
            lived: Any = calling.call(self.flow, lambda: self.flow.retried(self.run, self.given), return_state=True)
            state: State = run_coroutine(lived, self.world) if inspect.iscoroutine(lived) else lived
        return state


def retry_here(
    world: World,
    run_id: UUID,
    entrypoint: str | None = None,
    load: Callable[[str], Flow[..., Any]] = load_flow_from_entrypoint,
) -> Retry:
    """Return what runs a flow run again in this process, once it is called; nothing has been recorded before that.

    Its code is at `entrypoint`, else where the run says that it was. Raises ObjectNotFound; NotRetriable for a run that
    has not ended, of a subflow, whose code's place is not known, or whose parameters were not recorded whole;
    ParameterTypeError where the flow does not take them any more; and what loading the code raises.
    """
    run = world.store.flow_run(run_id)
    _check(run)
    place = entrypoint or run.entrypoint
    if place is None:
        raise NotRetriable(
            f"Where the code of {run.flow_name!r} is was not recorded with the flow run {run.name!r}. Write "
            "--entrypoint flows.py:name_of_the_function."
        )
    flow = _loaded(run, place, load, is_told=entrypoint is not None)
    return Retry(world, flow, run, flow.given_again(run))


def _loaded(run: FlowRun, place: str, load: Callable[[str], Flow[..., Any]], *, is_told: bool) -> Flow[..., Any]:
    """Return the flow at a place; of a function that several flows are made of, the one of the run's name."""
    with up_to_calls():
        flow = load(place)
        if is_told or flow.name == run.flow_name:
            return flow
        with contextlib.suppress(MissingFlowError):
            flow = load(f"{place.rpartition(':')[0]}:{run.flow_name}")
    if flow.name != run.flow_name:
        raise NotRetriable(
            f"At {place} there is the flow {flow.name!r} and no longer {run.flow_name!r}. Write --entrypoint and where "
            "that is, or which is to be run in its place."
        )
    return flow


def _check(run: FlowRun) -> None:
    why = why_not(run)
    if why is not None:
        raise NotRetriable(why)


def _moved(world: World, run: FlowRun) -> State:
    """Let a run that has ended be AwaitingRetry. Raises NotRetriable where it went on meanwhile."""
    details = StateDetails(scheduled_time=world.clock.now(), retriable=True)
    state = unstamped(StateType.SCHEDULED, "AwaitingRetry", message=_MESSAGE, state_details=details)
    standing = world.record(Record(run, (state,)))
    if standing is not None:
        raise NotRetriable(f"The flow run {run.name!r} is {standing.name} by now: somebody else was quicker.")
    assert run.state is not None, "a recorded state is the run's state"
    return run.state
