"""The engine under any sequence of calls, cancellations and limits; and what the machine finds where it is broken."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from headrace import flow, task
from headrace.core.records import TaskRun
from headrace.drive import world as worlds
from headrace.drive.world import current_world
from headrace.states import Pending, Running
from headrace.testing import recorded_runs
from pytest_headrace.machines import EngineMachine


class Whole(EngineMachine):
    """The machine as it is."""


Whole.TestCase.settings = settings(max_examples=25, stateful_step_count=10, deadline=None)
test_any_sequence_of_operations_keeps_the_laws = Whole.TestCase

_FINDING = settings(
    max_examples=100, stateful_step_count=8, deadline=None, database=None, phases=[Phase.generate], derandomize=True
)
called: list[str] = []


@task(retries=1)
def count(words: list[str]) -> int:
    called.append("count")
    return len(words)


@flow
def measure(text: str, times: int = 1) -> int:
    called.append("measure")
    return count(text.split()) * times


class Mine(EngineMachine):
    """With flows and a rule of a user's."""

    flows: ClassVar[Any] = [measure]
    tasks: ClassVar[Any] = [count]

    @rule(text=st.text(max_size=5))
    def measure_twice(self, text: str) -> None:
        measure(text, times=2)
        called.append("rule")


def test_flows_tasks_and_rules_of_a_user_take_part() -> None:
    """They are called with what their annotations allow, in the machine's world."""
    called.clear()
    run_state_machine_as_test(Mine, settings=settings(_FINDING, max_examples=15))
    assert {"count", "measure", "rule"} <= set(called)
    assert len(recorded_runs()) == 0, "the runs of the machine are not those of the test around it"


def test_slots_that_are_not_given_back_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: what releases slots does nothing."""
    monkeypatch.setitem(worlds.INSTANT, worlds.ReleaseSlots, lambda self, effect: None)
    with pytest.raises(AssertionError, match=r"slots of tag:.* are still taken"):
        run_state_machine_as_test(EngineMachine, settings=_FINDING)


class GoesOn(EngineMachine):
    """A planted fault: a run is recorded that nobody ends."""

    @rule()
    def leave_one(self) -> None:
        world = current_world()
        run = TaskRun(id=world.new_id(), name="left", created=world.clock.now(), task_name="left", task_key="left")
        world.store.create(run, [run.enter(state, world.clock.now()) for state in (Pending(), Running())])


def test_runs_that_never_end_are_found() -> None:
    """With their timeline."""
    with pytest.raises(AssertionError, match="was left Running"):
        run_state_machine_as_test(GoesOn, settings=_FINDING)
