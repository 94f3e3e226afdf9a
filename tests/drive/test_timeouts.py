"""Time limits: on the main thread, on others, in event loops, nested, and under a clock that jumps."""

import asyncio
import contextlib
import signal
import threading
import time

import pytest

from headrace import flow, task
from headrace.exceptions import FlowRunTimeoutError, TaskRunTimeoutError, TimeIsUp
from headrace.futures import wait
from headrace.task_runners import ThreadPoolTaskRunner


def in_thread(fn):
    """Call `fn` in a thread of its own, in this context; return its outcome."""
    outcome = []

    def run():
        try:
            outcome.append(fn())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return outcome[0]


def test_a_blocking_call_on_the_main_thread_is_interrupted(runs):
    """By a signal, in real time."""

    @task(timeout_seconds=0.05)
    def slow():
        time.sleep(30)

    with pytest.raises(TaskRunTimeoutError):
        slow()
    assert runs.task().states == ["Pending", "Running", "TimedOut"]


def test_a_loop_on_another_thread_is_interrupted_between_bytecodes(runs):
    """In real time, without the help of the code."""

    @task(timeout_seconds=0.05)
    def busy():
        while True:
            pass

    assert isinstance(in_thread(busy), TaskRunTimeoutError)
    assert runs.task().states == ["Pending", "Running", "TimedOut"]


def test_a_blocking_call_on_another_thread_ends_late_and_a_warning_says_so(runs, monkeypatch):
    """It is interrupted when it returns."""
    monkeypatch.setattr("headrace.clock.limits.LATE_AFTER", 0.05)

    @task(timeout_seconds=0.05)
    def blocked():
        time.sleep(0.4)

    assert isinstance(in_thread(blocked), TaskRunTimeoutError)
    assert any("it is in a blocking call in a thread, which can't be interrupted" in line for line in runs.task().logs)


@pytest.mark.parametrize("where", ["called", "submitted", "async"])
def test_code_that_catches_exceptions_does_not_swallow_a_time_out(where, runs, fake_clock):
    """However it is called; clean-up runs, and the error still arrives as one that callers may catch."""
    cleaned_up = []

    def patient():
        for _ in range(10):
            try:
                time.sleep(1)
            except Exception as error:
                pytest.fail(f"{error!r} was caught")
            finally:
                cleaned_up.append(where)

    async def patient_async():
        for _ in range(10):
            try:
                await asyncio.sleep(1)
            except Exception as error:
                pytest.fail(f"{error!r} was caught")
            finally:
                cleaned_up.append(where)

    limited = task(patient_async if where == "async" else patient, name="patient", timeout_seconds=2.5)

    @flow
    def around():
        with pytest.raises(TaskRunTimeoutError):
            limited() if where == "called" else limited.submit().result()

    around()
    assert runs.task("patient").states == ["Pending", "Running", "TimedOut"]
    assert cleaned_up == [where] * 3
    assert fake_clock == 2.5


def test_what_the_end_of_a_flow_interrupts_is_told_why(runs, fake_clock):
    """The task's state carries the flow's error, not the signal that went through its function."""

    @task
    def inner():
        with contextlib.suppress(Exception):
            time.sleep(10)

    @flow(timeout_seconds=2)
    def around():
        inner()

    with pytest.raises(FlowRunTimeoutError):
        around()
    state = runs.task("inner").state
    assert state.is_crashed()
    assert state.message.endswith("FlowRunTimeoutError: Flow run exceeded timeout of 2.0 second(s)")
    assert isinstance(state.data, FlowRunTimeoutError)


@pytest.mark.parametrize("seconds", [0, None])
def test_no_time_out_is_no_time_out(seconds, runs, fake_clock):
    """0 and None alike."""

    @task(timeout_seconds=seconds)
    def slow():
        time.sleep(1000)
        return 1

    assert slow() == 1


