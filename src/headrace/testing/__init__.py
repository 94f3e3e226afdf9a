"""Testing flows: the runs of a test, assertions about them, and virtual time. `pytest_headrace` builds on it.

Names are loaded when they are first used: the plugin needs a part of this package in every test session.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.clock.schedules import Hold, Schedule, seed
    from headrace.clock.virtual import VirtualClock
    from headrace.exceptions import (
        DeadlockError,
        RunawayError,
        SimulatedCrash,
        SimulationError,
        StallError,
        StubError,
    )
    from headrace.store.protocol import Store
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
    from headrace.testing.every import RunnerDifference, on_every_runner
    from headrace.testing.exploring import Exploration, ScheduleFailure, explore
    from headrace.testing.faults.outcomes import Raises, Returns
    from headrace.testing.faults.stubs import Stub
    from headrace.testing.history import History, same_up_to_siblings
    from headrace.testing.laws import assert_lawful
    from headrace.testing.loops import follow_in_loop
    from headrace.testing.patterns import Match, Pattern, UnknownStateName
    from headrace.testing.runs import Runs, recorded_runs
    from headrace.testing.simulation import Simulation, Started, current_simulation, simulate
    from headrace.testing.transitions import Transition
    from headrace.testing.views import RunView
    from headrace.testing.virtual import virtual_time

__all__ = [
    "Condition",
    "DeadlockError",
    "Exploration",
    "History",
    "Hold",
    "Match",
    "Pattern",
    "Raises",
    "Reached",
    "Returns",
    "RunEntry",
    "RunView",
    "RunawayError",
    "RunnerDifference",
    "Runs",
    "Schedule",
    "ScheduleFailure",
    "SimulatedCrash",
    "Simulation",
    "SimulationError",
    "StallError",
    "Started",
    "StateEntry",
    "Store",
    "Stub",
    "StubError",
    "Transition",
    "UnknownStateName",
    "VirtualClock",
    "annotations_of",
    "assert_completed",
    "assert_failed",
    "assert_lawful",
    "assert_never_overlapped",
    "assert_ran_before",
    "assert_retries",
    "assert_run_name",
    "assert_same_history",
    "assert_states",
    "current_simulation",
    "explore",
    "follow_in_loop",
    "on_every_runner",
    "recorded_runs",
    "same_up_to_siblings",
    "seed",
    "simulate",
    "virtual_time",
]

#: Where each public name is to be found.
_HOMES = {
    "headrace.clock.schedules": ("Hold", "Schedule", "seed"),
    "headrace.clock.virtual": ("VirtualClock",),
    "headrace.exceptions": (
        "DeadlockError",
        "RunawayError",
        "SimulatedCrash",
        "SimulationError",
        "StallError",
        "StubError",
    ),
    "headrace.testing.annotations": ("annotations_of",),
    "headrace.store.protocol": ("Store",),
    "headrace.testing.assertions": (
        "assert_completed",
        "assert_failed",
        "assert_never_overlapped",
        "assert_ran_before",
        "assert_retries",
        "assert_run_name",
        "assert_same_history",
        "assert_states",
    ),
    "headrace.testing.conditions": ("Condition", "Reached"),
    "headrace.testing.entries": ("RunEntry", "StateEntry"),
    "headrace.testing.every": ("RunnerDifference", "on_every_runner"),
    "headrace.testing.exploring": ("Exploration", "ScheduleFailure", "explore"),
    "headrace.testing.faults.outcomes": ("Raises", "Returns"),
    "headrace.testing.faults.stubs": ("Stub",),
    "headrace.testing.history": ("History", "same_up_to_siblings"),
    "headrace.testing.laws": ("assert_lawful",),
    "headrace.testing.loops": ("follow_in_loop",),
    "headrace.testing.patterns": ("Match", "Pattern", "UnknownStateName"),
    "headrace.testing.runs": ("Runs", "recorded_runs"),
    "headrace.testing.simulation": ("Simulation", "Started", "current_simulation", "simulate"),
    "headrace.testing.transitions": ("Transition",),
    "headrace.testing.views": ("RunView",),
    "headrace.testing.virtual": ("virtual_time",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Not kept: a pytest within pytest forgets the modules that it has loaded, and theirs would not know the next ones'.
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
