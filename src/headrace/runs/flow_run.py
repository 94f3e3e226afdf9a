"""The story of a flow run.

A flow run begins Pending. A subflow waits for the runs that its arguments come from, as a task run does. Its
parameters are validated and it is given its name; if either can't be done it fails without having run. It is Running,
a task runner takes submissions, and its function is called. When that has ended, what was submitted and not begun is
cancelled, and what was begun is waited for. What the function gave decides whether the run is tried again, with a
fresh task runner, or ends. A run that has ended may be asked to run again: then it keeps its name, its first attempt
is a retry, and the flow's own retries begin anew. A subflow is mirrored, state by state, by the task run that stands
for it in its parent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from headrace.core.final import failed
from headrace.core.states import State
from headrace.effects import Call, Cancelled, CloseRunner, OpenRunner, Raised, Returned, Say
from headrace.exceptions import CancelRequested
from headrace.runs import inputs
from headrace.runs.context import FlowRunContext
from headrace.runs.steps import (
    RETRYING,
    RUNNING,
    call_body,
    end,
    enter_cancelling,
    record,
    rename,
    run_hooks,
    say_end,
    stopped,
    wait_before_retry,
)

Validate = Callable[[dict[str, Any]], dict[str, Any]]


async def flow_run(this: FlowRunContext, validate: Validate | None) -> State:
    """Live a flow run from Pending to its end, and answer the state in which it ended."""
    ended = await _prepare(this, validate)
    if ended is None:
        subject = "subflow" if this.parent else "flow"
        line = f"Beginning {subject} run {this.run.name!r} for flow {this.definition.name!r}"
        await Say(this.run, logging.INFO, line)
        ended = await _attempts(this)
    if ended.is_pending():  # NotReady, as a task run may be: no end, and no hooks
        return await record(this, ended) or this.run.state or ended
    if this.keeper is not None and not this.was_cut_short:
        from headrace.runs.results import keep_end  # most flow runs keep none

        ended = await keep_end(this, ended)
    if ended.is_cancelled() and isinstance(this.ended_by, CancelRequested):
        await enter_cancelling(this)
    ended = await end(this, ended)
    await say_end(this, ended)
    return ended


async def _prepare(this: FlowRunContext, validate: Validate | None) -> State | None:
    """Wait for what the run is given, validate it and form the name; answer how it ends where that can't be done."""
    not_ready = await inputs.resolve(this)
    if not_ready is not None:
        return not_ready
    ended = await validated(this, validate)
    if ended is None and this.definition.flow_run_name is not None and not this.run.run_count:
        return await rename(this, this.definition.flow_run_name, "flow")
    return ended


async def validated(this: FlowRunContext, validate: Validate | None) -> State | None:
    """Validate what the run is given; answer how it ends where that does not validate."""
    this.run.parameters = this.parameters
    if validate is None:
        return None
    outcome = await Call(validate, (this.parameters,), {}, this)
    if not isinstance(outcome, Returned):
        return failed(outcome.error, "flow") if isinstance(outcome, Raised) else stopped(this, outcome)
    this.parameters = this.run.parameters = outcome.value
    return None


async def _attempts(this: FlowRunContext) -> State:
    """Try until there is an end."""
    retries_made = 0
    while True:
        attempted = await _attempt(this, RETRYING if this.run.run_count else RUNNING)
        ended = await wait_before_retry(this, attempted, retries_made, "flow", None)
        if ended is not None:
            return ended
        retries_made += 1


async def _attempt(this: FlowRunContext, running: State) -> State:
    """Call the function once, with a task runner of its own."""
    standing = await record(this, running)
    if standing is not None:
        return standing
    assert this.run.state is not None, "a recorded state is the run's state"
    await run_hooks(this, "running", this.run.state)
    if this.ended_by is not None:
        return stopped(this, Cancelled(this.ended_by))
    await OpenRunner(this)
    return await close(this, await call_body(this, "flow"))


async def close(this: FlowRunContext, state: State) -> State:
    """Cancel what has not begun, and wait for what has; tell that to end, too, where the flow did not end by itself."""
    timed_out = this.expired if this.expired is not None and state.data is this.expired.error else None
    waiting = await CloseRunner(this, this.ended_by or timed_out)
    if waiting is None:
        return state
    await CloseRunner(this, waiting.reason)
    return stopped(this, waiting)
