"""The assertions pass on what is so, and show the run's timeline where it is not."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.core.states import State
from headrace.drive.world import World, use_world
from headrace.exceptions import FailedRun
from headrace.states import Failed
from headrace.store.sqlite import SqliteStore
from headrace.testing import Pattern, Runs, RunView
from pytest_headrace import (
    assert_completed,
    assert_failed,
    assert_never_overlapped,
    assert_ran_before,
    assert_retries,
    assert_run_name,
    assert_same_history,
    assert_states,
)

STORY = ["Pending", "Running", "AwaitingRetry", "Retrying", "Failed"]


@task(retries=1, retry_delay_seconds=10, task_run_name="fetch")
def fetch() -> None:
    raise ConnectionError("no route to host")


@flow(flow_run_name="calm")
def calm() -> None: ...


@pytest.fixture
def failed(fake_clock: VirtualClock, runs: Runs) -> RunView:
    @flow
    def tries() -> None:
        fetch(return_state=True)

    tries()
    return runs.task("fetch")


@pytest.fixture
def completed(runs: Runs) -> RunView:
    calm()
    return runs.flow("calm")


def test_what_is_so_passes(failed: RunView, completed: RunView) -> None:
    """Each helper accepts the run as it was."""
    assert_states(failed, STORY)
    assert_states(failed, tuple(STORY))
    assert_states(failed, "Pending Running (AwaitingRetry Retrying)+ Failed")
    assert_states(failed, Pattern(".* Failed"))
    assert_retries(failed, 1)
    assert_retries(failed, 1, delays=[10])
    assert_retries(failed, 1, delays=(10,))
    assert_retries(failed, 1, delays=pytest.approx([9], rel=0.2))
    assert_retries(failed, 1, delays=[pytest.approx(9, abs=1)])
    assert_retries(completed, 0, delays=[])
    assert_run_name(failed, "fetch")
    assert_completed(completed)
    assert_failed(failed)
    assert_failed(failed, ConnectionError, match="no route")
    assert_failed(failed, (ValueError, OSError))


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda run: assert_states(run, STORY[:-1]), r"\+ 'Failed'"),
        (lambda run: assert_states(run, [*STORY, "Completed"]), "- 'Completed'"),
        (
            lambda run: assert_states(run, "Pending Running Completed"),
            "does not fit 'Pending Running Completed': matched 'Pending Running', then found 'AwaitingRetry' where "
            "'Completed' could come",
        ),
        (lambda run: assert_retries(run, 2), "was retried once, not twice"),
        (lambda run: assert_retries(run, 1, delays=[20]), r"waited \[10\] seconds before its retries, not \[20\]"),
        (lambda run: assert_retries(run, 1, delays=pytest.approx([5], rel=0.5)), r"waited \[10\] .* not approx\(\[5"),
        (lambda run: assert_run_name(run, "fetch-a"), "is named 'fetch', not 'fetch-a'"),
        (lambda run: assert_completed(run), "did not complete; its state is Failed"),
        (
            lambda run: assert_failed(run, ValueError),
            r"failed with ConnectionError\('no route to host'\), not with ValueError",
        ),
        (lambda run: assert_failed(run, (ValueError, KeyError)), "not with ValueError or KeyError"),
        (lambda run: assert_failed(run, match="refused"), "whose text does not match 'refused'"),
    ],
)
def test_what_is_not_so_is_told_with_the_timeline(
    failed: RunView, check: Callable[[RunView], None], message: str
) -> None:
    """The message names the run and what is wrong; below it is what happened."""
    with pytest.raises(AssertionError, match=message) as raised:
        check(failed)
    assert str(raised.value).startswith("task run 'fetch' ")
    assert re.search(r"fetch +✗ Failed +2 +0 s +10 s", str(raised.value))
    assert re.search(r"10 s +0 s +Retrying +2 +retry 1 of 1", str(raised.value))


def test_a_completed_run_did_not_fail(completed: RunView) -> None:
    """Its state is in the message."""
    with pytest.raises(AssertionError, match=r"flow run 'calm' did not fail; its state is Completed\(\)"):
        assert_failed(completed)


# several runs --------------------------------------------------------------------------------------------------


@task
def work(seconds: float) -> None:
    time.sleep(seconds)


def test_of_a_list_each_run_is_asked(fake_clock: VirtualClock, runs: Runs) -> None:
    """The first that is not so is named."""
    calm()
    calm()
    assert_completed(runs.flows("calm"))
    assert_states(runs.all(), "Pending Running Completed")
    assert_retries(runs.flows(), 0)
    fetch(return_state=True)
    assert_failed(runs.tasks("fetch"), ConnectionError)
    with pytest.raises(AssertionError, match="task run 'fetch' did not complete"):
        assert_completed(runs.all())
    with pytest.raises(AssertionError, match="flow run 'calm' did not fail"):
        assert_failed(runs.all())


@pytest.mark.parametrize("check", [assert_completed, assert_failed, assert_never_overlapped])
def test_of_no_run_nothing_can_be_said(runs: Runs, check: Callable[[object], None]) -> None:
    """A misspelled name is no success."""
    calm()
    with pytest.raises(AssertionError, match=r"no flow run fits 'clam'; did you mean calm\?"):
        check(runs.flows("clam"))


def test_what_ran_one_after_the_other_ran_before(fake_clock: VirtualClock, runs: Runs) -> None:
    """Even where no time passes at all: what was recorded first came first."""

    @flow
    def in_order() -> None:
        work.with_options(task_run_name="first")(0)
        work.with_options(task_run_name="second")(0)
        work.with_options(task_run_name="third")(5)

    in_order()
    first, second, third = (runs.task(name) for name in ("first", "second", "third"))
    assert_ran_before(first, second)
    assert_ran_before([first, second], third)
    assert_never_overlapped(first, second, third)
    assert_never_overlapped(runs.tasks("work"))
    with pytest.raises(AssertionError, match="task run 'first' began to run at 0 s, before task run 'second' ended at"):
        assert_ran_before(second, first)
    with pytest.raises(AssertionError, match="'second' began to run at 0 s, before task run 'third' ended at 5 s"):
        assert_ran_before([first, third], second)


def test_what_overlapped_is_told_with_both_timelines(fake_clock: VirtualClock, runs: Runs) -> None:
    """From when, until when, and for how long."""

    @flow
    def at_once() -> None:
        longer = work.with_options(task_run_name="longer").submit(15)
        time.sleep(5)
        shorter = work.with_options(task_run_name="shorter").submit(5)
        longer.wait()
        shorter.wait()
        work.with_options(task_run_name="later")(1)

    at_once()
    longer, shorter, later = (runs.task(name) for name in ("longer", "shorter", "later"))
    assert_never_overlapped(later, [longer, shorter])
    for together in ([longer, shorter], [later, shorter, longer], [[shorter], [longer]], [[longer, later, shorter]]):
        with pytest.raises(AssertionError, match=r"same time, for 5 s, from 5 s to 10 s\.") as raised:
            assert_never_overlapped(*together)
        assert re.search(r"longer +✓ Completed +1 +0 s +15 s", str(raised.value))
        assert re.search(r"shorter +✓ Completed +1 +5 s +5 s", str(raised.value))
    with pytest.raises(AssertionError, match="'shorter' began to run at 5 s, before task run 'longer' ended at 15 s"):
        assert_ran_before(longer, shorter)


def test_attempts_may_alternate_without_overlapping(fake_clock: VirtualClock, runs: Runs) -> None:
    """Only RUNNING states count: a run that waits for its retry lets others run."""

    @flow
    def around() -> None:
        waiting = fetch.submit()
        time.sleep(1)
        work(5)
        waiting.wait()

    around(return_state=True)
    assert_never_overlapped(runs.task("fetch"), runs.task("work"))
    with pytest.raises(AssertionError, match="before task run 'fetch' ended"):
        assert_ran_before(runs.task("fetch"), runs.task("work"))
    with pytest.raises(AssertionError, match=r"before task run 'work-\w+' ended"):
        assert_ran_before(runs.task("work"), runs.task("fetch"))


def test_runs_at_the_same_instant_overlap_for_no_time(fake_clock: VirtualClock, runs: Runs) -> None:
    """One that was called within the other was running while that was."""

    @task
    def outer() -> None:
        work(0)

    outer()
    with pytest.raises(AssertionError, match="same time, for 0 s, from 0 s to 0 s"):
        assert_never_overlapped(runs.task("outer"), runs.task("work"))


def test_what_goes_on_or_never_ran_came_before_nothing(fake_clock: VirtualClock, runs: Runs) -> None:
    """Its state is told."""
    seen: list[str] = []

    @task
    def outer() -> None:
        work(1)
        for check in (
            lambda: assert_ran_before(runs.task("outer"), runs.task("work")),
            lambda: assert_never_overlapped(runs.flow("around"), runs.task("outer")),
        ):
            with pytest.raises(AssertionError) as raised:
                check()
            seen.append(str(raised.value).splitlines()[0])

    @flow(flow_run_name="around")
    def around() -> None:
        outer()
        work.with_options(name="never").submit(0, wait_for=[fetch.submit()]).wait()

    around(return_state=True)
    assert seen == [
        f"{runs.task('outer')} has not ended; its state is Running().",
        f"flow run 'around' and {runs.task('outer')} were running at the same time, from 0 s on.",
    ]
    with pytest.raises(AssertionError, match=r"task run 'never-\w+' never ran; its state is NotReady"):
        assert_ran_before(runs.task("fetch"), runs.task("never"))


def test_a_single_run_overlaps_with_none(completed: RunView) -> None:
    """The assertion would always hold."""
    with pytest.raises(AssertionError, match="Give assert_never_overlapped two runs, or a list"):
        assert_never_overlapped(completed)


def test_other_stores_tell_the_order_by_their_timestamps(fake_clock: VirtualClock, tmp_path: Path) -> None:
    """To the millisecond; what took no time is given the benefit of the doubt."""
    world = World(SqliteStore(tmp_path / "runs.db"), clock=fake_clock, seed=0)
    with use_world(world, everywhere=True):
        runs = Runs(world)
        work.with_options(name="first")(1)
        work.with_options(name="second")(1)
        assert_ran_before(runs.task("first"), runs.task("second"))
        assert_never_overlapped(runs.tasks())
        with pytest.raises(AssertionError, match="before task run 'second' ended"):
            assert_ran_before(runs.task("second"), runs.task("first"))
    world.close()


def test_failures_are_known_where_the_store_keeps_no_exceptions(fake_clock: VirtualClock, tmp_path: Path) -> None:
    """By the names of their classes, derived ones included, and by what was said of them."""

    @task(timeout_seconds=1)
    def late() -> None:
        time.sleep(5)

    @task
    def silent() -> None:
        raise LookupError

    @task
    def returns() -> State:
        return Failed(message="not today")

    world = World(SqliteStore(tmp_path / "runs.db"), clock=fake_clock, seed=0)
    with use_world(world, everywhere=True):
        for one in (fetch, late, silent, returns):
            one(return_state=True)
        runs = Runs(world)
        assert_failed(runs.task("fetch"), ConnectionError, match="^no route to host$")
        assert_failed(runs.task("fetch"), (KeyError, OSError))
        assert_failed(runs.task("late"), TimeoutError, match="exceeded timeout of 1.0 second")
        assert_failed(runs.task("silent"), LookupError, match="^$")
        assert_failed(runs.task("returns"), FailedRun, match="not today")
        with pytest.raises(
            AssertionError, match=r"failed with ConnectionError\('no route to host'\), not with KeyError"
        ):
            assert_failed(runs.task("fetch"), KeyError)
    world.close()


def test_stories_are_compared_whatever_their_names(fake_clock: VirtualClock, runs: Runs) -> None:
    """What differs is shown, by run; the order of siblings counts unless it is said not to."""

    def tell(*seconds: float) -> None:
        @flow
        def story() -> None:
            for one in seconds:
                work.submit(one)

        story()

    for seconds in ((1, 2), (1, 2), (2, 1)):
        tell(*seconds)
    first, again, other = (run.history for run in runs.flows("story"))
    assert_same_history(again, first)
    assert_same_history(other, first, siblings_in_any_order=True)
    with pytest.raises(AssertionError, match=r"(?s)'\+' is what happened.*  task-1.1 work.*- Completed at 1.0\n"):
        assert_same_history(other, first)
