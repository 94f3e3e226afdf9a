"""The guard and the drivers: what comes from outside reaches calls and waits, never the engine's own work."""

import asyncio
import subprocess
import sys
import threading

import pytest

from headrace.drive import asyncio as async_driver
from headrace.drive import sync as sync_driver
from headrace.drive.guards import Guard, thread_guard
from headrace.drive.world import current_world
from headrace.effects import Call, Cancelled, Now, Returned, Sleep
from headrace.exceptions import CancelRequested, TaskRunTimeoutError, TimeIsUp


class Asked(BaseException):
    """An interrupt."""


def test_a_closed_guard_remembers_and_an_open_one_raises():
    """Once."""
    guard = Guard()
    guard.interrupt(Asked())
    with pytest.raises(Asked):
        guard.open()
    guard.open()
    with pytest.raises(Asked):
        guard.interrupt(Asked())
    assert not guard.is_open


def test_signals_come_before_cancellations_and_time_outs_last():
    """The order of arrival counts among equals."""
    guard = Guard()
    first, second = TimeIsUp(TaskRunTimeoutError("first")), TimeIsUp(TaskRunTimeoutError("second"))
    asked, again, signal = Asked(1), Asked(2), KeyboardInterrupt()
    reasons = [first, asked, second, again, signal]
    for reason in reasons:
        guard.interrupt(reason)
    delivered = [guard.take_pending() for _ in reasons]
    assert delivered == [signal, asked, again, first, second]
    assert guard.take_pending() is None


