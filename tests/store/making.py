"""Runs to store, made without a clock: every moment is T0 plus some seconds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from pytest_headrace.machines.records import T0, ids_from, run_ids, told, told_state

__all__ = ["T0", "ids_from", "run_ids", "told", "told_state"]

PENDING = unstamped(StateType.PENDING)
RUNNING = unstamped(StateType.RUNNING)
COMPLETED = unstamped(StateType.COMPLETED, data=42)
FAILED = unstamped(StateType.FAILED, message="no luck")
CANCELLING = unstamped(StateType.CANCELLING)


def at(seconds: float) -> datetime:
    """Return a moment some seconds after T0."""
    return T0 + timedelta(seconds=seconds)


new_id = ids_from(1)
FLOW_ID = new_id()


def flow_run(name: str = "brave-otter", flow_name: str = "ingest", **given: Any) -> FlowRun:
    """Return a flow run that has entered no state."""
    return FlowRun(**{"id": new_id(), "name": name, "created": T0, "flow_name": flow_name, "flow_id": FLOW_ID} | given)


def task_run(name: str = "fetch-0", task_name: str = "fetch", **given: Any) -> TaskRun:
    """Return a task run that has entered no state."""
    return TaskRun(
        **{"id": new_id(), "name": name, "created": T0, "task_name": task_name, "task_key": "flows.fetch"} | given
    )


def enter(run: Run, *states: State, now: datetime | None = None) -> Sequence[State]:
    """Let a run enter some states; return them as they are to be recorded."""
    return [run.enter(state, now or run.created) for state in states]


def record(store: Any, run: Run, *states: State) -> Any:
    """Create a run that has entered these states (PENDING if none are named)."""
    store.create(run, enter(run, *(states or (PENDING,))))
    return run


def names(states: Sequence[State]) -> list[str]:
    """Return the names of states."""
    return [state.name for state in states]
