"""Each transition of a run: from which state, to which, when, and what brought it about."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace import allow_failure, flow, task
from headrace.clock.virtual import VirtualClock
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.activities import cancel
from headrace.drive.world import World, current_world, use_world
from headrace.states import Cancelled, Completed, Failed
from headrace.store.protocol import ConcurrencyLimit
from headrace.store.sqlite import SqliteStore
from headrace.testing import Runs, RunView
from headrace.testing.causes import Evidence, causes


def put(name: str, limit: int = 1) -> None:
    current_world().store.put_limit(ConcurrencyLimit(name=name, limit=limit))


def said(run: RunView) -> list[str]:
    return [f"{step.from_ or ''}>{step.to}: {step.cause}" for step in run.transitions]


@pytest.fixture(params=["memory", "sqlite"])
def any_store(request: pytest.FixtureRequest, tmp_path: Any, fake_clock: VirtualClock) -> Any:
    """Causes are told of what is recorded: the same, whether results are kept (memory) or not (sqlite)."""
    if request.param == "memory":
        yield
        return
    world = World(SqliteStore(tmp_path / "runs.db"), clock=fake_clock, seed=0)
    with use_world(world, everywhere=True):
        yield
    world.close()


def the_run() -> RunView:
    return Runs(current_world()).task("work")


def test_a_transition_knows_where_it_comes_from_and_when(fake_clock: VirtualClock, runs: Runs) -> None:
    """States compare as their names, and lead to all that is known of them."""

    @task
    def work() -> None:
        time.sleep(5)

    work()
    begun, running, ended = runs.task("work").transitions
    assert (begun.from_, begun.to) == (None, "Pending")
    assert (running.from_, running.to, running.cause) == ("Pending", "Running", "started")
    assert running.from_ is not None
    assert running.to.type is StateType.RUNNING
    assert running.to.name == running.name == "Running"
    assert ended.at == datetime(2026, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert str(ended) == "Running → Completed: returned"


def test_a_transition_is_asked_what_its_state_is_asked(runs: Runs) -> None:
    """What was a list of states once can still be read as one."""

    @task
    def work() -> None:
        raise ValueError("no")

    work(return_state=True)
    last = runs.task("work").transitions[-1]
    assert last.state == runs.task("work").state
    assert (last.name, last.type, last.timestamp) == ("Failed", "FAILED", last.at)
    assert last.message == "Task run encountered an exception: ValueError: no"
    assert last.is_failed()
    with pytest.raises(AttributeError, match="nonsense"):
        last.nonsense  # noqa: B018


@pytest.mark.usefixtures("any_store")
def test_retries_tell_why_and_which() -> None:
    """The failure of the attempt before, the number of the retry, and the delay."""
    delays = iter([ValueError("no"), KeyError("x"), None])

    @task(retries=3, retry_delay_seconds=[10, 0, 2.5])
    def work() -> None:
        error = next(delays)
        if error is not None:
            raise error

    work()
    assert said(the_run()) == [
        ">Pending: called or submitted",
        "Pending>Running: started",
        "Running>AwaitingRetry: raised ValueError('no'); retry 1 of 3 in 10 s",
        "AwaitingRetry>Retrying: retry 1 of 3",
        "Retrying>Retrying: raised KeyError('x'); retry 2 of 3",
        "Retrying>Completed: returned",
    ]


def test_a_run_that_used_up_its_retries_says_so(fake_clock: VirtualClock, runs: Runs) -> None:
    """A returned failure is a failure too."""

    @task(retries=1, retry_delay_seconds=0.5)
    def work() -> State:
        return Failed(message="not today")

    work(return_state=True)
    assert [step.cause for step in runs.task("work").transitions[2:]] == [
        "returned Failed('not today'); retry 1 of 1 in 0.5 s",
        "retry 1 of 1",
        "returned Failed('not today'); retries are exhausted",
    ]


def test_flows_tell_the_same(fake_clock: VirtualClock, runs: Runs) -> None:
    """Their retries and ends."""

    @flow(retries=1, retry_delay_seconds=60)
    def broken() -> None:
        raise ValueError("no")

    broken(return_state=True)
    assert said(runs.flow("broken")) == [
        ">Pending: called",
        "Pending>Running: started",
        "Running>AwaitingRetry: raised ValueError('no'); retry 1 of 1 in 60 s",
        "AwaitingRetry>Retrying: retry 1 of 1",
        "Retrying>Failed: raised ValueError('no'); retries are exhausted",
    ]


@pytest.mark.usefixtures("any_store")
def test_time_outs_tell_the_time() -> None:
    """That of the task, at each attempt; a TimeoutError of the user's own is one that was raised."""

    @task(timeout_seconds=2, retries=1, retry_delay_seconds=1)
    def work(own: bool) -> None:
        if own:
            raise TimeoutError("mine")
        time.sleep(10)

    work(False, return_state=True)
    assert [step.cause for step in the_run().transitions[2:]] == [
        "timed out after 2 s; retry 1 of 1 in 1 s",
        "retry 1 of 1",
        "timed out after 2 s; retries are exhausted",
    ]
    work.with_options(name="own")(True, return_state=True)
    own = Runs(current_world()).task("own").transitions
    assert own[2].cause == "raised TimeoutError('mine'); retry 1 of 1 in 1 s"
    assert own[-1].cause.startswith("raised TimeoutError")


