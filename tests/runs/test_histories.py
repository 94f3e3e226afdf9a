"""What is recorded of a run: every row of the table, for sync and async, tasks and flows."""

import asyncio
import time

import pytest

from headrace import flow, task
from headrace.exceptions import ParameterBindError, ParameterTypeError
from headrace.states import Completed, Failed
from tests.runs.making import Fails, both, call, make_task, of_kind, run_task_in_flow


@both
def test_a_run_that_succeeds_is_pending_running_completed(kind, runs):
    """Three states for the flow run, three for the task run."""
    assert run_task_in_flow(kind, make_task(kind, lambda: 5, name="five")) == 5
    assert runs.flow("around").states == ["Pending", "Running", "Completed"]
    assert runs.task("five").states == ["Pending", "Running", "Completed"]


@both
def test_a_task_that_raises_fails_and_so_does_the_flow_that_does_not_catch_it(kind, runs):
    """Both say which exception it was."""
    with pytest.raises(ValueError, match="boom"):
        run_task_in_flow(kind, make_task(kind, Fails(9).fn, name="bad"))
    assert runs.task("bad").states == ["Pending", "Running", "Failed"]
    assert runs.task("bad").state.message == "Task run encountered an exception: ValueError: boom"
    assert runs.flow().states == ["Pending", "Running", "Failed"]
    assert runs.flow().state.message == "Flow run encountered an exception: ValueError: boom"


def test_a_failed_task_that_is_caught_does_not_fail_the_flow(runs):
    """What the flow returns decides."""
    bad = task(Fails(9).fn)

    @flow
    def forgiving():
        try:
            bad()
        except ValueError:
            return "fine"

    assert forgiving() == "fine"
    assert runs.flow().state.is_completed()
    assert runs.task().state.is_failed()


@both
def test_retries_without_a_delay_go_on_at_once(kind, runs):
    """Running, Retrying, Retrying: no AwaitingRetry between them."""
    assert run_task_in_flow(kind, make_task(kind, Fails(2).fn, name="t", retries=2)) == "done"
    run = runs.task("t")
    assert run.states == ["Pending", "Running", "Retrying", "Retrying", "Completed"]
    assert run.run_count == 3
    assert runs.flow().states == ["Pending", "Running", "Completed"]


@both
def test_retries_with_a_delay_wait_for_it(kind, runs, fake_clock):
    """AwaitingRetry stands before each Retrying, and says when the wait ends."""
    assert (
        run_task_in_flow(kind, make_task(kind, Fails(2).fn, name="t", retries=2, retry_delay_seconds=[10, 20]))
        == "done"
    )
    run = runs.task("t")
    assert run.states == [
        "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed",
    ]  # fmt: skip
    assert run.retry_delays == [10, 20]
    assert fake_clock == 30
    for waiting, retrying in ((2, 3), (4, 5)):
        scheduled = run.transitions[waiting].state_details.scheduled_time
        assert run.transitions[retrying].timestamp == scheduled


@both
def test_retries_that_are_used_up_end_in_failed(kind, runs):
    """`retries=1`: Running, Retrying, Failed."""
    with pytest.raises(ValueError, match="boom"):
        run_task_in_flow(kind, make_task(kind, Fails(9).fn, name="t", retries=1))
    assert runs.task("t").states == ["Pending", "Running", "Retrying", "Failed"]


@both
def test_a_task_that_takes_too_long_is_timed_out(kind, runs, fake_clock):
    """Its message names the limit."""

    def slow():
        time.sleep(5)

    async def slow_async():
        await asyncio.sleep(5)

    slow_task = task(timeout_seconds=0.2, name="slow")(slow if kind == "sync" else slow_async)
    with pytest.raises(TimeoutError):
        run_task_in_flow(kind, slow_task)
    assert runs.task("slow").states == ["Pending", "Running", "TimedOut"]
    assert runs.task("slow").state.message == "Task run exceeded timeout of 0.2 second(s)"
    assert fake_clock == 0.2


@both
def test_a_flow_that_takes_too_long_is_timed_out(kind, runs, fake_clock):
    """Its message names the limit."""

    def slow():
        time.sleep(5)

    async def slow_async():
        await asyncio.sleep(5)

    slow_flow = flow(timeout_seconds=2)(slow if kind == "sync" else slow_async)
    with pytest.raises(TimeoutError):
        call(kind, slow_flow)
    assert runs.flow().states == ["Pending", "Running", "TimedOut"]
    assert runs.flow().state.message == "Flow run exceeded timeout of 2.0 second(s)"
    assert fake_clock == 2


@both
def test_a_flow_is_tried_again_in_the_same_run_with_new_task_runs(kind, runs, fake_clock):
    """flow_run_run_count tells the attempts apart."""
    unsteady = Fails(1)
    step = make_task(kind, lambda: 1, name="step")

    def body():
        step()
        return unsteady()

    async def body_async():
        await step()
        return unsteady()

    twice = flow(retries=1, retry_delay_seconds=5, name="twice")(body if kind == "sync" else body_async)
    assert call(kind, twice) == "done"
    run = runs.flow("twice")
    assert run.states == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    assert [step.record.flow_run_run_count for step in runs.tasks("step")] == [1, 2]
    assert fake_clock == 5


@both
def test_a_flow_is_tried_again_at_once_without_a_delay(kind, runs):
    """No AwaitingRetry is recorded."""
    assert call(kind, flow(retries=1)(of_kind(kind, Fails(1).fn))) == "done"
    assert runs.flow().states == ["Pending", "Running", "Retrying", "Completed"]


