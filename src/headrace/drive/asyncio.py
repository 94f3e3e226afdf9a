"""The asyncio driver: carry out a story's effects in a task of the running loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.drive.bridge import value_of
from headrace.drive.calls import inside, outcome_of, printing
from headrace.drive.guards import Guard, thread_guard
from headrace.drive.sync import THREAD, End, Story
from headrace.drive.sync import call as call_sync
from headrace.drive.world import INSTANT, World
from headrace.effects import (
    Call,
    Cancelled,
    Closed,
    CloseRunner,
    Effect,
    OpenRunner,
    Outcome,
    Promise,
    Raised,
    Record,
    ReleaseSlots,
    RequestSlots,
    Returned,
    Sleep,
    WaitFor,
    WaitForSlots,
)
from headrace.runs.aftermath import UNTOLD, aftermath

if TYPE_CHECKING:
    from headrace.runs.context import RunContext

T = TypeVar("T")


class TaskGuard(Guard):
    """The interrupts of one asyncio task: it is cancelled, and the reason is remembered."""

    __slots__ = ("_loop", "task")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        super().__init__()
        self._loop = task.get_loop()
        self.task = task

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the task."""
        return self._loop

    def interrupt(self, reason: BaseException) -> None:
        """Cancel the task at its next await."""
        if self._remember(reason):
            self._loop.call_soon_threadsafe(self._cancel, reason)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """A task is interrupted at each await, whatever it is at."""
        yield

    def _cancel(self, reason: BaseException) -> None:
        if reason in self._pending:  # else it was withdrawn, or delivered, meanwhile
            self.task.cancel()

    def raised(self, error: BaseException) -> BaseException:
        """Return the reason for a cancellation that came from here."""
        if not isinstance(error, asyncio.CancelledError) or not self._pending:
            return error
        self.task.uncancel()
        reason = self._taken().with_traceback(error.__traceback__)
        for other in self._pending:
            self._loop.call_soon(self._cancel, other)
        return reason


_GUARD: ContextVar[TaskGuard | None] = ContextVar("headrace_task_guard", default=None)


def task_guard() -> TaskGuard:
    """Return the guard of the running asyncio task."""
    guard, task = _GUARD.get(), asyncio.current_task()
    if guard is None or guard.task is not task:  # a new task begins in a copy of the context of the one that made it
        assert task is not None, "coroutines that are driven run in asyncio tasks"
        guard = TaskGuard(task)
        _GUARD.set(guard)
    return guard


async def live(story: Story[T], context: RunContext, world: World) -> T:
    """Drive the story of a run; where it breaks off (the store failed, say), what is left to do is done first."""
    try:
        return await drive(story, world)
    except BaseException as error:
        await _finish(context, error, world)
        raise


async def _finish(context: RunContext, error: BaseException, world: World) -> None:
    for step in aftermath(context, error):
        with suppress(*UNTOLD):
            await drive(step, world)


async def drive(story: Story[T], world: World) -> T:
    """Carry the story out, and return its answer."""
    guard = task_guard()
    answer: Any = None
    try:
        while True:
            try:
                effect = story.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            answer = await carry_out(effect, world, guard)
    finally:
        story.close()


async def drive_generator(
    story: Story[Any], context: RunContext, world: World, ended: Callable[[Any], Any]
) -> AsyncGenerator[Any, Any]:
    """Live a run, passing on what the user's async generator yields; `ended` is told the story's answer."""
    answer: Any = None
    try:
        while True:
            try:
                effect = story.send(answer)
            except StopIteration as stop:
                ended(stop.value)
                return
            if not (isinstance(effect, Call) and effect.body):
                answer = await carry_out(effect, world, task_guard())
                continue
            steps = _Steps(world.cast(effect), world)
            while await steps.forward():
                try:
                    steps.send((yield steps.item))
                except GeneratorExit:
                    await steps.close()
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller: it is for the user's generator
                    steps.throw(error)
            answer = steps.outcome
    except BaseException as error:
        await _finish(context, error, world)
        raise
    finally:
        story.close()


class _Steps:
    """A user's async generator, run step by step, in its context only while it runs."""

    def __init__(self, effect: Call, world: World) -> None:
        self._effect, self._world = effect, world
        self._generator = effect.fn(*effect.args, **effect.kwargs)
        self._step: Callable[[Any], Awaitable[Any]] = self._generator.asend
        self._argument: Any = None
        self._yielded: list[Any] = []
        self._closed = False
        self.item: Any = None
        self.outcome: Outcome = Returned(self._yielded)

    async def forward(self) -> bool:
        """Run to the next yield; False at the end."""
        if self._closed:
            return False
        outcome = await self._call(_advanced, self._step, self._argument)
        if not isinstance(outcome, Returned):
            self.outcome = outcome
            return False
        self.item = outcome.value
        if isinstance(self.item, End):
            return False
        self._yielded.append(self.item)
        return True

    def send(self, value: Any) -> None:
        """Go on with this value at the next step."""
        self._step, self._argument = self._generator.asend, value

    def throw(self, error: BaseException) -> None:
        """Go on with this error at the next step."""
        self._step, self._argument = self._generator.athrow, error

    async def close(self) -> None:
        """Let the generator clean up; there is no next step."""
        self._closed = True
        closed = await self._call(self._generator.aclose)
        self.outcome = Closed(self._yielded) if isinstance(closed, Returned) else closed

    async def _call(self, fn: Callable[..., Any], *args: Any) -> Outcome:
        began = self._world.clock.monotonic_ns()
        outcome = await call(self._effect.step(fn, args, "async"), self._world, task_guard())
        self._effect.spend(self._world.clock.monotonic_ns() - began)
        return outcome


