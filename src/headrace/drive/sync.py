"""The sync driver: carry out a story's effects in the calling thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from headrace.clock import Event
from headrace.drive.calls import inside, limited, outcome_of, printing
from headrace.drive.guards import Guard, thread_guard
from headrace.drive.world import INSTANT, World
from headrace.effects import (
    Call,
    Cancelled,
    CloseRunner,
    Effect,
    OpenRunner,
    Outcome,
    Promise,
    Returned,
    Sleep,
    WaitFor,
    WaitForSlots,
)

T = TypeVar("T")
Story = Coroutine[Effect[Any], Any, T]

#: What a step of a generator gives when there is no next.
END = object()


class _Thread(threading.local):
    """What a thread's owner wants to know: `blocked` surrounds each wait, so that a pool can put another to work."""

    blocked: Callable[[], AbstractContextManager[None]] = nullcontext


THREAD = _Thread()


def drive(story: Story[T], world: World) -> T:
    """Carry the story out, and return its answer."""
    guard = thread_guard()
    was_open = guard.is_open
    guard.close()
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
        guard.is_open = was_open


def drive_generator(story: Story[T], world: World) -> Generator[Any, Any, T]:
    """Carry the story out, passing on what the user's generator yields."""
    guard = thread_guard()
    answer: Any = None
    try:
        while True:
            was_open, guard.is_open = guard.is_open, False
            try:
                effect = story.send(answer)
                if isinstance(effect, Call) and effect.body:
                    answer = yield from _passed_through(effect, world, guard)
                else:
                    answer = carry_out(effect, world, guard)
            except StopIteration as stop:
                result: T = stop.value
                return result
            finally:
                guard.is_open = was_open
    finally:
        story.close()


def carry_out(effect: Effect[Any], world: World, guard: Guard) -> Any:
    """Carry out one effect."""
    instant = INSTANT.get(type(effect))
    return instant(world, effect) if instant is not None else _TAKING_TIME[type(effect)](effect, world, guard)


def call(effect: Call, world: World, guard: Guard) -> Outcome:
    """Call the user's function in this thread, or where the task runner that has it wants it."""
    runner = effect.runner
    if runner is not None:
        outcome: Outcome | None = runner.carry_out(effect, world, guard)
        if outcome is not None:
            return outcome
    try:
        with inside(effect.context), printing(world, effect), limited(world, effect, guard):
            try:
                guard.open()
                return Returned(_value(effect, world))
            finally:
                guard.close()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is an answer to the story
        guard.close()
        return outcome_of(error, effect, guard)


def _value(effect: Call, world: World) -> Any:
    if effect.flavour == "sync":
        return effect.fn(*effect.args, **effect.kwargs)
    if effect.flavour == "generator":
        return list(effect.fn(*effect.args, **effect.kwargs))
    from headrace.drive.bridge import run_async  # asyncio is slow to import, and sync flows do without

    return run_async(effect, world)


def _passed_through(effect: Call, world: World, guard: Guard) -> Generator[Any, Any, Outcome]:
    """Run the user's generator, in its context only while it runs; what it yielded is its value, as a list."""
    yielded: list[Any] = []
    generator = effect.fn(*effect.args, **effect.kwargs)
    step, argument = generator.send, None
    while True:
        began = world.clock.monotonic_ns()
        outcome = call(effect.step(_advanced, (step, argument), "sync"), world, guard)
        if effect.seconds is not None:
            effect.seconds = max(effect.seconds - (world.clock.monotonic_ns() - began) / 1e9, 1e-6)
        if not isinstance(outcome, Returned) or outcome.value is END:
            return Returned(yielded) if isinstance(outcome, Returned) else outcome
        yielded.append(outcome.value)
        guard.is_open = True
        try:
            step, argument = generator.send, (yield outcome.value)
        except GeneratorExit:
            generator.close()
            return Returned(yielded)
        except BaseException as error:  # noqa: BLE001 - thrown in by the caller: it is for the user's generator
            step, argument = generator.throw, error
        finally:
            guard.is_open = False


def _advanced(step: Callable[[Any], Any], argument: Any) -> Any:
    try:
        return step(argument)
    except StopIteration:
        return END


def wait(event: Event, seconds: float | None, world: World, guard: Guard) -> Cancelled | None:
    """Wait for an event where the thread may be interrupted."""
    guard.wake = event.set
    try:
        guard.open()
        with THREAD.blocked():
            event.wait(seconds)
    except BaseException as reason:  # noqa: BLE001 - whatever ended the wait is the answer
        return Cancelled(reason)
    finally:
        guard.close()
        guard.wake = None
    reason = guard.take_pending()
    return Cancelled(reason) if reason is not None else None


def _sleep(effect: Sleep, world: World, guard: Guard) -> Cancelled | None:
    return wait(world.clock.event(), effect.seconds, world, guard)


def _wait_for(effect: WaitFor, world: World, guard: Guard) -> Cancelled | None:
    return wait_for_all(effect.promises, world, guard)


def wait_for_all(promises: Any, world: World, guard: Guard) -> Cancelled | None:
    """Wait until all of the promises are settled."""
    for promise in promises:
        if not promise.done():
            event = world.clock.event()
            promise.when_done(event.set)
            waiting = wait(event, None, world, guard)
            if waiting is not None:
                return waiting
    return None


def _wait_for_slots(effect: WaitForSlots, world: World, guard: Guard) -> Cancelled | None:
    event = world.clock.event()
    world.slots.when_released(effect.seen, event.set)
    return wait(event, world.slots.patience(effect.seconds), world, guard)


def _open_runner(effect: OpenRunner, world: World, guard: Guard) -> None:
    context = effect.context
    context.task_runner = context.definition.new_task_runner()
    context.task_runner.__enter__()


def _close_runner(effect: CloseRunner, world: World, guard: Guard) -> Cancelled | None:
    context = effect.context
    begun: list[Promise] = context.task_runner.finish(effect.reason)
    waiting = wait_for_all(begun, world, guard)
    context.task_runner.__exit__(None, None, None)
    return waiting


_TAKING_TIME: dict[type, Callable[[Any, World, Guard], Any]] = {
    Sleep: _sleep,
    Call: call,
    WaitFor: _wait_for,
    WaitForSlots: _wait_for_slots,
    OpenRunner: _open_runner,
    CloseRunner: _close_runner,
}
