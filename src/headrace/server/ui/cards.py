"""Runs as cards on a list."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headrace.core.codec import to_json
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import TERMINAL, StateType
from headrace.store.protocol import RunFilter, RunKind, Store

#: How much of a parameter, and of all, a card shows, in characters.
_LONGEST_VALUE, _LONGEST = 60, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One run on a list. `duration` is from its start to its end, or until now, in seconds.

    `due` is when a planned flow run is to start. `definition` is the name of its flow or task; `flow_run_id` and
    `flow_run_name` tell which flow run a task run, or a subflow run, is part of. `task_runs` is None where nobody has
    counted.
    """

    id: UUID
    kind: RunKind
    name: str
    definition: str
    state_type: StateType | None
    state_name: str
    message: str | None
    tags: Sequence[str]
    parameters: str
    created: datetime
    start_time: datetime | None
    due: datetime | None
    duration: float | None
    attempts: int
    task_runs: int | None = None
    flow_run_id: UUID | None = None
    flow_run_name: str | None = None


def flow_cards(
    store: Store, runs: Sequence[FlowRun], now: datetime, *, counted: bool = True, placed: bool = True
) -> list[Card]:
    """Return flow runs as cards.

    `counted` asks the store for the number of task runs of each, `placed` which flow runs they are part of.
    """
    wanted = {run.parent_flow_run_id for run in runs if run.parent_flow_run_id is not None} if placed else set()
    parents = _names(store, wanted) if placed else None
    counts = {run.id: store.count("task", RunFilter(flow_run_id=run.id)) for run in runs} if counted else {}
    return [card(run, now, parents, counts) for run in runs]


def task_cards(store: Store, runs: Sequence[TaskRun], now: datetime, *, placed: bool = True) -> list[Card]:
    """Return task runs as cards; `placed` asks the store which flow runs they are of."""
    wanted = {run.flow_run_id for run in runs if run.flow_run_id is not None} if placed else set()
    around = _names(store, wanted) if placed else None
    return [card(run, now, around) for run in runs]


def card(
    run: Run, now: datetime, around: Mapping[UUID, str] | None = None, counts: Mapping[UUID, int] | None = None
) -> Card:
    """Return one run as a card; without `around`, the names of flow runs, it does not say what it is part of."""
    assert isinstance(run, FlowRun | TaskRun)
    flow_run_id = run.parent_flow_run_id if isinstance(run, FlowRun) else run.flow_run_id
    return Card(
        id=run.id,
        kind=run.kind,
        name=run.name,
        definition=run.flow_name if isinstance(run, FlowRun) else run.task_name,
        state_type=run.state_type,
        state_name=run.state_name or "",
        message=run.state.message if run.state is not None else None,
        tags=sorted(run.tags),
        parameters=shortened(plain(run)),
        created=run.created,
        start_time=run.start_time,
        due=_due(run),
        duration=lasted(run, now),
        attempts=run.run_count,
        task_runs=(counts or {}).get(run.id),
        flow_run_id=flow_run_id if around is not None else None,
        flow_run_name=(around or {}).get(flow_run_id) if flow_run_id is not None else None,
    )


def lasted(run: Run, now: datetime) -> float | None:
    """Return how many seconds passed from a run's start to its end, or until now; None if it never started."""
    return None if run.start_time is None else max(((run.end_time or now) - run.start_time).total_seconds(), 0.0)


def _due(run: FlowRun | TaskRun) -> datetime | None:
    """Return when a planned flow run is to start; a task run in the background has no time of its own."""
    waits = run.kind == "flow" and run.state_type is StateType.SCHEDULED and run.start_time is None
    return run.expected_start_time if waits else None


def goes_on(type_: StateType | None, name: str | None) -> bool:
    """Say whether a run in this state may soon be in another. One that could not begin stays as it is."""
    return type_ not in TERMINAL and name != "NotReady"


def plain(run: Run) -> dict[str, str]:
    """Return a run's parameters, each as JSON."""
    assert isinstance(run, FlowRun | TaskRun)
    if not run.parameters:
        return {}
    told = json.loads(to_json(run.parameters))
    return {name: json.dumps(value, ensure_ascii=False) for name, value in told.items()}


def shortened(parameters: Mapping[str, str]) -> str:
    """Return parameters in one line."""
    return _cut(", ".join(f"{name}={_cut(value, _LONGEST_VALUE)}" for name, value in parameters.items()), _LONGEST)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _names(store: Store, flow_run_ids: set[UUID]) -> dict[UUID, str]:
    if not flow_run_ids:
        return {}
    return {run.id: run.name for run in store.flow_runs(RunFilter(ids=frozenset(flow_run_ids)))}