def test_a_timeout_error_of_the_users_own_is_a_time_out_too(runs):
    """Its message is told as that of an exception."""

    @task
    def impatient():
        raise TimeoutError("no answer")

    with pytest.raises(TimeoutError, match="no answer"):
        impatient()
    assert runs.task().state.name == "TimedOut"
    assert runs.task().state.message == "Task run encountered an exception: TimeoutError: no answer"


def test_a_time_out_covers_the_function_alone(runs, fake_clock):
    """Waiting for a retry, and hooks, take their own time."""
    calls = []

    @task(timeout_seconds=2, retries=1, retry_delay_seconds=100, on_running=[lambda *_: time.sleep(50)])
    def unsteady():
        time.sleep(1)
        calls.append(1)
        if len(calls) == 1:
            raise ValueError

    unsteady()
    assert runs.task().state.is_completed()
    assert fake_clock == 202


@pytest.mark.parametrize(
    ("inner", "outer", "task_state", "flow_state", "elapsed"),
    [(1, 5, "TimedOut", "TimedOut", 1), (5, 1, "Crashed", "TimedOut", 1), (3, 3, "Crashed", "TimedOut", 3)],
)
def test_of_nested_limits_the_earlier_ends_its_own_run(inner, outer, task_state, flow_state, elapsed, runs, fake_clock):
    """A flow whose time is up ends what goes on inside it."""

    @task(timeout_seconds=inner, name="inside")
    def slow():
        time.sleep(100)

    @flow(timeout_seconds=outer)
    def around():
        slow()

    with pytest.raises(TimeoutError):
        around()
    assert runs.task("inside").state.name == task_state
    assert runs.flow().state.name == flow_state
    assert fake_clock == elapsed


def test_a_flow_may_catch_its_tasks_time_out_and_still_meet_its_own(runs):
    """Nested limits share the process's one timer, in real time."""

    @task(timeout_seconds=0.05)
    def slow():
        time.sleep(30)

    @flow(timeout_seconds=0.2)
    def around():
        with pytest.raises(TaskRunTimeoutError):
            slow()
        time.sleep(30)

    with pytest.raises(FlowRunTimeoutError):
        around()
    assert runs.flow().state.message == "Flow run exceeded timeout of 0.2 second(s)"


def test_the_timer_of_somebody_else_rings_in_its_time():
    """pytest-timeout's handler sees its alarm during our limits, once, and keeps what is left of it after them."""
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    began = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)

        @task(timeout_seconds=0.3)
        def slow():
            time.sleep(30)

        with pytest.raises(TaskRunTimeoutError):
            slow()
        assert len(rung) == 1
        assert rung[0] - began >= 0.1
        signal.setitimer(signal.ITIMER_REAL, 30)
        task(timeout_seconds=5)(lambda: 1)()
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left <= 30
        assert len(rung) == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_timer_that_rings_while_the_engine_writes_interrupts_the_next_line(runs, monkeypatch):
    """What came during a store write is told to the flow as soon as it is back in its own code."""
    from headrace.drive.world import current_world

    store = current_world().store
    transition = store.transition

    def slow_write(run, states):
        if run.kind == "task" and states[-1].is_completed():
            time.sleep(0.3)
        return transition(run, states)

    monkeypatch.setattr(store, "transition", slow_write)
    reached = []

    @flow(timeout_seconds=0.1)
    def around():
        task(lambda: 1)()
        reached.append("after the task")

    with pytest.raises(FlowRunTimeoutError):
        around()
    assert reached == []
    assert runs.task().states == ["Pending", "Running", "Completed"]
    assert runs.flow().state.name == "TimedOut"


def test_a_flows_time_out_ends_a_retry_delay(runs, fake_clock):
    """The task run that waited for its retry ends too."""

    @task(retries=3, retry_delay_seconds=100)
    def unsteady():
        raise ValueError

    @flow(timeout_seconds=10)
    def around():
        unsteady()

    with pytest.raises(FlowRunTimeoutError):
        around()
    assert runs.task().states == ["Pending", "Running", "AwaitingRetry", "Crashed"]
    assert fake_clock == 10


