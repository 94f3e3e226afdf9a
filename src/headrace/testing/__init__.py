"""Testing flows: the runs of a test, assertions about them, and virtual time. `pytest_headrace` builds on it."""

from headrace.clock.schedules import Hold, Schedule, seed
from headrace.clock.virtual import VirtualClock
from headrace.testing.annotations import annotations_of
from headrace.testing.assertions import (
    assert_completed,
    assert_failed,
    assert_never_overlapped,
    assert_ran_before,
    assert_retries,
    assert_run_name,
    assert_same_history,
    assert_states,
)
from headrace.testing.conditions import Condition, Reached
from headrace.testing.entries import RunEntry, StateEntry
from headrace.testing.exploring import Exploration, ScheduleFailure, explore
from headrace.testing.history import History, same_up_to_siblings
from headrace.testing.patterns import Match, Pattern, UnknownStateName
from headrace.testing.runs import Runs, recorded_runs
from headrace.testing.simulation import Simulation, Started, current_simulation, simulate
from headrace.testing.transitions import Transition
from headrace.testing.views import RunView
from headrace.testing.virtual import virtual_time

__all__ = [
    "Condition",
    "Exploration",
    "History",
    "Hold",
    "Match",
    "Pattern",
    "Reached",
    "RunEntry",
    "RunView",
    "Runs",
    "Schedule",
    "ScheduleFailure",
    "Simulation",
    "Started",
    "StateEntry",
    "Transition",
    "UnknownStateName",
    "VirtualClock",
    "annotations_of",
    "assert_completed",
    "assert_failed",
    "assert_never_overlapped",
    "assert_ran_before",
    "assert_retries",
    "assert_run_name",
    "assert_same_history",
    "assert_states",
    "current_simulation",
    "explore",
    "recorded_runs",
    "same_up_to_siblings",
    "seed",
    "simulate",
    "virtual_time",
]
