"""A call of a flow or task: which driver tells its story, and what the caller gets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from logging import getLogger
from typing import Any, Protocol

from headrace.core.records import Run
from headrace.core.states import State
from headrace.drive import sync
from headrace.drive.activities import active
from headrace.drive.guards import Guard, signals, thread_guard
from headrace.drive.world import World, current_world
from headrace.exceptions import CancelRequested, StoreError
from headrace.runs.context import FlowRunContext, RunContext, TaskRunContext


class Callee(Protocol):
    """What flows and tasks offer to be called: a story, and the answer of a plain call."""

    name: str
    flavour: Any

    def story(self, context: Any) -> Any:
        """Return the coroutine that tells the life of a run."""

    def answer(self, context: Any, state: State) -> Any:
        """Return what a plain call gives, or raise."""


def call(callee: Callee, make_context: Callable[[], RunContext], return_state: bool) -> Any:
    """Call a flow or task in the way of its function: now, as a coroutine, or as a generator."""
    flavour = callee.flavour
    if flavour == "sync" or (flavour == "generator" and return_state):
        return _call(callee, make_context, return_state)
    if flavour == "generator":
        return _generate(callee, make_context)
    if flavour == "async" or return_state:
        coroutine = _call_async(callee, make_context, return_state)
        coroutine.__qualname__ = callee.name  # type: ignore[attr-defined]  # who forgets to await it is told which
        return coroutine
    return _generate_async(callee, make_context)


def _call(callee: Callee, make_context: Callable[[], RunContext], return_state: bool) -> Any:
    world, guard = current_world(), thread_guard()
    if world.prefers_loops and not _in_loop():
        from headrace.drive.bridge import thread_loop  # in tests only

        return thread_loop(world).run(_call_async(callee, make_context, return_state))
    stood = guard.shut()  # what comes from outside is told to the run, or to the caller, but not to the engine
    try:
        context = make_context()
        if context.run.kind == "task" and context.parent is not None and context.parent.guard is guard:
            # Its caller is found in this very thread, takes part in the clock and hears signals: that does for both.
            context.guard = guard
            state = sync.live(world.story(callee, context), context, world)
        else:
            with _on_top(context, world, guard):
                state = sync.live(world.story(callee, context), context, world)
        return _given_back(callee, context, state, return_state)
    finally:
        guard.reopen(stood)


def _in_loop() -> bool:
    from asyncio import _get_running_loop  # as above

    return _get_running_loop() is not None


def _generate(callee: Callee, make_context: Callable[[], RunContext]) -> Generator[Any, Any, Any]:
    """Drive a run step by step: between the steps this thread is its caller's."""
    context, world = make_context(), current_world()
    ended: list[State] = []
    steps = sync.drive_generator(world.story(callee, context), context, world, ended.append)
    advance: Callable[[], Any] = lambda: next(steps)  # noqa: E731
    returned: Any = None
    while True:
        try:
            with _step(context, world):
                item = advance()
        except StopIteration as stop:
            returned = stop.value
            break
        _note_origin(context, item)
        try:
            sent = yield item
            advance = partial(steps.send, sent)
        except GeneratorExit:
            with _step(context, world):
                steps.close()
            break
        except BaseException as error:  # noqa: BLE001 - thrown in by the caller
            advance = partial(steps.throw, error)
    if ended:
        _given_back(callee, context, ended[0], return_state=False)
        yield from _cached_items(ended[0])
    return returned


def _cached_items(ended: State) -> Iterable[Any]:
    """Return what a generator would have yielded, had it not been cached."""
    return ended.result() if ended.name == "Cached" else ()


@contextmanager
def _step(context: RunContext, world: World) -> Iterator[None]:
    guard = thread_guard()
    stood = guard.shut()
    try:
        with _on_top(context, world, guard):
            yield
    finally:
        guard.reopen(stood)