async def _advanced(step: Callable[[Any], Awaitable[Any]], argument: Any) -> Any:
    try:
        return await step(argument)
    except StopAsyncIteration:
        return End()


async def carry_out(effect: Effect[Any], world: World, guard: TaskGuard) -> Any:
    """Carry out one effect."""
    instant = INSTANT.get(type(effect))
    if instant is None:
        return await _TAKING_TIME[type(effect)](effect, world, guard)
    if world.pause is not None and type(effect) in _SEEN_BY_OTHERS:
        await world.pause()
    return instant(world, effect)


async def call(effect: Call, world: World, guard: TaskGuard) -> Outcome:
    """Await the user's function in this task; a sync one (a hook) is called here and now."""
    effect = world.cast(effect)
    if effect.flavour in ("sync", "generator"):
        return call_sync(effect, world, thread_guard())
    limit = _Limit(effect)
    try:
        with inside(effect.context), printing(world, effect):
            async with limit.timeout:
                return Returned(await value_of(effect))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is an answer to the story
        if limit.has_expired(error):
            assert effect.expired is not None, "a limit has an error to raise"
            return Raised(effect.expired.error.with_traceback(error.__traceback__))
        return outcome_of(error, effect, guard)


class _Limit:
    """The time limit of an async call."""

    def __init__(self, effect: Call) -> None:
        self._timeout = asyncio.timeout(effect.seconds) if effect.seconds is not None else None
        self.timeout: AbstractAsyncContextManager[Any] = self._timeout or nullcontext()

    def has_expired(self, error: BaseException) -> bool:
        return isinstance(error, TimeoutError) and self._timeout is not None and self._timeout.expired()


async def _interruptible(wait: Awaitable[Any], guard: TaskGuard) -> Cancelled | None:
    try:
        await wait
    except BaseException as error:  # noqa: BLE001 - whatever ended the wait is the answer
        return Cancelled(guard.raised(error))
    return None


async def _sleep(effect: Sleep, world: World, guard: TaskGuard) -> Cancelled | None:
    return await _interruptible(asyncio.sleep(effect.seconds), guard)


async def _wait_for(effect: WaitFor, world: World, guard: TaskGuard) -> Cancelled | None:
    return await _wait_for_all(effect.promises, guard)


async def _wait_for_all(promises: Any, guard: TaskGuard) -> Cancelled | None:
    for promise in promises:
        if not promise.done():
            waiting = await _interruptible(settled(promise), guard)
            if waiting is not None:
                return waiting
    return None


async def settled(promise: Promise) -> None:
    """Wait in this loop until a promise is settled, wherever that happens."""
    flag = Flag(promise.awaited)
    promise.when_done(flag.raise_)
    with THREAD.blocked():
        await flag.event.wait()


class Flag:
    """An asyncio event that any thread may set. `why` says, in a report, what somebody waits for who waits for it."""

    def __init__(self, why: Callable[[], str]) -> None:
        self.event = asyncio.Event()
        self.event.headrace_awaited = why  # type: ignore[attr-defined]
        self._loop = asyncio.get_running_loop()

    def raise_(self) -> None:
        """Set the event."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.event.set)


async def _wait_for_slots(effect: WaitForSlots, world: World, guard: TaskGuard) -> Cancelled | None:
    flag = Flag(partial(world.slots.awaited, effect.limit))
    world.slots.when_released(effect.seen, flag.raise_)
    return await _interruptible(_raised_within(flag, world.slots.patience(effect.seconds)), guard)


async def _raised_within(flag: Flag, seconds: float | None) -> None:
    try:
        with THREAD.blocked():
            await asyncio.wait_for(flag.event.wait(), seconds)
    except TimeoutError:
        pass  # time to ask again


async def _open_runner(effect: OpenRunner, world: World, guard: TaskGuard) -> None:
    context = effect.context
    context.task_runner = world.runner_of(context.definition)
    context.task_runner.__enter__()


async def _close_runner(effect: CloseRunner, world: World, guard: TaskGuard) -> Cancelled | None:
    runner = effect.context.task_runner
    waiting: Cancelled | None = None
    while waiting is None and (begun := runner.finish(effect.reason)):  # what has begun may submit more
        waiting = await _wait_for_all(begun, guard)
    if waiting is None or effect.reason is not None:
        runner.__exit__(None, None, None)
    return waiting


#: What others may be quicker with.
_SEEN_BY_OTHERS = frozenset({Record, RequestSlots, ReleaseSlots})
_TAKING_TIME: dict[type, Callable[[Any, World, TaskGuard], Awaitable[Any]]] = {
    Sleep: _sleep,
    Call: call,
    WaitFor: _wait_for,
    WaitForSlots: _wait_for_slots,
    OpenRunner: _open_runner,
    CloseRunner: _close_runner,
}
