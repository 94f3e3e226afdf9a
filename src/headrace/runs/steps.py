"""The steps that the stories of flow runs and task runs share."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from headrace.core import messages, names
from headrace.core.decisions import Decision, decide
from headrace.core.final import ended_from_outside, engine_made, failed, state_of_return, timed_out
from headrace.core.messages import Kind
from headrace.core.records import TaskRun
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.core.walk import SCALARS, found, walk
from headrace.effects import (
    Call,
    Cancelled,
    Closed,
    Draw,
    Now,
    Outcome,
    Promise,
    Raised,
    Record,
    Returned,
    Say,
    Sleep,
    WaitFor,
)
from headrace.exceptions import CancelledRun, TimeIsUp
from headrace.runs.context import RunContext
from headrace.runs.definitions import flavour_of

PENDING = unstamped(StateType.PENDING)
RUNNING = unstamped(StateType.RUNNING)
RETRYING = unstamped(StateType.RUNNING, "Retrying")
CANCELLING = unstamped(StateType.CANCELLING)

#: Which hooks fire when a run enters a state of this type.
EVENTS = {
    StateType.COMPLETED: "completion",
    StateType.FAILED: "failure",
    StateType.CRASHED: "crashed",
    StateType.CANCELLING: "cancellation",
}


async def record(this: RunContext, *states: State) -> State | None:
    """Write down what has not been written yet, and these states, in one transaction; None, or what stands instead."""
    standing = this.run.state
    if standing is not None and (standing.is_final() or (standing.is_cancelling() and not all_final(states))):
        return standing
    both = (*this.unrecorded, *states)
    if both:
        standing = await Record(this.run, both)
        if standing is not None:
            return standing
        this.unrecorded = ()
        if this.stand_in is not None and states:
            await mirror(this.stand_in, this.run.id, states)
    return None


def all_final(states: Iterable[State]) -> bool:
    """Say whether these states end a run."""
    return all(state.is_final() for state in states)


async def mirror(stand_in: TaskRun, child: UUID, states: tuple[State, ...]) -> None:
    """Let the task run that stands for a subflow enter the states of its child."""
    details = [state.state_details._replace(child_flow_run_id=child) for state in states]
    entered = [state.replace(state_details=own) for state, own in zip(states, details, strict=True)]
    await Record(stand_in, tuple(entered))


async def end(this: RunContext, state: State) -> State:
    """Let the run end in this state, if nobody has ended it otherwise; tell hooks and log; return how it ended."""
    while (standing := await record(this, state)) is not None:
        if standing.is_final():
            return standing
        if standing.is_cancelling():
            await run_hooks(this, "cancellation", standing)
            state = unstamped(StateType.CANCELLED, message=messages.cancelled_by_request)
    ended = this.run.state
    assert ended is not None, "a recorded state is the run's state"
    await run_hooks(this, EVENTS.get(ended.type), ended)
    return ended


async def enter_cancelling(this: RunContext) -> None:
    """Be Cancelling before the end, and tell hooks; a subflow is asked with the flow around it, and not by itself."""
    standing = await record(this, CANCELLING) or this.run.state
    if standing is not None and standing.is_cancelling():
        await run_hooks(this, "cancellation", standing)


async def say_end(this: RunContext, state: State) -> None:
    """Write the last line of the run's log."""
    shown = state.replace(message=state.message[:500] + "…") if state.message and len(state.message) > 500 else state
    level = logging.INFO if state.is_completed() else logging.ERROR
    await Say(this.run, level, f"Finished in state {shown}")


async def run_hooks(this: RunContext, event: str | None, state: State) -> None:
    """Call the hooks of an event in order; one that raises is logged, and the rest still run.

    What is no Exception ends the run itself, as it would in the user's function.
    """
    for hook in this.definition.hooks(event) if event else ():
        outcome = await call_back(this, hook, (this.definition, this.run, state))
        if not isinstance(outcome, Returned):
            name = getattr(hook, "__name__", repr(hook))
            error = outcome.error if isinstance(outcome, Raised) else outcome.reason
            message = f"The {event} hook {name!r} raised {messages.shown(error)}; the run goes on."
            await Say(this.run, logging.ERROR, message, error)
        if isinstance(outcome, Cancelled):
            this.ended_by = outcome.reason
            return


