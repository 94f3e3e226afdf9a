"""The clock that jumps: exact, shared by threads and event loops, and never over work in flight."""

import asyncio
import threading
import time

import pytest

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.drive.world import current_world


def test_a_sleep_takes_exactly_its_time():
    """In virtual seconds; the clock compares with numbers."""
    clock = VirtualClock()
    clock.sleep(3600)
    clock.sleep(0.5)
    assert clock == 3600.5
    assert clock.elapsed == 3600.5


def test_time_does_not_go_back():
    """ValueError for negative seconds."""
    with pytest.raises(ValueError, match="non-negative"):
        VirtualClock().sleep(-1)
    with pytest.raises(ValueError, match="go back"):
        VirtualClock().advance(-1)


def test_a_set_event_ends_a_wait_and_takes_no_time():
    """Set before, or by another participant."""
    clock = VirtualClock()
    event = clock.event()
    event.set()
    assert event.wait(10)
    assert clock == 0
    assert not clock.event().wait(10)
    assert clock == 10


def test_the_clock_stands_while_a_participant_works():
    """Another's deadline does not come before it waits, too."""
    clock = VirtualClock(stall_seconds=20)
    order = []

    def sleeper():
        with clock.adopt_participant(announced):
            clock.sleep(5)
            order.append(("sleeper", clock.elapsed))

    with clock.participant():
        announced = clock.expect_participant("sleeper")
        thread = threading.Thread(target=sleeper)
        thread.start()
        order.append(("worker", clock.elapsed))
        clock.sleep(7)
        order.append(("worker", clock.elapsed))
    thread.join(20)
    assert order == [("worker", 0), ("sleeper", 5), ("worker", 7)]


def test_a_wait_that_is_interrupted_leaves_the_clock_in_order():
    """Who was interrupted counts as at work again, so that nobody jumps over it."""
    clock = VirtualClock(stall_seconds=20)

    def ring():
        raise KeyboardInterrupt

    with clock.participant():
        with pytest.raises(KeyboardInterrupt), clock.time_limit(3, ring):
            clock.sleep(10)
        assert clock == 3
        clock.sleep(4)
    assert clock == 7


def test_a_limit_rings_once_and_the_outer_one_first():
    """Of two that end at the same moment."""
    clock = VirtualClock()
    rung = []
    with clock.time_limit(3, lambda: rung.append("outer")), clock.time_limit(3, lambda: rung.append("inner")):
        clock.sleep(10)
        clock.sleep(10)
    assert rung == ["outer", "inner"]


def test_threads_of_a_runner_and_an_event_loop_share_the_time(fake_clock):
    """Sync tasks in threads, async ones in loops, the flow in its own: one order of events."""
    events = []

    def note(what):
        events.append((current_world().clock.elapsed, what))

    @task
    def in_thread():
        time.sleep(2)
        note("thread")

    @task
    async def in_loop():
        await asyncio.sleep(3)
        note("loop")

    @flow
    async def around():
        futures = [in_thread.submit(), in_loop.submit()]
        await asyncio.sleep(1)
        note("flow")
        await in_loop()
        for future in futures:
            await future
        note("end")

    asyncio.run(around())
    assert events == [(1, "flow"), (2, "thread"), (3, "loop"), (4, "loop"), (4, "end")]


def test_an_async_hook_of_a_sync_task_inside_a_loop_takes_virtual_time(fake_clock):
    """Though it needs a thread of its own."""

    async def slow_hook(task, task_run, state):
        await asyncio.sleep(100)

    inner = task(on_completion=[slow_hook])(lambda: 1)

    @flow
    async def around():
        return inner()

    assert asyncio.run(around()) == 1
    assert fake_clock == 100
