"""The sync driver: carry out a story's effects in the calling thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.clock import Event
from headrace.drive import prints
from headrace.drive.calls import inside, limited, outcome_of, printing
from headrace.drive.guards import Guard, thread_guard
from headrace.drive.world import INSTANT, World
from headrace.effects import (
    Call,
    Cancelled,
    Closed,
    CloseRunner,
    Effect,
    OpenRunner,
    Outcome,
    Returned,
    Sleep,
    WaitFor,
    WaitForSlots,
)
from headrace.runs.aftermath import UNTOLD, aftermath
from headrace.runs.context import CURRENT

if TYPE_CHECKING:
    from headrace.runs.context import RunContext

T = TypeVar("T")
Story = Coroutine[Effect[Any], Any, T]


class End:
    """What a step of a generator gives when there is no next, with what the generator returned."""

    __slots__ = ("returned",)

    def __init__(self, returned: Any = None) -> None:
        self.returned = returned


class _Thread(threading.local):
    """What a thread's owner wants to know: `blocked` surrounds each wait, so that a pool can put another to work."""

    blocked: Callable[[], AbstractContextManager[None]] = nullcontext
    #: How many such waits surround what the thread does now.
    waits = 0


THREAD = _Thread()


def drive(story: Story[T], world: World) -> T:
    """Carry the story out, and return its answer; interrupts that come meanwhile reach its calls and waits alone."""
    guard = thread_guard()
    stood = guard.shut()
    answer: Any = None
    try:
        while True:
            try:
                effect = story.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result
            answer = carry_out(effect, world, guard)
    finally:
        story.close()
        guard.reopen(stood)


def live(story: Story[T], context: RunContext, world: World) -> T:
    """Drive the story of a run; where it breaks off (the store failed, say), what is left to do is done first."""
    try:
        return drive(story, world)
    except BaseException as error:
        for step in aftermath(context, error):
            with suppress(*UNTOLD):
                drive(step, world)
        raise


def drive_generator(
    story: Story[T], context: RunContext, world: World, ended: Callable[[T], object]
) -> Generator[Any, Any, Any]:
    """Live a run, passing on what the user's generator yields, and returns; `ended` is told the story's answer.

    The guard is to be closed at each step.
    """
    answer: Any = None
    returned: Any = None
    try:
        while True:
            try:
                effect = story.send(answer)
            except StopIteration as stop:
                ended(stop.value)
                return returned
            if not (isinstance(effect, Call) and effect.body):
                answer = carry_out(effect, world, thread_guard())
                continue
            steps = _Steps(world.cast(effect), world)
            while steps.forward():
                try:
                    steps.send((yield steps.item))
                except GeneratorExit:
                    steps.close()
                except BaseException as error:  # noqa: BLE001 - thrown in by the caller: it is for the user's generator
                    steps.throw(error)
            answer, returned = steps.outcome, steps.returned
    except BaseException as error:
        for step in aftermath(context, error):
            with suppress(*UNTOLD):
                drive(step, world)
        raise
    finally:
        story.close()


def carry_out(effect: Effect[Any], world: World, guard: Guard) -> Any:
    """Carry out one effect."""
    instant = INSTANT.get(type(effect))
    return instant(world, effect) if instant is not None else _TAKING_TIME[type(effect)](effect, world, guard)


def call(effect: Call, world: World, guard: Guard) -> Outcome:
    """Call the user's function in this thread, or where the task runner that has it wants it."""
    effect = world.cast(effect)
    runner = effect.runner
    if runner is not None:
        outcome: Outcome | None = runner.carry_out(effect, world, guard)
        if outcome is not None:
            return outcome
    if not effect.prints and effect.seconds is None and not prints.are_captured():
        return _plainly_called(effect, world, guard)
    try:
        with inside(effect.context), printing(world, effect), limited(world, effect, guard):
            try:
                guard.open()
                return Returned(_value(effect, world))
            finally:
                guard.close()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is an answer to the story
        guard.close()  # it may have been interrupted just before
        return outcome_of(error, effect, guard)
    finally:
        if effect.expired is not None:
            guard.withdraw(effect.expired)


def _plainly_called(effect: Call, world: World, guard: Guard) -> Outcome:
    """Do as `call` for one without prints and without a limit, as most are: context managers would take longer."""
    token = CURRENT.set(effect.context)
    try:
        try:
            guard.open()
            return Returned(_value(effect, world))
        finally:
            guard.close()
    except BaseException as error:  # noqa: BLE001 - as in `call`
        guard.close()
        return outcome_of(error, effect, guard)
    finally:
        CURRENT.reset(token)


def _value(effect: Call, world: World) -> Any:
    if effect.flavour == "sync":
        result = effect.fn(*effect.args, **effect.kwargs)
        # A generator that a run ends with can't be kept: its items are. They are the work of this run, too.
        return list(result) if effect.body and type(result) is GeneratorType else result
    if effect.flavour == "generator":
        return list(effect.fn(*effect.args, **effect.kwargs))
    from headrace.drive.bridge import run_async  # asyncio is slow to import, and sync flows do without

    return run_async(effect, world)