@pytest.mark.usefixtures("any_store")
def test_waits_for_slots_name_the_limit() -> None:
    """Of all the run's tags, that which has one."""
    put("tag:db")

    @task(tags=["db", "nightly"])
    def query() -> None:
        time.sleep(10)

    @flow
    def around() -> None:
        query.submit()
        query.with_options(name="work").submit()

    around()
    assert said(the_run()) == [
        ">Pending: called or submitted",
        "Pending>AwaitingConcurrencySlot: no slot of 'db' free",
        "AwaitingConcurrencySlot>Running: slot of 'db' free",
        "Running>Completed: returned",
    ]


def test_a_retry_may_wait_for_a_slot(fake_clock: VirtualClock, runs: Runs) -> None:
    """Both reasons are told."""
    put("tag:db")

    @task(tags=["db"], retries=1, retry_delay_seconds=1)
    def work() -> None:
        raise ValueError("no")

    @task(tags=["db"])
    def query() -> None:
        time.sleep(10)

    @flow
    def around() -> None:
        work.submit()
        query.submit()

    around(return_state=True)
    assert "slot of 'db' free; retry 1 of 1" in [step.cause for step in runs.task("work").transitions]


@pytest.mark.usefixtures("any_store")
def test_what_never_begun_names_the_upstream_and_how_that_ended() -> None:
    """Failed, crashed, cancelled."""

    @task(task_run_name="load")
    def load() -> None:
        raise ValueError("no")

    @task
    def work(loaded: Any) -> None: ...

    @flow
    def around() -> None:
        work.submit(load.submit()).wait()

    around(return_state=True)
    assert the_run().transitions[-1].cause == "upstream 'load' failed"


def test_what_a_run_returned_or_met_is_told(runs: Runs) -> None:
    """States of the user's own; failures before the function was called."""

    @task
    def skips() -> State:
        return Completed(name="Skipped", message="nothing new")

    @task
    def stops() -> State:
        return Cancelled(message="enough")

    @flow
    def takes(n: int) -> None: ...

    @task(task_run_name="{missing}")
    def nameless() -> None: ...

    skips(return_state=True)
    stops(return_state=True)
    takes("x", return_state=True)  # type: ignore[call-overload]
    nameless(return_state=True)
    assert runs.task("skips").transitions[-1].cause == "returned Skipped('nothing new', type=COMPLETED)"
    assert runs.task("stops").transitions[-1].cause == "returned Cancelled('enough')"
    assert runs.flow("takes").transitions[-1].cause.endswith("before it started")
    assert runs.task("nameless").transitions[-1].cause.endswith("before it started")


def test_cancellations_and_crashes_are_told(runs: Runs) -> None:
    """Who asked, and what came of it."""

    @task
    def work() -> None:
        raise KeyboardInterrupt

    @flow
    def stopped() -> None:
        world = current_world()
        cancel(world, world.store.flow_runs()[-1].id)

    @flow
    def waits() -> None:
        work()

    stopped(return_state=True)
    with pytest.raises(KeyboardInterrupt):
        waits()
    assert [step.cause for step in runs.flow("stopped").transitions[2:]] == ["somebody asked to cancel it", "cancelled"]
    assert runs.task("work").transitions[-1].cause == "Execution was aborted by an interrupt signal"


def test_a_stand_in_tells_the_story_of_its_subflow(fake_clock: VirtualClock, runs: Runs) -> None:
    """It is that run, seen from its parent."""

    @flow(retries=1, retry_delay_seconds=1)
    def inner() -> None:
        raise ValueError("no")

    @flow
    def outer() -> None:
        inner(return_state=True)

    outer()
    causes = [step.cause for step in runs.flow("inner").transitions]
    assert [step.cause for step in runs.task("inner").transitions][1:] == causes[1:]


def test_what_is_not_known_is_said_to_be_unknown(runs: Runs) -> None:
    """Of states that the engine does not enter by itself, and of retries that no log tells of."""

    @task
    def work() -> None: ...

    work()
    record = runs.task("work").record
    nothing = Evidence(record, logs=lambda: [], upstream=dict, limits=lambda: [])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    later = StateDetails(scheduled_time=at + timedelta(seconds=3))
    states = [
        State(StateType.SCHEDULED, "Late", at),
        State(StateType.PENDING, timestamp=at),
        State(StateType.SCHEDULED, "AwaitingConcurrencySlot", at),
        State(StateType.RUNNING, timestamp=at),
        State(StateType.SCHEDULED, "AwaitingRetry", at, state_details=later),
        State(StateType.RUNNING, "Retrying", at),
        State(StateType.PAUSED, timestamp=at),
        State(StateType.RUNNING, timestamp=at),
        State(StateType.RUNNING, timestamp=at),
        State(StateType.PENDING, "NotReady", timestamp=at),
        State(StateType.CRASHED, timestamp=at),
    ]
    assert list(causes(states, nothing)) == [
        "its time has passed",
        "unknown",
        "no slot free",
        "slot free",
        "failed; retry 1 in 3 s",
        "retry 1",
        "paused",
        "resumed",
        "unknown",
        "unknown",
        "unknown",
    ]


def test_a_failure_that_is_passed_on_is_no_cause_of_its_own(runs: Runs) -> None:
    """A run that took the exception of a failed one returned by itself."""

    @task(task_run_name="load")
    def load() -> None:
        raise ValueError("no")

    @task
    def work(loaded: Any) -> str:
        return str(loaded)

    @flow
    def around() -> str:
        return work(allow_failure(load.submit()))

    assert around() == "no"
    assert runs.task("work").transitions[-1].cause == "returned"
