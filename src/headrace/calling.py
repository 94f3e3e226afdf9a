"""A call of a flow or task: which driver tells its story, and what the caller gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from headrace.core.states import State
from headrace.drive import sync
from headrace.drive.activities import active
from headrace.drive.guards import Guard, signals, thread_guard
from headrace.drive.world import World, current_world
from headrace.exceptions import CancelRequested
from headrace.runs.context import RunContext


class Callee(Protocol):
    """What flows and tasks offer to be called: a story, and the answer of a plain call."""

    flavour: Any

    def story(self, context: Any) -> Any:
        """Return the coroutine that tells the life of a run."""

    def answer(self, context: Any, state: State) -> Any:
        """Return what a plain call gives, or raise."""


def call(callee: Callee, make_context: Callable[[], RunContext], return_state: bool) -> Any:
    """Call a flow or task in the way of its function: now, as a coroutine, or as a generator."""
    flavour = callee.flavour
    if flavour == "sync" or (flavour == "generator" and return_state):
        return _call(callee, make_context(), return_state)
    if flavour == "generator":
        return _generate(callee, make_context)
    if flavour == "async" or return_state:
        return _call_async(callee, make_context, return_state)
    return _generate_async(callee, make_context)


def _call(callee: Callee, context: RunContext, return_state: bool) -> Any:
    world = current_world()
    guard = thread_guard()
    if context.run.kind == "task" and context.parent is not None and context.parent.guard is guard:
        # Its caller is found in this very thread, takes part in the clock and hears signals: that does for both.
        context.guard = guard
        state = sync.drive(callee.story(context), world)
    else:
        with _on_top(context, world, guard):
            state = sync.drive(callee.story(context), world)
    return _given_back(callee, context, state, return_state)


def _generate(callee: Callee, make_context: Callable[[], RunContext]) -> Iterator[Any]:
    context = make_context()
    state = yield from sync.drive_generator(callee.story(context), current_world())
    _given_back(callee, context, state, return_state=False)


async def _call_async(callee: Callee, make_context: Callable[[], RunContext], return_state: bool) -> Any:
    from headrace.drive import asyncio  # slow to import; only async code comes here

    context = make_context()
    world = current_world()
    guard = asyncio.TaskGuard()
    top = signals(guard.interrupt, guard) if context.parent is None else nullcontext()
    with world.clock.participant(), top, active(world, context, guard):
        state = await asyncio.drive(callee.story(context), world, guard)
    return _given_back(callee, context, state, return_state)


async def _generate_async(callee: Callee, make_context: Callable[[], RunContext]) -> Any:
    from headrace.drive import asyncio  # as above

    context = make_context()
    ended: list[State] = []
    steps = asyncio.drive_generator(callee.story(context), current_world(), ended.append)
    sent: Any = None
    try:
        while True:
            try:
                item = await steps.asend(sent)
            except StopAsyncIteration:
                break
            try:
                sent = yield item
            except GeneratorExit:
                await steps.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in by the caller
                sent = None
                try:
                    await steps.athrow(error)
                except StopAsyncIteration:
                    break
    finally:
        await steps.aclose()
    _given_back(callee, context, ended[0], return_state=False)


@contextmanager
def _on_top(context: RunContext, world: World, guard: Guard) -> Iterator[None]:
    """Take part in the clock, hear signals where this is the outermost run, and be found by who wants to cancel."""
    hearing: AbstractContextManager[None] = (
        signals(guard.interrupt, guard) if context.parent is None else nullcontext()
    )
    with world.clock.participant(), hearing, active(world, context, guard):
        yield


def _given_back(callee: Callee, context: RunContext, state: State, return_state: bool) -> Any:
    """Raise what ended the run from outside; else give the state, or the value."""
    reason = context.ended_by
    if reason is not None and not _meant_for(reason, context):
        raise reason
    if context.parent is None and context.run.kind == "flow":
        current_world().logs.flush()
    flow_context = context.flow_context
    if flow_context is not None and context.run.kind == "task" and state.is_completed():
        flow_context.origins.note(state.data, context.run.id)
    return state if return_state else callee.answer(context, state)


def _meant_for(reason: BaseException, context: RunContext) -> bool:
    """Say whether a cancellation has reached the run it was asked of, and needs to go no further."""
    return isinstance(reason, CancelRequested) and reason.flow_run_id == context.run.id