def test_what_cleans_up_is_interrupted_by_signals_alone():
    """Also after the engine was at work for it; what came meanwhile is told then."""
    guard = Guard()
    guard.open()
    with pytest.raises(Asked):
        guard.interrupt(Asked())
    guard.interrupt(Asked("told later"))
    with pytest.raises(KeyboardInterrupt):
        guard.reopen(shut_and_told(guard, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        guard.interrupt(KeyboardInterrupt())
    guard.close()
    guard.interrupt(KeyboardInterrupt())  # the engine is at work: told later


def shut_and_told(guard, reason):
    stood = guard.shut()
    guard.interrupt(reason)
    return stood


def test_the_same_interrupt_is_delivered_once_however_often_it_is_told():
    """A cancellation comes by the watch and by the flow that closes."""
    guard = Guard()
    reason = CancelRequested()
    guard.interrupt(reason)
    guard.interrupt(reason)
    assert guard.take_pending() is reason
    guard.interrupt(reason)
    assert guard.take_pending() is None


def test_what_was_withdrawn_is_not_delivered():
    """A time-out whose call has ended, a cancellation of a run that has."""
    guard = Guard()
    late = TimeIsUp(TaskRunTimeoutError("late"))
    run_id = current_world().new_id()
    guard.interrupt(late)
    guard.interrupt(CancelRequested(run_id))
    guard.withdraw(late)
    guard.withdraw_cancel(run_id)
    guard.open()
    assert guard.is_open


def test_another_thread_plants_its_interrupt_in_open_code_only():
    """It reaches the loop of a user, and is taken back where the engine got there first."""
    guards, ready, reached = [], threading.Event(), []

    def work():
        guard = thread_guard()
        guards.append(guard)
        try:
            guard.open()
            ready.set()
            while True:
                pass
        except Asked as error:
            guard.close()
            reached.append(guard.raised(error))

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(20)
    reason = Asked("from outside")
    guards[0].interrupt(reason)
    thread.join(20)
    assert reached == [reason]


async def story(seen, interrupt):
    """Interrupt during an effect that may not be interrupted, then come to some that may."""
    interrupt()
    seen.append(await Now())
    seen.append(await Sleep(1000))
    seen.append(await Call(lambda: "called", (), {}, None))
    return "told"


def test_the_sync_driver_delivers_at_the_next_effect_that_may_be_interrupted(fake_clock):
    """The clock is read undisturbed; the sleep answers Cancelled; the call after it is made."""
    seen, reason = [], Asked()
    guard = thread_guard()
    assert sync_driver.drive(story(seen, lambda: guard.interrupt(reason)), current_world()) == "told"
    now, slept, called = seen
    assert isinstance(slept, Cancelled)
    assert slept.reason is reason
    assert isinstance(called, Returned)
    assert fake_clock == 0
    assert now == current_world().clock.now()


def test_the_asyncio_driver_does_the_same(fake_clock):
    """With the reason, not with a CancelledError, and the task is not left cancelled."""
    seen, reason = [], Asked()

    async def main():
        guard = async_driver.task_guard()
        told = await async_driver.drive(story(seen, lambda: guard.interrupt(reason)), current_world())
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        return told, task.cancelling()

    assert asyncio.run(main()) == ("told", 0)
    assert isinstance(seen[1], Cancelled)
    assert seen[1].reason is reason
    assert isinstance(seen[2], Returned)
    assert fake_clock == 0


def test_what_came_too_late_for_a_story_is_told_to_the_code_around_it():
    """Back in user code the guard is open again, and raises."""
    guard = thread_guard()

    async def told():
        guard.interrupt(Asked())
        return "told"

    guard.open()
    try:
        with pytest.raises(Asked):
            sync_driver.drive(told(), current_world())
    finally:
        guard.close()


def test_an_interrupt_of_a_wait_wakes_it(fake_clock):
    """From another thread, without waiting for what it waited for."""
    waiting = threading.Event()
    guards, answers = [], []

    async def patient():
        waiting.set()
        return await Sleep(10**6)

    def work():
        guards.append(thread_guard())
        answers.append(sync_driver.drive(patient(), world))

    world = current_world()
    reason = Asked()
    with world.clock.participant():  # time stands still meanwhile
        thread = threading.Thread(target=work)
        thread.start()
        assert waiting.wait(20)
        guards[0].interrupt(reason)
        thread.join(20)
    assert answers[0].reason is reason


def test_a_run_that_ends_while_it_is_told_leaves_no_interrupt_behind():
    """Its thread may be at work for another run by then, which is not to be told."""
    from types import SimpleNamespace

    world, guard = current_world(), Guard()
    run_id = world.new_id()
    ending = SimpleNamespace(stop=lambda reason: world.activities.remove(context, guard))
    context = SimpleNamespace(run=SimpleNamespace(id=run_id), task_runner=ending, parent=None)
    context.flow_context = context
    world.activities.add(world, context, guard)
    world.activities.interrupt(run_id, CancelRequested(run_id))
    assert guard.take_pending() is None


@pytest.mark.parametrize("how", ["raised", "swallowed"])
def test_debuggers_and_coverage_can_follow_what_runs_after_an_interrupt(how):
    """An exception that was planted and taken back leaves the interpreter as it was: 3.11 spun at the next call."""
    ended = subprocess.run([sys.executable, "-c", AFTERWARDS, how], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "followed\n"), ended.stderr


AFTERWARDS = """
import faulthandler, sys, threading
from headrace.drive.guards import Guard

faulthandler.dump_traceback_later(20, exit=True)
ready, planted = threading.Event(), threading.Event()
guards = []

class Swallowing:
    def __del__(self):
        while not planted.is_set():
            pass

def work():
    guard = Guard()
    guards.append(guard)
    try:
        guard.open()
        ready.set()
        if sys.argv[1] == "swallowed":
            Swallowing()
        while sys.argv[1] == "raised":
            pass
    except TimeoutError:
        pass
    guard.close()

sys.unraisablehook = lambda told: None
thread = threading.Thread(target=work)
thread.start()
ready.wait()
guards[0].interrupt(TimeoutError())
planted.set()
thread.join()

def followed():
    print("followed")

sys.settrace(lambda *told: None)
followed()
"""
