"""Trying again: what counts as a failure, who decides, how long the wait is, and what is said."""

import functools

import pytest

from headrace import flow, task
from headrace.core.retries import RetryPolicy
from headrace.drive.world import current_world
from headrace.states import Completed, Failed
from headrace.tasks import exponential_backoff
from tests.runs.making import Fails, both, call, make_task, of_kind


@both
def test_a_returned_failed_state_is_tried_again(kind, runs):
    """It is a failure like a raised exception; the last returned state decides."""
    answers = iter([Failed(message="no"), Failed(message="no"), Completed(message="yes", data=1)])
    call(kind, make_task(kind, lambda: next(answers), retries=2, name="t"))
    assert runs.task("t").states == ["Pending", "Running", "Retrying", "Retrying", "Completed"]


def test_a_value_after_a_returned_failure_is_given_as_a_value():
    """An earlier attempt that returned a state does not change what a plain call gives."""
    answers = iter([Failed(message="no"), 5])
    assert make_task("sync", lambda: next(answers), retries=1)() == 5


def test_the_delay_before_the_last_retry_is_the_last_in_the_list(runs, fake_clock):
    """A list that is too short repeats its last entry."""
    make_task("sync", Fails(4).fn, retries=4, retry_delay_seconds=[1, 5])()
    assert runs.task().retry_delays == [1, 5, 5, 5]


def test_exponential_backoff_doubles(runs, fake_clock):
    """10, 20, 40."""
    make_task("sync", Fails(3).fn, retries=3, retry_delay_seconds=exponential_backoff(10))()
    assert runs.task().retry_delays == [10, 20, 40]
    assert fake_clock == 70


@pytest.mark.parametrize("options", [{"retry_delay_seconds": [2, 3]}, {"retry_delay_seconds": exponential_backoff(2)}])
def test_flows_take_lists_and_callables_as_delays(options, runs, fake_clock):
    """As tasks do."""
    flow(retries=2, **options)(Fails(2).fn)()
    assert runs.flow().retry_delays == list(RetryPolicy.make(2, options["retry_delay_seconds"]).delays)


def test_jitter_comes_from_the_seeded_source(runs, fake_clock):
    """The delay is what the policy makes of the next draw of the world's random source."""
    policy = RetryPolicy.make(1, 10, 0.5)
    source = current_world().random

    @task(retries=1, retry_delay_seconds=10, retry_jitter_factor=0.5)
    def unsteady():
        expected.append(peek(source))
        return steps()

    def peek(random):
        before = random.getstate()
        draw = random.random()
        random.setstate(before)
        return draw

    expected: list[float] = []
    steps = Fails(1)
    unsteady()
    assert runs.task().retry_delays == [pytest.approx(policy.jittered(10, expected[0]), abs=1e-3)]


class Condition:
    """Retry conditions of every form."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.seen: list[tuple] = []

    def method(self, task, task_run, state):
        self.seen.append((task, task_run, state))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def async_method(self, task, task_run, state):
        return self.method(task, task_run, state)

    def __call__(self, task, task_run, state):
        return self.method(task, task_run, state)

    def forms(self):
        def function(task, task_run, state):
            return self.method(task, task_run, state)

        return {
            "function": function,
            "method": self.method,
            "async": self.async_method,
            "partial": functools.partial(Condition.method, self),
            "partial of async": functools.partial(Condition.async_method, self),
            "object": self,
        }


FORMS = list(Condition(True).forms())


@both
@pytest.mark.parametrize("form", FORMS)
def test_a_condition_of_any_form_may_allow_a_retry(kind, form, runs):
    """It is called with the task, its run and the failed state."""
    condition = Condition(True)
    unsteady = make_task(kind, Fails(1).fn, retries=1, retry_condition_fn=condition.forms()[form])
    assert call(kind, unsteady) == "done"
    assert runs.task().states == ["Pending", "Running", "Retrying", "Completed"]
    ((the_task, task_run, state),) = condition.seen
    assert the_task is unsteady
    assert task_run.id == runs.task().id
    assert state.is_failed()


@both
@pytest.mark.parametrize("form", FORMS)
def test_a_condition_of_any_form_may_refuse_a_retry(kind, form, runs):
    """The run fails there and then."""
    unsteady = make_task(kind, Fails(1).fn, retries=3, retry_condition_fn=Condition(False).forms()[form])
    with pytest.raises(ValueError, match="boom"):
        call(kind, unsteady)
    assert runs.task().states == ["Pending", "Running", "Failed"]


def test_a_condition_that_raises_is_logged_and_there_is_no_retry(runs):
    """The task's own error is what the caller sees."""
    unsteady = make_task("sync", Fails(1).fn, retries=3, retry_condition_fn=Condition(KeyError("oh")).method)
    with pytest.raises(ValueError, match="boom"):
        unsteady()
    assert runs.task().states == ["Pending", "Running", "Failed"]
    assert any("The retry_condition_fn raised KeyError('oh')" in line for line in runs.task().logs)


def test_the_log_says_which_retry_starts_when(runs, fake_clock):
    """In exactly these words."""
    with pytest.raises(ValueError, match="x"):
        make_task("sync", Fails(9, ValueError("x")).fn, retries=2, retry_delay_seconds=[10, 0])()
    lines = [line.splitlines()[0] for line in runs.task().logs]
    assert lines == [
        "Task run failed with exception: ValueError('x') - Retry 1/2 will start 10 second(s) from now",
        "Task run failed with exception: ValueError('x') - Retry 2/2 will start immediately",
        "Task run failed with exception: ValueError('x') - Retries are exhausted",
        "Finished in state Failed('Task run encountered an exception: ValueError: x')",
    ]


def test_name_and_id_stay_the_same_throughout(runs):
    """A name that is computed is computed once."""
    names = iter(["first", "second"])
    make_task("sync", Fails(1).fn, retries=1, task_run_name=lambda: next(names))()
    assert runs.task().name == "first"


@both
def test_a_timed_out_attempt_is_tried_again(kind, runs, fake_clock):
    """A time-out is a failure."""
    import asyncio
    import time

    naps = [9, 0]

    def slow():
        time.sleep(naps.pop(0))
        return "in time"

    async def slow_async():
        await asyncio.sleep(naps.pop(0))
        return "in time"

    the_task = task(timeout_seconds=1, retries=1)(slow if kind == "sync" else slow_async)
    assert call(kind, the_task) == "in time"
    assert runs.task().states == ["Pending", "Running", "Retrying", "Completed"]
    assert fake_clock == 1


@both
def test_flows_are_retried_for_failures_only(kind, runs):
    """What is no Exception is not tried again."""
    the_flow = flow(retries=2)(of_kind(kind, Fails(1, SystemExit(1)).fn))
    with pytest.raises(SystemExit):
        call(kind, the_flow)
    assert runs.flow().states == ["Pending", "Running", "Crashed"]
