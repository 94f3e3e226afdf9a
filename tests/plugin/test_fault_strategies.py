"""Faults and schedules as Hypothesis draws them, and what simulations make of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis.errors import InvalidArgument

from headrace import flow, task
from headrace.testing import Hold, simulate
from pytest_headrace.strategies import Fault, FaultPlan, fault_plans, schedules

from .finding import finding


@task(retries=2, retry_delay_seconds=10, task_run_name="load-{part}")
def load(part: int) -> int:
    return part


@flow
def load_all() -> int:
    return sum(load.map([1, 2]).result())


@given(plan=fault_plans([load], durations=[0, 5], max_attempt=2), schedule=schedules(["load-1", "load-2"], max_step=6))
@settings(max_examples=40)
def test_faults_and_holds_happen_as_planned(plan: FaultPlan, schedule: tuple[Hold, ...]) -> None:
    """Each run fails as often as is planned in a row, and the flow gets over it."""
    failing = {fault.attempt for fault in plan.faults if fault.error is not None}
    attempts = 3 if failing == {1, 2} else 2 if 1 in failing else 1
    slow = sum(fault.slow for fault in plan.faults if fault.attempt <= attempts)
    with simulate(schedule=schedule) as simulation:
        plan.apply(simulation)
        assert load_all() == 3
        assert [run.attempts for run in simulation.runs.tasks("load")] == [attempts, attempts]
        assert simulation.elapsed == pytest.approx(slow + 10 * (attempts - 1), abs=0.001)


_FINDING = finding(max_examples=300)


def test_what_fails_shrinks_to_the_least() -> None:
    """No fault and no hold; else a first attempt that fails at once, a first step that is held for one."""
    assert find(fault_plans([load]), lambda plan: True, settings=_FINDING) == FaultPlan()
    least = find(fault_plans([load]), lambda plan: len(plan.faults) > 0, settings=_FINDING)
    assert least == FaultPlan((Fault("load", 1, ConnectionError),))
    assert find(schedules(["a"]), lambda holds: True, settings=_FINDING) == ()
    assert find(schedules(["a"]), lambda holds: len(holds) > 0, settings=_FINDING) == (Hold("a", 1, 1),)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fault_plans([]), "must be a list of tasks"),
        (lambda: fault_plans([3]), r"tasks\[0\]=3 must be a task"),  # type: ignore[list-item]
        (lambda: fault_plans(["load"], errors=[KeyboardInterrupt]), "must be an Exception"),  # type: ignore[list-item]
        (lambda: schedules("load"), "must be a strategy, or a list"),
        (lambda: schedules([""]), "must be the name of a run"),
        (lambda: schedules(["a"], min_holds=5), "can't be above max_holds=3"),
        (lambda: schedules(["a"], max_step=0), "from 1 up"),
    ],
)
def test_wrong_arguments_are_refused_at_once(make: Any, message: str) -> None:
    """With what to write instead."""
    with pytest.raises(InvalidArgument, match=message):
        make()


def test_the_strategies_say_how_they_were_made() -> None:
    """As they were written."""
    assert repr(schedules(["a"], max_holds=1)) == "schedules(['a'], max_holds=1)"
    assert repr(fault_plans(["load"])) == "fault_plans(['load'])"
