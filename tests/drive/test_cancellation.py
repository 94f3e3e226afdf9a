"""Asking a flow run to end: from this process or another, for every kind of work that it may be at."""

import asyncio
import signal
import sys
import threading
import time
from uuid import UUID

import pytest

from headrace import flow, task
from headrace.core.state_types import StateType
from headrace.core.states import unstamped
from headrace.drive.activities import cancel
from headrace.drive.world import World, current_world, use_world
from headrace.exceptions import CancelledRun, ObjectNotFound
from headrace.runtime import flow_run
from headrace.store.sqlite import SqliteStore
from headrace.task_runners import TaskRunner, ThreadPoolTaskRunner
from tests.runs.making import Fails


def cancel_soon(world, flow_run_id, begun):
    """Cancel from another thread as soon as `begun` is set."""

    def ask():
        assert begun.wait(20)
        cancel(world, flow_run_id)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def me():
    """The id of the flow run that this is called in."""
    return UUID(flow_run.id)


def forever():
    while True:
        time.sleep(0.001)


def test_a_sync_flow_is_interrupted_and_its_caller_told(runs):
    """A plain call raises CancelledRun; the history shows the wish and its fulfilment; the hook fires at Cancelling."""
    seen = []
    begun = threading.Event()

    @flow(on_cancellation=[lambda flow, flow_run, state: seen.append(state.name)])
    def endless():
        cancel_soon(current_world(), me(), begun)
        begun.set()
        forever()

    with pytest.raises(CancelledRun):
        endless()
    assert runs.flow().states == ["Pending", "Running", "Cancelling", "Cancelled"]
    assert runs.flow().state.message == "Execution was cancelled because somebody asked for it."
    assert seen == ["Cancelling"]


def test_return_state_gives_the_cancelled_state(runs):
    """Nothing is raised then."""

    @flow
    def endless():
        cancel(current_world(), me())
        pytest.fail("the flow went on")

    assert endless(return_state=True).is_cancelled()


def test_an_async_flow_is_cancelled_at_its_await(runs):
    """What it awaits ends, too."""

    @task
    async def endless():
        begun.set()
        await asyncio.sleep(1000)

    @flow
    async def around():
        cancel_soon(current_world(), me(), begun)
        await endless()

    begun = threading.Event()
    state = asyncio.run(around(return_state=True))
    assert state.is_cancelled()
    assert runs.flow().states == ["Pending", "Running", "Cancelling", "Cancelled"]
    assert runs.task().states == ["Pending", "Running", "Cancelled"]


def test_submitted_tasks_end_and_those_not_begun_never_begin(runs):
    """Sync ones are interrupted, async ones cancelled at their await, the rest stays uncalled."""
    begun = threading.Barrier(3)
    called = []

    @task(name="sync")
    def busy():
        begun.wait(20)
        forever()

    @task(name="async")
    async def sleeping():
        begun.wait(20)
        await asyncio.sleep(1000)

    @task(name="queued")
    def queued():
        called.append(1)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def around():
        busy.submit()
        sleeping.submit()
        for _ in range(5):
            queued.submit()
        begun.wait(20)
        cancel(current_world(), me())

    assert around(return_state=True).is_cancelled()
    assert runs.task("sync").states == ["Pending", "Running", "Cancelled"]
    assert runs.task("async").states == ["Pending", "Running", "Cancelled"]
    assert [run.states for run in runs.tasks("queued")] == [["Pending", "Cancelled"]] * 5
    assert called == []


def test_subflows_are_cancelled_with_their_parent(runs):
    """The child, its stand-in and the parent end Cancelled, and the hooks of both fire."""
    hooked = []

    def hook(flow, flow_run, state):
        hooked.append((flow.name, state.name))

    @flow(on_cancellation=[hook])
    def child(parent_id):
        cancel(current_world(), parent_id)
        pytest.fail("the child went on")

    @flow(on_cancellation=[hook])
    def parent():
        child(me())

    assert parent(return_state=True).is_cancelled()
    asked = ["Pending", "Running", "Cancelling", "Cancelled"]
    assert [run.states for run in (runs.flow("child"), runs.task("child-0"), runs.flow("parent"))] == [asked] * 3
    assert hooked == [("child", "Cancelling"), ("parent", "Cancelling")]


def test_a_parent_survives_the_cancellation_of_its_child(runs):
    """It sees a CancelledRun, which it may catch."""

    @flow
    def child():
        cancel(current_world(), me())

    @flow
    def parent():
        with pytest.raises(CancelledRun):
            child()
        return "went on"

    assert parent() == "went on"
    assert runs.flow("child").state.is_cancelled()


def test_a_run_that_waits_for_its_retry_is_cancelled(runs, fake_clock):
    """The delay is not waited out."""

    @flow(retries=1, retry_delay_seconds=1000)
    def unsteady():
        raise ValueError

    world = current_world()
    say = world.logs.say

    def cancel_at_the_warning(run, level, message, error=None):
        say(run, level, message, error)
        if "Retry 1/1" in message:
            cancel(world, run.id)

    world.logs.say = cancel_at_the_warning  # type: ignore[method-assign]
    assert unsteady(return_state=True).is_cancelled()
    assert fake_clock == 0
    assert runs.flow().state.is_cancelled()


def test_clean_up_code_may_still_call_tasks(runs):
    """`finally` blocks run, and what they call in the same thread is recorded."""
    clean_up = task(lambda: "clean", name="clean-up")

    @flow
    def careful():
        try:
            cancel(current_world(), me())
        finally:
            clean_up()

    assert careful(return_state=True).is_cancelled()
    assert runs.task("clean-up").state.is_completed()


