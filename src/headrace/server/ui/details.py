"""What else there is to say of a run, as pairs of what and which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.store.protocol import RunKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One thing to say; `run` is the kind of the run that an id is of, if it is of another one."""

    name: str
    value: str | float | datetime | UUID
    run: RunKind | None = None


def details(run: Run) -> list[Detail]:
    """Return what else there is to say of a run; nothing that has no value."""
    assert isinstance(run, FlowRun | TaskRun)
    own = _of_flow_run(run) if isinstance(run, FlowRun) else _of_task_run(run)
    told = [*_common(run), *own]
    return [Detail(name=name, value=value, run=kind) for name, value, kind in told if value not in (None, "")]


_Told = Iterator[tuple[str, str | float | datetime | UUID | None, RunKind | None]]


def _common(run: FlowRun | TaskRun) -> _Told:
    yield "id", run.id, None
    yield "created", run.created, None
    yield "expected start", run.expected_start_time, None
    yield "start", run.start_time, None
    yield "end", run.end_time, None
    yield "time running", run.total_run_time.total_seconds(), None
    yield "attempts", str(run.run_count), None
    yield "tags", ", ".join(sorted(run.tags)), None


def _of_flow_run(run: FlowRun) -> _Told:
    yield "flow", run.flow_name, None
    yield "flow version", run.flow_version, None
    yield "parent flow run", run.parent_flow_run_id, "flow"
    yield "stands for it there", run.parent_task_run_id, "task"
    yield "deployment", run.deployment_id, None


def _of_task_run(run: TaskRun) -> _Told:
    yield "task", run.task_name, None
    yield "task key", run.task_key, None
    yield "dynamic key", run.dynamic_key, None
    yield "flow run", run.flow_run_id, "flow"
    yield "stands for", run.child_flow_run_id, "flow"
    yield "attempt of the flow run", str(run.flow_run_run_count or ""), None
    yield "cache key", run.cache_key, None