async def call_back(this: RunContext, fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Outcome:
    """Call a function that the user gave beside the body: a hook, a condition, a name.

    A coroutine that a sync one returns, as `lambda *args: notify(*args)` does, is awaited too.
    """
    outcome = await Call(fn, args, kwargs or {}, this, flavour_of(fn), prints=this.log_prints)
    if isinstance(outcome, Returned) and isinstance(outcome.value, Coroutine):
        return await Call(_awaited, (outcome.value,), {}, this, "async", prints=this.log_prints)
    return outcome


async def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await coroutine


async def rename(this: RunContext, template: Any, kind: Kind) -> State | None:
    """Give the run its own name from a template or a callable; answer a failed state where that can't be done."""
    what = f"{kind}_run_name"
    try:
        if isinstance(template, str):
            this.run.name = names.render(template, this.parameters, what)
            return None
    except Exception as error:  # noqa: BLE001 - a template runs the __format__ of users' objects
        return failed(error, kind)
    await record(this)
    kwargs = {"parameters": this.parameters} if names.takes_parameters(template) else {}
    outcome = await call_back(this, template, (), kwargs)
    if isinstance(outcome, Returned):
        try:
            this.run.name = names.called_name(outcome.value, what)
        except TypeError as error:
            return failed(error, kind)
        return None
    return failed(outcome.error, kind) if isinstance(outcome, Raised) else stopped(this, outcome)


async def call_body(this: RunContext, kind: Kind) -> State:
    """Call the user's function once, and say in which state that leaves the run."""
    definition = this.definition
    seconds = definition.timeout_seconds
    this.expired = expired = definition.expired() if seconds else None  # type: ignore[attr-defined]
    this.returned_state = False
    args, kwargs = definition.binder.unbind(this.parameters)
    outcome = await Call(
        definition.fn,
        args,
        kwargs,
        this,
        definition.flavour,
        seconds or None,
        expired,
        prints=this.log_prints,
        body=True,
        runner=this.runner,
    )
    if kind == "flow" and type(outcome) is Returned and isinstance(outcome.value, Coroutine):
        # ``return ask()``, of an async task: what the flow gives is the answer, and that the task has run.
        awaited = (outcome.value,)
        outcome = await Call(_awaited, awaited, {}, this, "async", seconds or None, expired, prints=this.log_prints)
    this.was_cut_short = type(outcome) is Closed
    return await state_after(this, outcome, kind, seconds, expired)


async def state_after(
    this: RunContext, outcome: Outcome, kind: Kind, seconds: float | None, expired: TimeIsUp | None
) -> State:
    """Say in which state an outcome of the user's function leaves the run; futures that it returned are waited for."""
    if isinstance(outcome, Returned):
        value = outcome.value
        if type(value) not in SCALARS:
            this.returned_state = isinstance(value, State)
            promises = found(_looked_into(value), is_promise)
            waiting = await WaitFor(promises)
            if waiting is not None:
                return stopped(this, waiting)
            value = with_states(value) if promises else value
        return state_of_return(value, settled, engine_made, kind)
    if isinstance(outcome, Raised) and isinstance(outcome.error, CancelledRun):
        outcome = told_to_end(this) or outcome
    if isinstance(outcome, Cancelled):
        return stopped(this, outcome)
    if isinstance(outcome.error, TimeoutError):
        is_ours = expired is not None and outcome.error is expired.error
        return timed_out(outcome.error, kind, seconds if is_ours else None)
    return failed(outcome.error, kind)


def _looked_into(value: Any) -> Any:
    """Return where futures may be: in what was returned, or in what a state of the user's own holds."""
    return value.data if isinstance(value, State) and not engine_made(value) else value


def with_states(value: Any) -> Any:
    """Return the value with futures inside replaced by the states in which their runs ended."""
    if isinstance(value, State):
        return value.replace(data=with_states(value.data))
    return walk(value, lambda leaf: settled(leaf) or leaf, unwrap=False)


async def wait_before_retry(this: RunContext, ended: State, retries_made: int, kind: Kind, again: Any) -> State | None:
    """Decide whether the run is tried again. If so wait, and answer None; else answer the state in which it ends.

    A run that waits in the store is left there: then the answer is the state in which it waits.
    """
    decision = await _decision(this, ended, retries_made, again)
    if isinstance(decision, Cancelled):
        return stopped(this, decision)
    cause = ended.data if isinstance(ended.data, Exception) else ended
    if decision.delay is None:
        if ended.is_failed() and 0 < this.definition.policy.retries <= retries_made:
            await Say(this.run, logging.ERROR, messages.exhausted(kind, cause), error_of(ended))
        elif ended.is_failed() and error_of(ended):
            await Say(this.run, logging.ERROR, messages.given_up(kind, cause), ended.data)
        return ended
    total = this.definition.policy.retries
    line = messages.retry(kind, cause, retries_made + 1, total, decision.delay)
    await Say(this.run, logging.WARNING, line, error_of(ended))
    return await _wait(this, decision.delay) if decision.delay > 0 else None


async def _decision(this: RunContext, ended: State, retries_made: int, again: Any) -> Decision | Cancelled:
    policy = this.definition.policy
    decision = decide(policy, ended, retries_made)
    if decision.delay is None:
        return decision
    if again is not None:
        wanted = await again(this, ended)
        if wanted is not True:
            return wanted or Decision(None)
    if policy.needs_draw(decision.delay):
        return Decision(policy.jittered(decision.delay, await Draw()))
    return decision


async def _wait(this: RunContext, seconds: float) -> State | None:
    until = await Now() + timedelta(seconds=seconds)
    details = StateDetails(scheduled_time=until)
    standing = await record(this, unstamped(StateType.SCHEDULED, "AwaitingRetry", state_details=details))
    if standing is not None:
        return standing
    if this.waits_in_store:
        return this.run.state
    waiting = await Sleep(seconds)
    return stopped(this, waiting) if waiting is not None else None


def error_of(state: State) -> Exception | None:
    """Return the exception that a state carries, for the log's traceback."""
    return state.data if isinstance(state.data, Exception) else None


def stopped(this: RunContext, outcome: Cancelled) -> State:
    """Return the state of a run that was ended from outside, and remember by what: it is raised again in the end."""
    this.ended_by = outcome.reason
    return ended_from_outside(outcome.reason)


def told_to_end(this: RunContext) -> Cancelled | None:
    """Return what ended this run as well, where it can't go on because a run that it needs has been cancelled.

    Who ends a flow run cancels what has not begun, and tells what has. A run that waits for one of the former may wake
    before it is told itself: it has not failed, it has heard of its own end in another way. It is not told again, which
    would interrupt its clean-up.
    """
    reason = this.told_to_end_by
    if reason is None:
        return None
    this.guard.count_as_delivered(reason)
    return Cancelled(reason)


def is_promise(value: Any) -> bool:
    """Say whether this is the future of a run."""
    return isinstance(value, Promise)


def settled(value: Any) -> State | None:
    """Return the state in which the run of a future ended; None for anything else."""
    return value.settled_state if isinstance(value, Promise) else None
