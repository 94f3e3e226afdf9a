"""Conditions to wait for: they can be written before their run is there, and fail where they can never hold."""

from __future__ import annotations

import time

import pytest

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.testing import Condition, Runs, SimulatedCrash, simulate
from headrace.testing.patterns import UnknownStateName


@task(retries=2, retry_delay_seconds=10, task_run_name="load")
def load() -> None:
    raise ConnectionError("down")


@task
def later() -> None: ...


def test_a_condition_can_be_written_before_its_run_is_there(fake_clock: VirtualClock, runs: Runs) -> None:
    """While something goes on, a run that is not there may still come; what is asked of it is then found."""
    seen: list[object] = []

    @flow
    def around() -> None:
        view = runs.task("load")
        waits, twice = view.reaches("AwaitingRetry"), view.reaches("AwaitingRetry", times=2)
        seen.append((repr(view), waits.describe(), waits(), str(view)))
        future = load.submit()
        time.sleep(5)
        seen.append((waits(), twice(), bool(view), view == runs.task("load")))
        time.sleep(10)
        seen.append((view.retry_delays, twice()))
        future.wait()
        seen.append((waits(), view.reaches("FAILED")(), view.reaches("Completed")()))

    around()
    assert seen == [
        ("<task run 'load': not there yet>", "task run 'load' reaches AwaitingRetry", False, "task run 'load'"),
        (True, False, True, True),
        ([10, 10], True),
        (True, True, False),
    ]


def test_a_run_that_is_not_there_fails_when_it_is_looked_at(runs: Runs) -> None:
    """With what comes near, as it does at once where nothing goes on any more."""
    errors: list[str] = []

    @flow
    def around() -> None:
        later()
        missing = runs.task("latter")
        for look in (lambda: missing.states, lambda: bool(missing), lambda: hash(missing), lambda: missing.result()):
            with pytest.raises(AssertionError) as raised:
                look()
            errors.append(str(raised.value))

    around()
    assert len(set(errors)) == 1
    assert errors[0].startswith("No task run fits 'latter'. Did you mean one of these?\n  later")
    with pytest.raises(AssertionError, match="Did you mean"):
        runs.task("latter")


def test_an_expected_run_of_which_several_came_names_them(fake_clock: VirtualClock, runs: Runs) -> None:
    """A condition holds when the first of them is there; a look at the one run can't choose."""

    @flow
    def around() -> None:
        view = runs.flow("around") and runs.task("later")
        condition = view.reaches("Completed")
        later()
        assert condition
        later()
        assert condition
        assert "later" in repr(view)
        with pytest.raises(AssertionError, match="2 task runs fit 'later'; name one of them"):
            view.states  # noqa: B018

    around()


def test_a_run_that_is_never_ready_expects_nothing(runs: Runs) -> None:
    """It stays as it is for ever, and hides no typing error."""

    @flow
    def around() -> None:
        later.submit(wait_for=[load.with_options(retries=0).submit()]).wait()

    around(return_state=True)
    with pytest.raises(AssertionError, match="No task run fits 'lodd'"):
        runs.task("lodd")


def test_a_world_may_know_of_runs_to_come(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulation that has been told to start something says so."""
    monkeypatch.setattr(runs._world, "expects_runs", lambda: True, raising=False)
    assert not runs.flow("around").reaches("Completed")
    with pytest.raises(AssertionError, match="There are no flow runs at all"):
        runs.flow("around").name  # noqa: B018


def test_before_anything_has_begun_in_a_simulation_all_may_yet_come() -> None:
    """So a condition can be given beforehand, to crash at, say."""
    with simulate() as simulation:
        condition = simulation.runs.task("later").reaches("Running")
        crash = simulation.crash(at=condition)
        with pytest.raises(AssertionError, match="There are no task runs at all"):
            simulation.runs.task("later").states  # noqa: B018
        with pytest.raises(SimulatedCrash):
            later()
        assert crash.times == 1
        assert condition()
    with simulate() as simulation:
        later()
        with pytest.raises(AssertionError, match="No task run fits 'lader'"):
            simulation.runs.task("lader")


def test_conditions_combine(runs: Runs) -> None:
    """With & and |, in words too."""
    yes, no = Condition(lambda: True, "it rains"), Condition(lambda: False, "it snows")
    assert yes | no
    assert not yes & no
    assert (yes & (no | yes)).describe() == "(it rains and (it snows or it rains))"
    assert repr(yes | no) == "<condition: (it rains or it snows)>"


@pytest.mark.parametrize("name", ["AwaitingRety", "Complete", "completed", "Run", "Retry"])
def test_a_misspelled_state_is_never_waited_for(runs: Runs, name: str) -> None:
    """It would be waited for until something else gives up."""
    later()
    with pytest.raises(UnknownStateName, match=f"task run 'later' can't reach it: no state is named '{name}'"):
        runs.task("later").reaches(name)


def test_states_of_the_users_own_can_be_waited_for(runs: Runs) -> None:
    """A name that resembles none of ours may be one; one that was seen is."""
    later()
    assert not runs.task("later").reaches("Skipped")


@pytest.mark.parametrize("times", [0, -1, True, 1.5])
def test_times_are_counted_from_one(runs: Runs, times: int) -> None:
    """What can't be waited for is refused."""
    later()
    with pytest.raises(ValueError, match="no whole number from 1 up"):
        runs.task("later").reaches("Running", times=times)


def test_lists_of_runs_tell_what_comes_near(runs: Runs) -> None:
    """An empty list is one in every way, and pytest shows why it is empty."""
    later()
    assert runs.tasks("latter") == []
    assert repr(runs.tasks("latter")) == "[] (no task run fits 'latter'; did you mean later?)"
    assert repr(runs.flows("x")) == "[] (no flow run fits 'x', of 0)"
    assert repr(runs.tasks("later")) == "[<task run 'later': Pending, Running, Completed>]"


def test_a_misspelled_state_finds_no_runs_by_error(runs: Runs) -> None:
    """An empty list would say that all is well."""
    later()
    assert runs.all(state="Failed") == runs.all(state="Skipped") == []
    with pytest.raises(UnknownStateName, match="Did you mean Completed"):
        runs.all(state="Complete")