class _Steps:
    """A user's generator, run step by step, in its context only while it runs; it gives the list of what it yielded."""

    def __init__(self, effect: Call, world: World) -> None:
        self._effect, self._world = effect, world
        self._generator = effect.fn(*effect.args, **effect.kwargs)
        self._step: Callable[[Any], Any] = self._generator.send
        self._argument: Any = None
        self._yielded: list[Any] = []
        self._closed = False
        self.item: Any = None
        self.outcome: Outcome = Returned(self._yielded)
        self.returned: Any = None

    def forward(self) -> bool:
        """Run to the next yield; False at the end."""
        if self._closed:
            return False
        outcome = self._call(_advanced, self._step, self._argument)
        if not isinstance(outcome, Returned):
            self.outcome = outcome
            return False
        self.item = outcome.value
        if isinstance(self.item, End):
            self.returned = self.item.returned
            return False
        self._yielded.append(self.item)
        return True

    def send(self, value: Any) -> None:
        """Go on with this value at the next step."""
        self._step, self._argument = self._generator.send, value

    def throw(self, error: BaseException) -> None:
        """Go on with this error at the next step."""
        self._step, self._argument = self._generator.throw, error

    def close(self) -> None:
        """Let the generator clean up; there is no next step."""
        self._closed = True
        closed = self._call(self._generator.close)
        self.outcome = Closed(self._yielded) if isinstance(closed, Returned) else closed

    def _call(self, fn: Callable[..., Any], *args: Any) -> Outcome:
        began = self._world.clock.monotonic_ns()
        outcome = call(self._effect.step(fn, args, "sync"), self._world, thread_guard())
        self._effect.spend(self._world.clock.monotonic_ns() - began)
        return outcome


def _advanced(step: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return step(argument)
    except StopIteration as stop:
        return End(stop.value)


def block(event: Event, seconds: float | None = None) -> bool:
    """Wait in user code for an event, and return whether it is set; whatever interrupts the thread is raised."""
    guard = thread_guard()
    stood = guard.shut()
    interrupted = wait(event, seconds, guard)
    if interrupted is not None:
        guard.restore(stood)
        raise interrupted.reason
    guard.reopen(stood)
    return event.is_set()


def wait(event: Event, seconds: float | None, guard: Guard) -> Cancelled | None:
    """Wait for an event where the thread may be interrupted."""
    guard.wake = event.set
    try:
        guard.open()
        with THREAD.blocked():
            event.wait(seconds)
    except BaseException as error:  # noqa: BLE001 - whatever ended the wait is the answer
        return Cancelled(error)
    finally:
        guard.close()
        guard.wake = None
    reason = guard.take_pending()
    return Cancelled(reason) if reason is not None else None


def _sleep(effect: Sleep, world: World, guard: Guard) -> Cancelled | None:
    return wait(world.clock.event(f"{effect.seconds:g} s, the delay of a retry or the like"), effect.seconds, guard)


def _wait_for(effect: WaitFor, world: World, guard: Guard) -> Cancelled | None:
    return wait_for_all(effect.promises, world, guard)


def wait_for_all(promises: Any, world: World, guard: Guard) -> Cancelled | None:
    """Wait until all of the promises are settled."""
    for promise in promises:
        if not promise.done():
            event = world.clock.event(promise.awaited)
            promise.when_done(event.set)
            waiting = wait(event, None, guard)
            if waiting is not None:
                return waiting
    return None


def _wait_for_slots(effect: WaitForSlots, world: World, guard: Guard) -> Cancelled | None:
    event = world.clock.event(partial(world.slots.awaited, effect.limit))
    world.slots.when_released(effect.seen, event.set)
    return wait(event, world.slots.patience(effect.seconds), guard)


def _open_runner(effect: OpenRunner, world: World, guard: Guard) -> None:
    context = effect.context
    context.task_runner = world.runner_of(context.definition)
    context.task_runner.__enter__()


def _close_runner(effect: CloseRunner, world: World, guard: Guard) -> Cancelled | None:
    runner = effect.context.task_runner
    waiting: Cancelled | None = None
    while waiting is None and (begun := runner.finish(effect.reason)):  # what has begun may submit more
        waiting = wait_for_all(begun, world, guard)
    if waiting is None or effect.reason is not None:
        runner.__exit__(None, None, None)
    return waiting


_TAKING_TIME: dict[type, Callable[[Any, World, Guard], Any]] = {
    Sleep: _sleep,
    Call: call,
    WaitFor: _wait_for,
    WaitForSlots: _wait_for_slots,
    OpenRunner: _open_runner,
    CloseRunner: _close_runner,
}
