"""What a task run is given: waiting for upstream runs, and putting their results in the place of their futures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from headrace.core import messages
from headrace.core.final import failed
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped, value_of
from headrace.core.walk import SCALARS, Annotation, looked_through, quote, walk
from headrace.effects import Promise, WaitFor
from headrace.exceptions import UpstreamTaskError
from headrace.runs.context import FlowRunContext, TaskRunContext
from headrace.runs.origins import Origins
from headrace.runs.steps import is_promise, record, settled, stopped, told_to_end


async def resolve(this: TaskRunContext | FlowRunContext) -> State | None:
    """Wait for what the run needs and put results into its parameters; answer the state it ends in if it can't run."""
    parameters = this.parameters
    if not this.wait_for and SCALARS.issuperset(map(type, parameters.values())):
        return None
    live, changes = looked_through((parameters, this.wait_for), _is_live)
    promises = [value for value in live if is_promise(value)]
    if any(promise.run.id == this.run.id for promise in promises):
        return failed(ValueError(f"Task run {this.run.name!r} waits for itself."), "task")
    if not all(promise.done() for promise in promises):
        await record(this)
        waiting = await WaitFor(promises)
        if waiting is not None:
            return stopped(this, waiting)
    if not changes:
        return None
    try:
        for upstream in this.wait_for:
            walk(upstream, _completed, lenient=_ended)
        this.parameters = {name: walk(value, _completed, lenient=_ended) for name, value in parameters.items()}
    except UpstreamTaskError as error:
        told = told_to_end(this)
        if told is not None:
            return stopped(this, told)
        return unstamped(StateType.PENDING, "NotReady", message=str(error), data=error)
    return None


def _is_live(value: Any) -> bool:
    return isinstance(value, Promise | State)


def _state(value: Any) -> State | None:
    return value if isinstance(value, State) else settled(value)


def _completed(value: Any) -> Any:
    """Return the result in the place of a future or state. Raises UpstreamTaskError if there is none."""
    state = _state(value)
    if state is None:
        return value
    if not state.is_completed():
        raise UpstreamTaskError(messages.upstream_not_completed(_name(value)))
    return _plain(value_of(state))


def _ended(value: Any) -> Any:
    """Return the result, or the exception, in the place of a future or state; of a run that was NotReady, why."""
    state = _state(value)
    if state is None:
        return value
    if not state.is_final():
        return state.data if isinstance(state.data, UpstreamTaskError) else state
    return value_of(state) if state.is_completed() else state.result(raise_on_failure=False)


def _plain(result: Any) -> Any:
    """A result may hold futures and states itself: a task may return what it submitted."""
    return result if type(result) in SCALARS else walk(result, _completed)


def _name(value: Any) -> str:
    if isinstance(value, Promise):
        return value.run.name
    return str(value.state_details.task_run_id or value.state_details.flow_run_id or value)


def dependencies(
    parameters: Mapping[str, Any], wait_for: Iterable[Any], origins: Origins, more: Mapping[str, Sequence[UUID]]
) -> dict[str, list[UUID]]:
    """Say, per parameter, from which task runs its value came: by futures, states, and results passed on.

    `more` are runs that the values can't tell of any longer: those of futures that a `map` resolved.
    """
    inputs = {}
    for name, value in parameters.items():
        runs = _runs_in(value, origins)
        if name in more:
            runs = list(dict.fromkeys([*more[name], *runs]))
        if runs:
            inputs[name] = runs
    if wait_for:
        inputs["wait_for"] = _runs_in(list(wait_for), origins)
    return inputs


def made_by(value: Any, origins: Origins) -> list[UUID]:
    """Return the task runs that made this very value, not what is inside it."""
    while isinstance(value, Annotation):
        if isinstance(value, quote):
            return []
        value = value.value
    run_id = _run_of(value)
    return [run_id] if run_id is not None else origins.of_itself(value)


def _run_of(value: Any) -> UUID | None:
    if isinstance(value, Promise):
        return value.run.id
    return value.state_details.task_run_id if isinstance(value, State) else None


def _runs_in(value: Any, origins: Origins) -> list[UUID]:
    if isinstance(value, quote):
        return []
    if type(value) in SCALARS:
        return origins.of(value)
    return origins.of(value, _run_of)
