"""What a store keeps of a run, beside the history of its states.

*Fixed* columns are written once, by `create`. What a run was *given*, its name too, is settled when it begins to run:
it is written by `create`, and again by each transition up to that in which the run first enters RUNNING. *Moving*
columns are written every time. (Names are in an index, which therefore need not be touched at the end of each run.)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import State

MOVING = (
    "run_count",
    "start_time",
    "end_time",
    "total_run_time",
    "history_length",
)
TASK_MOVING = (*MOVING, "cache_key", "child_flow_run_id")

FLOW_FIXED = (
    "id",
    "created",
    "expected_start_time",
    "flow_name",
    "flow_id",
    "flow_version",
    "parent_task_run_id",
    "parent_flow_run_id",
    "root_flow_run_id",
    "deployment_id",
    "entrypoint",
)
TASK_FIXED = (
    "id",
    "created",
    "expected_start_time",
    "task_name",
    "task_key",
    "dynamic_key",
    "flow_run_id",
    "flow_run_run_count",
)

FLOW_GIVEN = ("name", "tags", "parameters")
TASK_GIVEN = ("name", "tags", "parameters", "task_inputs")


def unsettled(run: Run, states: Sequence[State]) -> bool:
    """Say whether the run, which has entered these states, had not begun to run before."""
    if run.run_count == 0:
        return True
    if run.run_count == 1:
        for state in states:  # and not any(...): this is on the way of every transition
            if state.type is StateType.RUNNING:
                return True
    return False


def check_born(run: Run, states: Sequence[State]) -> None:
    """Raise ValueError for a run that is to be created with anything but all of its states."""
    if not states or run.history_length != len(states):
        raise ValueError(
            f"The {run.kind} run {run.name!r} has entered {run.history_length} states and is to be created "
            f"with {len(states)}; create it with all of them, and with at least one."
        )


def stamp_of(run: Run) -> datetime:
    """Return a moment for a state proposed without one: that of the state before; `enter` steps past it."""
    before = run.state.timestamp if run.state else None
    return before or run.created
