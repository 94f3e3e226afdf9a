"""The story of a task run.

A task run begins Pending. It waits for the runs that its arguments come from; if one of them did not complete it stays
NotReady, and its function is never called. It is given its name, takes a slot for each of its tags that has a limit,
and is Running. If its result is there already it ends Cached; else its function is called, and what that gave decides
whether it is tried again, after a delay or at once, or ends. A result that is to be kept is written before the end is.
Whatever it ends as is written down before anybody is told.
"""

from __future__ import annotations

import logging
from typing import Any

from headrace.core.messages import shown
from headrace.core.state_types import TERMINAL, StateType
from headrace.core.states import State, unstamped
from headrace.effects import Cancelled, NewId, ReleaseSlots, Returned, Say
from headrace.runs import inputs
from headrace.runs.context import RunContext, TaskRunContext
from headrace.runs.steps import (
    RETRYING,
    RUNNING,
    call_back,
    call_body,
    end,
    record,
    rename,
    run_hooks,
    say_end,
    stopped,
    wait_before_retry,
)


async def task_run(this: TaskRunContext) -> State:
    """Live a task run from Pending to its end, and answer the state in which it ended."""
    ended = await inputs.resolve(this)
    if ended is None and this.definition.task_run_name is not None:
        ended = await rename(this, this.definition.task_run_name, "task")
    if ended is None:
        ended = await _attempts(this)
    if ended.type not in TERMINAL and _is_anothers(ended):
        return ended
    if ended.is_pending():  # NotReady: no end, and no hooks
        return await record(this, ended) or this.run.state or ended
    if _is_plain(this):
        ended = await end(this, ended)
    else:
        ended = await _end_of_transaction(this, ended)
    await say_end(this, ended)
    return ended


def _is_anothers(standing: State) -> bool:
    """Say whether this, which is no end, is the state in which the run stands, for somebody else to go on with it.

    It waits for its retry in the store; or a task worker that was stopped for a while finds that it was taken over.
    """
    return standing.id is not None and not standing.is_cancelling()


def _is_plain(this: TaskRunContext) -> bool:
    """Say whether there is nothing to keep, to commit or to roll back."""
    return (
        this.keeper is None
        and this.enclosing is None
        and this.transaction is None
        and not this.definition.on_commit_hooks
    )


async def _end_of_transaction(this: TaskRunContext, ended: State) -> State:
    from headrace.runs import transactions  # most task runs need none

    ended = await end(this, await transactions.settle(this, ended))
    await transactions.conclude(this, ended)
    return this.run.state or ended


async def _attempts(this: TaskRunContext) -> State:
    """Try until there is an end, or a retry is waited for in the store; there it may have been before."""
    retries_made = this.run.run_count
    while True:
        attempted = await _attempt(this, RETRYING if retries_made else RUNNING)
        if attempted.type is not StateType.FAILED:
            return attempted
        ended = await wait_before_retry(this, attempted, retries_made, "task", _condition(this))
        if this.transaction is not None and (ended is None or ended.is_scheduled()):
            from headrace.runs import transactions  # as above

            await transactions.undo_attempt(this)
            if ended is not None:
                await transactions.unlock(this.transaction)
        if ended is not None:
            return ended
        retries_made += 1


async def _attempt(this: TaskRunContext, running: State) -> State:
    """Call the function once, holding a slot of each limited tag."""
    if not this.run.tags:
        return await _run_body(this, running)
    from headrace.core.limits import SlotRequest  # most tasks have no tags, and starting is to be quick
    from headrace.runs import slots

    this.ticket = await NewId()
    request = SlotRequest(
        ticket=this.ticket,
        names=tuple(f"tag:{tag}" for tag in sorted(this.run.tags)),
        holder=this.run.name,
        holder_run_id=this.run.id,
    )
    taken = await slots.take(request, on_wait=lambda _: _show_wait(this))
    if isinstance(taken, Cancelled):
        return stopped(this, taken)
    if isinstance(taken, Exception):
        return unstamped(StateType.FAILED, message=str(taken), data=taken)
    state = await _run_body(this, running)
    await ReleaseSlots(request.ticket)
    this.ticket = None
    return state


async def _show_wait(this: TaskRunContext) -> None:
    await record(this, unstamped(StateType.SCHEDULED, "AwaitingConcurrencySlot"))


async def _run_body(this: TaskRunContext, running: State) -> State:
    standing = await record(this, running)
    if standing is not None:
        return standing
    assert this.run.state is not None, "a recorded state is the run's state"
    if this.definition.hooks("running"):
        await run_hooks(this, "running", this.run.state)
    if this.ended_by is not None:
        return stopped(this, Cancelled(this.ended_by))
    if this.keeper is not None and this.key is None:
        from headrace.runs import caching  # as above

        found = await caching.look_up(this)
        if found is not None:
            return found
    return await call_body(this, "task")


def _condition(this: TaskRunContext) -> Any:
    return _wants_retry if this.definition.retry_condition_fn is not None else None


async def _wants_retry(this: RunContext, ended: State) -> bool | Cancelled:
    """Ask the user's condition; one that raises is logged, and counts as no."""
    condition = this.definition.retry_condition_fn  # type: ignore[attr-defined]
    outcome = await call_back(this, condition, (this.definition, this.run, ended))
    if isinstance(outcome, Returned):
        return bool(outcome.value)
    if isinstance(outcome, Cancelled):
        return outcome
    line = f"The retry_condition_fn raised {shown(outcome.error)}; the task run is not tried again."
    await Say(this.run, logging.ERROR, line, outcome.error)
    return False