async def _call_async(callee: Callee, make_context: Callable[[], RunContext], return_state: bool) -> Any:
    from headrace.drive import asyncio  # slow to import; only async code comes here

    world = current_world()
    world.clock.check_loop()
    context = make_context()
    with _on_top(context, world, asyncio.task_guard()):
        state = await asyncio.live(world.story(callee, context), context, world)
    return _given_back(callee, context, state, return_state)


async def _generate_async(callee: Callee, make_context: Callable[[], RunContext]) -> Any:
    from asyncio import CancelledError  # as above

    from headrace.drive import asyncio

    world = current_world()
    world.clock.check_loop()
    context = make_context()
    ended: list[State] = []
    steps = asyncio.drive_generator(world.story(callee, context), context, world, ended.append)
    advance: Callable[[], Any] = lambda: anext(steps)  # noqa: E731
    while True:
        try:
            with _on_top(context, world, asyncio.task_guard()):
                item = await advance()
        except StopAsyncIteration:
            break
        _note_origin(context, item)
        try:
            sent = yield item
            advance = partial(steps.asend, sent)
        except (GeneratorExit, CancelledError):
            # Cancelled between two items: the loop is ending, and gives up a generator that nobody wants the rest of.
            with _on_top(context, world, asyncio.task_guard()):
                await steps.aclose()
            raise
        except BaseException as error:  # noqa: BLE001 - thrown in by the caller
            advance = partial(steps.athrow, error)
    _given_back(callee, context, ended[0], return_state=False)
    for item in _cached_items(ended[0]):
        yield item


@contextmanager
def _on_top(context: RunContext, world: World, guard: Guard) -> Iterator[None]:
    """Take part in the clock, hear signals where this is the outermost run, and be found by who wants to cancel."""
    outermost = context.parent is None
    hearing: AbstractContextManager[None] = signals(guard, world.clock) if outermost else nullcontext()
    listing: AbstractContextManager[None] = _listed(world, context.run) if outermost else nullcontext()
    with world.clock.participant(), hearing, listing, active(world, context, guard):
        try:
            yield
        finally:
            if outermost and context.run.kind == "flow":
                _flush(world)  # before a signal is delivered again, which may be the end of this process


@contextmanager
def _listed(world: World, run: Run) -> Iterator[None]:
    """Tell other processes, in the block, that this one is at work on a run; as long as it lives if that has no end.

    After the first one it is looked for what other processes have left behind.
    """
    roster = world.roster
    if roster is None:
        yield
        return
    roster.begin(run.kind, run.id)
    try:
        yield
    finally:
        if run.state is not None and run.state.is_final():
            roster.end(run.kind, run.id)
            if not roster.has_looked:
                from headrace.drive.lost import record_lost  # where runs are kept in memory nothing is left behind

                roster.has_looked = True
                record_lost(world)


def _flush(world: World) -> None:
    try:
        world.logs.flush()
    except StoreError as error:
        getLogger("headrace").warning("Log lines could not be stored: %s", error)


def _given_back(callee: Callee, context: RunContext, state: State, return_state: bool) -> Any:
    """Raise what ended the run from outside; else give the state, or the value."""
    reason = context.ended_by
    if reason is not None and not _meant_for(reason, context):
        context.guard.count_as_delivered(reason)
        raise reason
    if state.is_completed():
        _note_origin(context, state.data)
    return state if return_state else callee.answer(context, state)


def _note_origin(context: RunContext, value: Any) -> None:
    """Remember, in the flow run around, which task run made a value; a subflow's is the one that stands for it."""
    if isinstance(context, TaskRunContext):
        if context.within is not None:
            context.within.origins.note(value, context.run.id)
    elif isinstance(context, FlowRunContext) and context.stand_in is not None and context.parent is not None:
        outer = context.parent.flow_context
        if outer is not None:
            outer.origins.note(value, context.stand_in.id)


def _meant_for(reason: BaseException, context: RunContext) -> bool:
    """Say whether a cancellation has reached the run it was asked of, and needs to go no further."""
    return isinstance(reason, CancelRequested) and reason.flow_run_id == context.run.id
