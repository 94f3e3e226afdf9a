"""What the API answers: runs, states, log lines and limits as JSON. Times are in seconds, moments in UTC."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from headrace.core.codec import to_json
from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.store.protocol import ConcurrencyLimit, Lease

T = TypeVar("T")


class StateAnswer(BaseModel):
    """One state of a run."""

    id: UUID | None
    type: StateType
    name: str
    timestamp: datetime | None
    message: str | None
    state_details: dict[str, Any] = Field(description="What else the state says; nothing that has no value.")

    @classmethod
    def of(cls, state: State) -> StateAnswer:
        """Return a state as it is answered."""
        details = {name: value for name, value in state.state_details._asdict().items() if value not in (None, False)}
        return cls(
            id=state.id,
            type=state.type,
            name=state.name,
            timestamp=state.timestamp,
            message=state.message,
            state_details=details,
        )


class _RunAnswer(BaseModel):
    id: UUID
    name: str
    created: datetime
    tags: list[str]
    parameters: dict[str, Any]
    run_count: int
    expected_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    total_run_time: float = Field(description="Seconds spent in RUNNING states so far.")
    state_id: UUID | None
    state_type: StateType | None
    state_name: str | None
    state: StateAnswer | None


class FlowRunAnswer(_RunAnswer):
    """One flow run."""

    flow_id: UUID
    flow_name: str
    flow_version: str | None
    parent_flow_run_id: UUID | None
    parent_task_run_id: UUID | None
    root_flow_run_id: UUID | None
    deployment_id: UUID | None
    entrypoint: str | None = Field(description="Where the flow's code is: file.py:name or module:name.")

    @classmethod
    def of(cls, run: FlowRun) -> FlowRunAnswer:
        """Return a flow run as it is answered."""
        return cls(
            **_common(run),
            flow_id=run.flow_id,
            flow_name=run.flow_name,
            flow_version=run.flow_version,
            parent_flow_run_id=run.parent_flow_run_id,
            parent_task_run_id=run.parent_task_run_id,
            root_flow_run_id=run.root_flow_run_id,
            deployment_id=run.deployment_id,
            entrypoint=run.entrypoint,
        )


class TaskRunAnswer(_RunAnswer):
    """One task run."""

    task_name: str
    task_key: str
    dynamic_key: str
    flow_run_id: UUID | None
    flow_run_run_count: int
    task_inputs: dict[str, list[UUID]] = Field(description="By parameter, the task runs that its value came from.")
    child_flow_run_id: UUID | None
    cache_key: str | None

    @classmethod
    def of(cls, run: TaskRun) -> TaskRunAnswer:
        """Return a task run as it is answered."""
        return cls(
            **_common(run),
            task_name=run.task_name,
            task_key=run.task_key,
            dynamic_key=run.dynamic_key,
            flow_run_id=run.flow_run_id,
            flow_run_run_count=run.flow_run_run_count,
            task_inputs={name: list(ids) for name, ids in run.task_inputs.items()},
            child_flow_run_id=run.child_flow_run_id,
            cache_key=run.cache_key,
        )


def _common(run: Run) -> dict[str, Any]:
    assert isinstance(run, FlowRun | TaskRun)
    parameters = json.loads(to_json(run.parameters)) if run.parameters else {}
    return {
        "id": run.id,
        "name": run.name,
        "created": run.created,
        "tags": sorted(run.tags),
        "parameters": parameters,
        "run_count": run.run_count,
        "expected_start_time": run.expected_start_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "total_run_time": run.total_run_time.total_seconds(),
        "state_id": run.state_id,
        "state_type": run.state_type,
        "state_name": run.state_name,
        "state": StateAnswer.of(run.state) if run.state is not None else None,
    }


class FlowAnswer(BaseModel):
    """A flow of which there are runs."""

    id: UUID
    name: str


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    results: list[T]
    count: int = Field(description="How many there are on all pages.")
    limit: int
    pages: int
    page: int

    @classmethod
    def of(cls, results: list[T], count: int, limit: int, page: int) -> Page[T]:
        """Return a page with what follows from how many there are on all pages, and on one."""
        return cls(results=results, count=count, limit=limit, pages=math.ceil(count / limit), page=page)


class LogAnswer(BaseModel):
    """One log line."""

    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None
    task_run_id: UUID | None

    @classmethod
    def of(cls, line: LogRecord) -> LogAnswer:
        """Return a line as it is answered."""
        return cls(
            name=line.logger,
            level=line.level,
            message=line.message,
            timestamp=line.timestamp,
            flow_run_id=line.flow_run_id,
            task_run_id=line.task_run_id,
        )


class SetStateAnswer(BaseModel):
    """What came of asking for a state: ACCEPT, or REJECT where the run is in another one."""

    status: Literal["ACCEPT", "REJECT"]
    state: StateAnswer = Field(description="The state that stands now.")
    reason: str | None = Field(default=None, description="Why it was rejected.")


class NodeAnswer(BaseModel):
    """A run on the graph of a flow run."""

    id: UUID
    kind: Literal["flow", "task"]
    name: str
    state_type: StateType | None
    state_name: str | None
    start_time: datetime | None
    end_time: datetime | None
    upstream: list[UUID] = Field(description="The runs on the graph that it waited for.")
    child_flow_run_id: UUID | None = Field(description="The subflow run that a task run stands for.")


class LimitAnswer(BaseModel):
    """A concurrency limit, as it stands."""

    name: str
    limit: int
    active: bool
    slot_decay_per_second: float
    active_slots: float

    @classmethod
    def of(cls, limit: ConcurrencyLimit) -> LimitAnswer:
        """Return a limit as it is answered."""
        return cls(
            name=limit.name,
            limit=limit.limit,
            active=limit.active,
            slot_decay_per_second=limit.slot_decay_per_second,
            active_slots=limit.active_slots,
        )


class SlotsAnswer(BaseModel):
    """Slots that were taken: the lease by which they are given back, and the limits as they stand now."""

    lease_id: UUID
    limits: list[LimitAnswer]


class LeaseAnswer(BaseModel):
    """Who holds, or waits for, slots."""

    holder: str
    holder_run_id: UUID | None
    occupy: int
    since: datetime
    expires_at: datetime
    waiting: bool

    @classmethod
    def of(cls, lease: Lease) -> LeaseAnswer:
        """Return a lease as it is answered."""
        return cls(
            holder=lease.holder,
            holder_run_id=lease.holder_run_id,
            occupy=lease.occupy,
            since=lease.since,
            expires_at=lease.expires_at,
            waiting=lease.waiting,
        )


class ArtifactAnswer(BaseModel):
    """An artifact."""

    id: UUID
    created: datetime
    updated: datetime
    key: str | None
    type: str | None
    description: str | None
    data: Any
    metadata_: dict[str, str] | None
    flow_run_id: UUID | None
    task_run_id: UUID | None

    @classmethod
    def of(cls, artifact: ArtifactRecord) -> ArtifactAnswer:
        """Return an artifact as it is answered."""
        return cls(**artifact.model_dump())


class VariableAnswer(BaseModel):
    """A variable."""

    id: UUID
    created: datetime
    updated: datetime
    name: str
    value: Any
    tags: list[str]

    @classmethod
    def of(cls, variable: VariableRecord) -> VariableAnswer:
        """Return a variable as it is answered."""
        return cls(**variable.model_dump())


class VersionAnswer(BaseModel):
    """Which headrace this is."""

    version: str


class HealthAnswer(BaseModel):
    """How the server does."""

    status: Literal["ok"]


class ReadyAnswer(HealthAnswer):
    """How the server does, and its store."""

    store: str
