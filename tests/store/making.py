"""Runs to store, made without a clock: every moment is T0 plus some seconds."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.states import State, StateType
from headrace.ids import IdSource

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)

PENDING = State(StateType.PENDING)
RUNNING = State(StateType.RUNNING)
COMPLETED = State(StateType.COMPLETED, data=42)
FAILED = State(StateType.FAILED, message="no luck")
CANCELLING = State(StateType.CANCELLING)


def at(seconds: float) -> datetime:
    """Return a moment some seconds after T0."""
    return T0 + timedelta(seconds=seconds)


def ids_from(seed: int) -> IdSource:
    """Return a source of ids of its own."""
    return IdSource(lambda: int(T0.timestamp()) * 1_000_000_000, random.Random(seed))


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


def told(run: Run) -> dict[str, Any]:
    """Return all that is stored of a run, in a form in which back ends can be compared: data left out."""
    assert run.state is not None
    fields = {field.name: getattr(run, field.name) for field in dataclasses.fields(run) if field.compare}
    inputs = {name: list(ids) for name, ids in fields.pop("task_inputs", {}).items()}
    return fields | {"state": told_state(run.state), "task_inputs": inputs}


def told_state(state: State) -> tuple[Any, ...]:
    """Return all that is stored of a state: everything but its data."""
    return (state.type, state.name, state.timestamp, state.message, state.state_details, state.id)


def run_ids(runs: Sequence[Run]) -> list[UUID]:
    """Return the ids of runs."""
    return [run.id for run in runs]