@both
def test_a_flow_that_returns_a_failure_is_tried_again(kind, runs):
    """A returned Failed state counts as a raised exception does."""
    answers = iter([Failed(message="not yet"), Completed(data=7)])
    flow(retries=1)(of_kind(kind, lambda: next(answers)))
    assert call(kind, flow(retries=1)(of_kind(kind, lambda: next(answers)))) == 7
    assert runs.flow().states == ["Pending", "Running", "Retrying", "Completed"]


@both
@pytest.mark.parametrize("return_state", [True, False])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "Execution was aborted by an interrupt signal."),
        (SystemExit(3), "Execution was aborted by Python system exit call."),
        (asyncio.CancelledError(), "Execution was cancelled by the runtime environment."),
        (GeneratorExit(), "Execution was interrupted by an unexpected exception: GeneratorExit"),
    ],
)
def test_what_is_no_exception_crashes_task_and_flow_and_is_raised_again(kind, error, message, return_state, runs):
    """Whether the state was asked for or not."""
    bad = make_task(kind, Fails(9, error).fn, name="bad", retries=3)

    def body():
        return bad(return_state=return_state)

    async def body_async():
        return await bad(return_state=return_state)

    around = flow(retries=3)(body if kind == "sync" else body_async)
    if kind == "sync":
        with pytest.raises(type(error)):
            around(return_state=return_state)
    else:

        async def main():
            with pytest.raises(type(error)):
                await around(return_state=return_state)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            pytest.fail("it was raised past the caller")
    for run in (runs.task("bad"), runs.flow()):
        assert run.states == ["Pending", "Running", "Crashed"]
        assert run.state.message == message


def test_a_subflow_is_mirrored_by_a_task_run_in_its_parent(runs):
    """Parent, child and stand-in each have the usual history, and know of each other."""

    @flow
    def child():
        return 3

    @flow
    def parent():
        return child()

    assert parent() == 3
    stand_in = runs.task("child-0")
    for run in (runs.flow("parent"), runs.flow("child"), stand_in):
        assert run.states == ["Pending", "Running", "Completed"]
    assert stand_in.record.child_flow_run_id == runs.flow("child").id
    assert runs.flow("child").record.parent_task_run_id == stand_in.id
    assert runs.flow("child").record.parent_flow_run_id == runs.flow("parent").id


def test_a_mirror_follows_every_state_of_its_child(runs, fake_clock):
    """Retries and their delays included, at their own moments."""
    child = flow(name="child", retries=2, retry_delay_seconds=[0, 4])(Fails(2).fn)

    @flow
    def parent():
        return child()

    parent()
    expected = ["Pending", "Running", "Retrying", "AwaitingRetry", "Retrying", "Completed"]
    assert runs.flow("child").states == expected
    assert runs.task("child-0").states == expected
    assert runs.task("child-0").retry_delays == [4]


@both
def test_a_task_whose_upstream_failed_is_not_ready_and_never_called(kind, runs):
    """NotReady is a PENDING state that names the upstream run; no hook fires."""
    bad = task(name="bad", task_run_name="bad")(Fails(9).fn)
    called = []
    needs = make_task(kind, called.append, name="needs", on_completion=[lambda *_: called.append("hook")])

    @flow
    def around():
        future = needs.submit(bad.submit())
        future.wait()
        return "fine"

    assert around() == "fine"
    run = runs.task("needs")
    assert run.states == ["Pending", "NotReady"]
    assert run.state.type == "PENDING"
    assert run.state.message == "Upstream task run 'bad' did not reach a 'COMPLETED' state."
    assert called == []


@both
def test_parameters_that_do_not_validate_fail_the_run_before_it_has_run(kind, runs):
    """Pending, Failed; run_count 0; no retry."""

    def body(x: int):
        pytest.fail("the body was called")

    with pytest.raises(ParameterTypeError):
        call(kind, flow(retries=3)(of_kind(kind, body)), "no number")
    assert runs.flow().states == ["Pending", "Failed"]
    assert runs.flow().run_count == 0


@both
def test_a_call_that_does_not_bind_leaves_no_run(kind, runs):
    """ParameterBindError comes before any run exists."""
    with pytest.raises(ParameterBindError):
        flow(of_kind(kind, lambda: 1))(1, 2)
    with pytest.raises(ParameterBindError):
        task(of_kind(kind, lambda: 1))(1, 2)
    assert len(runs) == 0


def test_counters_say_when_and_how_long_a_run_ran(runs, fake_clock):
    """start_time is the first Running, total_run_time leaves the waits out."""
    unsteady = Fails(1)

    @task(retries=1, retry_delay_seconds=10)
    def steps():
        time.sleep(3)
        return unsteady()

    steps()
    run = runs.task()
    begun, first_end, again, end = (run.transitions[at].timestamp for at in (1, 2, 3, 4))
    assert run.record.run_count == 2
    assert run.record.start_time == begun
    assert run.record.end_time == end
    assert run.record.total_run_time == (first_end - begun) + (end - again)
    assert round(run.record.total_run_time.total_seconds(), 3) == 6


def test_timestamps_of_a_run_strictly_increase_even_where_the_clock_stands_still(runs, fake_clock):
    """By a microsecond, at least."""
    run_task_in_flow("sync", make_task("sync", Fails(3).fn, retries=3))
    assert fake_clock == 0
    for run in runs.all():
        stamps = [state.timestamp for state in run.transitions]
        assert stamps == sorted(set(stamps))
