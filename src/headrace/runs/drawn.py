"""The stories of runs that are only drawn.

No task and no subflow is run: each stands Pending until what it is given has ended, and completes with what it is said
to return, or with something that stands for it. The flow itself is run as ever, but once, and without hooks. So what
depends on what comes about as in a real run: through futures, states, results passed on, and `wait_for`.
"""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

from headrace.core import names
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.core.unknown import Unknown
from headrace.effects import OpenRunner, WaitFor
from headrace.runs import inputs
from headrace.runs.context import FlowRunContext, TaskRunContext
from headrace.runs.flow_run import Validate, close, validated
from headrace.runs.steps import RUNNING, call_body, record, stopped


async def stand_in(this: TaskRunContext | FlowRunContext) -> State:
    """Live a call that is not run, from Pending to its end."""
    ended = await inputs.resolve(this)
    if ended is None:
        if isinstance(this, TaskRunContext):
            _name(this)
        ended = end_of(this.definition)
    return await record(this, ended) or this.run.state or ended


async def flow_run(this: FlowRunContext, validate: Validate | None) -> State:
    """Live the flow run that is drawn."""
    ended = await validated(this, validate)
    if ended is None:
        await record(this, RUNNING)
        await OpenRunner(this)
        ended = await call_body(this, "flow")
        waiting = await WaitFor(this.task_runner.unfinished())  # what was submitted last is drawn as well
        if waiting is not None:
            ended = stopped(this, waiting)
        ended = await close(this, ended)
    return await record(this, ended) or this.run.state or ended


def _name(this: TaskRunContext) -> None:
    template = this.definition.task_run_name
    if isinstance(template, str):
        with suppress(Exception):  # it may look into what stands for a result; then there is the usual name
            this.run.name = names.render(template, this.parameters, "task_run_name")


def end_of(definition: Any) -> State:
    """Return how a call ends that is not run, with what was said to stand for its result.

    It is Cached: so the items of a generator come out of the result, and not of the function.
    """
    return unstamped(StateType.COMPLETED, "Cached", data=_expected(definition))


def _expected(definition: Any) -> Any:
    """Return what a call gives: a copy of its own of what was said, so that each call's can be told apart."""
    said = getattr(definition, "viz_return_value", None)
    if said is None:
        return Unknown(definition.name)
    try:
        return copy.copy(said)
    except Exception:  # noqa: BLE001 - what can't be copied is given as it is
        return said