@pytest.mark.parametrize("how", ["result", "wait", "function"])
def test_a_flows_time_out_ends_its_wait_for_a_future(how, runs, fake_clock):
    """And what it had submitted is told to end."""

    @task
    def slow():
        time.sleep(1000)

    @flow(timeout_seconds=10)
    def around():
        future = slow.submit()
        {"result": future.result, "wait": future.wait, "function": lambda: wait([future])}[how]()

    with pytest.raises(FlowRunTimeoutError):
        around()
    assert runs.flow().state.name == "TimedOut"
    assert runs.task().state.is_final()


def test_an_async_flows_time_out_ends_what_it_awaits(runs, fake_clock):
    """Tasks, futures and sleeps alike."""

    @task
    async def slow():
        await asyncio.sleep(1000)

    @flow(timeout_seconds=10)
    async def around():
        await asyncio.gather(slow(), slow())

    with pytest.raises(FlowRunTimeoutError):
        asyncio.run(around())
    assert runs.flow().state.message == "Flow run exceeded timeout of 10.0 second(s)"
    assert [run.state.name for run in runs.tasks()] == ["Crashed", "Crashed"]
    assert fake_clock == 10


def test_submitted_tasks_have_their_own_limits(runs, fake_clock):
    """In threads of a pool, sync and async, exact to the second."""

    @task(timeout_seconds=3, name="sync")
    def slow():
        time.sleep(1000)

    @task(timeout_seconds=4, name="async")
    async def slow_async():
        await asyncio.sleep(1000)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def around():
        wait([slow.submit(), slow_async.submit()])
        return "done"

    assert around() == "done"
    assert {run.definition_name: run.state.message for run in runs.tasks()} == {
        "sync": "Task run exceeded timeout of 3.0 second(s)",
        "async": "Task run exceeded timeout of 4.0 second(s)",
    }
    assert fake_clock == 4


def test_a_limit_that_rings_too_late_for_its_call_is_forgotten(runs):
    """The next call is not interrupted for its sake."""
    from headrace.drive.guards import thread_guard

    guard = thread_guard()
    expired = TimeIsUp(TaskRunTimeoutError("late"))
    guard.interrupt(expired)
    guard.withdraw(expired)
    assert task(lambda: 1)() == 1


@pytest.mark.parametrize("kind", ["generator", "async generator"])
def test_the_limit_of_a_generator_is_for_all_its_steps_together(kind, runs, fake_clock):
    """Each takes less than the limit; what the caller does between them does not count."""

    def generate():
        for n in range(10):
            time.sleep(2)
            yield n

    async def generate_async():
        for n in range(10):
            await asyncio.sleep(2)
            yield n

    seen = []
    generator = task(timeout_seconds=5, name="t")(generate if kind == "generator" else generate_async)

    def consume():
        for item in generator():
            time.sleep(10)
            seen.append(item)

    async def consume_async():
        async for item in generator():
            await asyncio.sleep(10)
            seen.append(item)

    with pytest.raises(TaskRunTimeoutError):
        consume() if kind == "generator" else asyncio.run(consume_async())
    assert seen == [0, 1]
    assert runs.task("t").states[-1] == "TimedOut"


def test_a_loop_that_a_sync_flow_runs_is_timed_out_on_virtual_time(fake_clock):
    """As an alarm would interrupt it in real time; what runs in it is cancelled."""
    told = []

    async def wait_long():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            told.append("cancelled")
            raise

    @flow(timeout_seconds=3)
    def my_flow():
        asyncio.run(wait_long())

    assert my_flow(return_state=True).name == "TimedOut"
    assert fake_clock == 3
    assert told == ["cancelled"]