def test_a_run_that_has_ended_stays_as_it_ended(runs):
    """Asking too late changes nothing."""
    flow(lambda: 1, name="done")()
    assert cancel(current_world(), runs.flow().id).is_completed()


def test_a_run_that_is_not_known_is_not_found():
    """ObjectNotFound."""
    with pytest.raises(ObjectNotFound):
        cancel(current_world(), current_world().new_id())


@pytest.fixture(params=["heard", "ignored", "handled"])
def interrupts(request):
    """Have SIGINT heard; ignored, as a shell's script has it for its background jobs; or handled by the user."""
    handlers = {"heard": signal.default_int_handler, "ignored": signal.SIG_IGN, "handled": lambda *_: None}
    usual = signal.signal(signal.SIGINT, handlers[request.param])
    try:
        yield
        assert signal.getsignal(signal.SIGINT) is handlers[request.param]
    finally:
        signal.signal(signal.SIGINT, usual)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.usefixtures("interrupts")
def test_another_process_reaches_the_run_through_the_store(tmp_path):
    """Within a second, in real time: the wish is looked for several times a second."""
    other = SqliteStore(tmp_path / "runs.db")
    with use_world(World(SqliteStore(tmp_path / "runs.db"))) as world:

        @flow
        def endless():
            other.propose("flow", me(), unstamped(StateType.CANCELLING))
            time.sleep(20)

        began = time.monotonic()
        state = endless(return_state=True)
        assert state.is_cancelled()
        assert time.monotonic() - began < 10
        (run,) = world.store.flow_runs()
        assert [s.name for s in other.history(run.id)] == ["Pending", "Running", "Cancelling", "Cancelled"]
        world.close()
    other.close()


def test_a_failure_after_the_wish_still_ends_cancelled(runs):
    """What was asked for counts, whatever the function made of it."""

    @flow
    def stubborn():
        try:
            cancel(current_world(), me())
        except BaseException:
            raise ValueError from None

    assert stubborn(return_state=True).is_cancelled()


def test_a_flow_that_is_not_cancelled_is_not_disturbed(runs):
    """Another run's cancellation is its own affair."""

    @flow
    def other():
        cancel(current_world(), me())

    other(return_state=True)
    assert flow(Fails(0).fn)() == "done"


@pytest.fixture
def slow_telling(monkeypatch):
    """Tell those at work of a cancellation only when this event is set, long after what has not begun is abandoned."""
    heard = threading.Event()
    stop, held = TaskRunner.stop, []

    def stop_and_hold(runner, reason):
        stop(runner, reason)
        if not held:
            held.append(reason)
            assert heard.wait(20)

    monkeypatch.setattr(TaskRunner, "stop", stop_and_hold)
    return heard


def waiter_in(kind, wait):
    """A task that waits for the future which `wait` gives, in sync or async code."""

    @task(name="waiter", retries=1)
    def waiter():
        wait().result()

    @task(name="waiter", retries=1)
    async def async_waiter():
        await wait()

    return waiter if kind == "sync" else async_waiter


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_who_waits_for_a_run_that_a_cancellation_abandons_is_cancelled_too(runs, slow_telling, kind):
    """Even where it wakes because of that before it is told itself: it has not failed, and is not tried again."""
    submitted, begun, abandoned = threading.Event(), threading.Barrier(3), []

    def wait():
        assert submitted.wait(20)
        return abandoned[0]

    @task(name="busy")
    def busy():
        begun.wait(20)
        forever()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def around():
        busy.submit()
        waiting = waiter_in(kind, wait).submit()
        waiting.add_done_callback(lambda _: slow_telling.set())
        busy.submit()
        abandoned.append(task(lambda: None, name="queued").submit())
        submitted.set()
        begun.wait(20)  # the second busy one has the place of the waiter, who therefore waits
        cancel(current_world(), me())

    assert around(return_state=True).is_cancelled()
    assert runs.task("queued").states == ["Pending", "Cancelled"]
    assert runs.task("waiter").states == ["Pending", "Running", "Cancelled"]


def test_a_run_whose_input_a_cancellation_abandons_is_cancelled_before_it_began(runs, slow_telling):
    """It is not left NotReady, and its caller goes no further; what cleans up is not interrupted a second time."""
    begun = threading.Event()
    clean_up = task(lambda: "clean", name="clean-up")

    @task(name="busy")
    def busy():
        begun.set()
        forever()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def around():
        busy.submit()
        queued = task(lambda: None, name="queued").submit()
        asking = cancel_soon(current_world(), me(), begun)
        try:
            task(lambda upstream: pytest.fail("the run began"), name="waiter")(queued)
            pytest.fail("the flow went on")
        finally:
            slow_telling.set()
            asking.join(20)
            clean_up()

    assert around(return_state=True).is_cancelled()
    assert runs.task("waiter").states == ["Pending", "Cancelled"]
    assert runs.task("clean-up").state.is_completed()


def test_who_heard_of_a_cancellation_in_another_way_is_not_told_again(runs, slow_telling):
    """The flow waits for what it has told to end, though the cancellation reaches it only then."""
    begun, asking = threading.Event(), []

    @task(name="busy")
    def busy():
        try:
            begun.set()
            forever()
        finally:
            slow_telling.set()
            asking[0].join(20)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def around():
        busy.submit()
        queued = task(lambda: None, name="queued").submit()
        asking.append(cancel_soon(current_world(), me(), begun))
        queued.result()

    assert around(return_state=True).is_cancelled()
    assert runs.task("busy").states == ["Pending", "Running", "Cancelled"]
