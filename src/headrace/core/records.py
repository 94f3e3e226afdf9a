"""What is known of one run: its identity, what it was given, and what follows from its states.

A record is the run as its own process sees it while it lasts; the store holds the same, durably. `enter` is the only
place where the counters and times of a run are worked out.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple, Self
from uuid import UUID

from headrace.core.models import Model
from headrace.core.state_details import NO_DETAILS, StateDetails
from headrace.core.state_types import TERMINAL, StateType
from headrace.core.states import State, unstamped
from headrace.core.transitions import allowed

#: Where a task run's parameter came from: the runs, parameters or constants it was made of.
TaskInputs = Mapping[str, Sequence[UUID]]

_MICROSECOND = timedelta(microseconds=1)
#: The fields that change as a run goes on.
_OF_STATES = (
    *("state_id", "state_type", "state_name", "state", "run_count"),
    *("expected_start_time", "start_time", "end_time", "total_run_time", "estimated_run_time"),
)
_RUNNING = StateType.RUNNING  # the look-up of an enumeration's member takes longer than one would think


@dataclass(slots=True, kw_only=True, eq=False, init=False, repr=False)
class Run(Model):
    """What flow runs and task runs have in common; it is always one of these.

    `run_count` counts the entries into RUNNING; `start_time` is the first of them, `end_time` the final state's, None
    where a run that had ended is run again;
    `total_run_time` is the time spent in RUNNING states. `history_length` is the number of states recorded so far.
    Two records are equal when they are of the same run, at the same point of its history, by the same name.
    """

    DEFAULTS: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(("state", "state_id", "state_type", "state_name"), None),
        **dict.fromkeys(("start_time", "end_time", "expected_start_time"), None),
        **{"run_count": 0, "total_run_time": timedelta(0), "estimated_run_time": timedelta(0), "tags": frozenset()},
    }

    #: Which of the two this is.
    kind: ClassVar[Literal["flow", "task"]]

    id: UUID
    name: str
    created: datetime
    tags: frozenset[str] = frozenset()
    state: State | None = None
    run_count: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: timedelta = timedelta(0)
    expected_start_time: datetime | None = None
    history_length: int = 0
    #: What every state of the run says of it: derived, and kept because it is asked for at each.
    own_details: StateDetails | None = field(default=None, repr=False, compare=False)

    def enter(self, state: State, now: datetime) -> State:
        """Take on a state, stamped so that timestamps strictly increase; return it as it is to be recorded."""
        before = self.state
        if not allowed(before, state, self.kind):
            raise AssertionError(f"{self.kind} run {self.name!r} may not go from {before} to {state}")
        at = state.timestamp or now
        if before is not None and before.timestamp is not None:
            if at <= before.timestamp:  # the clock stands still, or the user made the state beforehand
                at = max(now, before.timestamp + _MICROSECOND)
            if before.type is _RUNNING:
                self.total_run_time += at - before.timestamp
        position = self.history_length
        details = self._details(state.state_details)
        entered = unstamped(state.type, state.name, at, state.message, state.data, details, (self.id, position))
        if state.type is _RUNNING:
            self.run_count += 1
            self.start_time = self.start_time or at
        elif state.type not in TERMINAL:
            self.end_time = None  # it may have ended, and be run again
        elif self.end_time is None:
            self.end_time = at
        if self.expected_start_time is None:
            self.expected_start_time = state.state_details.scheduled_time or at
        self.state = entered
        self.history_length = position + 1
        return entered

    def _details(self, details: StateDetails) -> StateDetails:
        """Return the details of a state of this run, which say that it is: one object for all that say no more."""
        own = self.own_details
        if own is None:
            own = self.own_details = StateDetails(*self.identity())
        if details is NO_DETAILS or details is own:
            return own
        return details._replace(flow_run_id=own.flow_run_id, task_run_id=own.task_run_id)

    def identity(self) -> tuple[UUID | None, UUID | None]:
        """Return the ids of the flow run and of the task run that a state of this run names."""
        raise NotImplementedError

    @property
    def state_type(self) -> StateType | None:
        """The type of the current state."""
        return self.state.type if self.state else None

    @property
    def state_name(self) -> str | None:
        """The name of the current state."""
        return self.state.name if self.state else None

    @property
    def state_id(self) -> UUID | None:
        """The id of the current state."""
        return self.state.id if self.state else None

    @property
    def estimated_run_time(self) -> timedelta:
        """The time spent running so far; the same as `total_run_time` once the run has ended."""
        return self.total_run_time

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with these fields changed; what follows from the state can't be.

        Raises TypeError for a name that is no such field.
        """
        settable = [name for name in self.FIELDS if not isinstance(getattr(type(self), name, None), property)]
        for name in changes:
            if name not in settable:
                raise TypeError(f"A {self.kind} run can't be given {name!r}. It can: {', '.join(settable)}.")
        changed = copy.copy(self)
        for name, value in changes.items():
            setattr(changed, name, value)
        return changed

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Run)
            and (self.id, self.history_length, self.name) == (other.id, other.history_length, other.name)
            and self.kind == other.kind
        )

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(slots=True, kw_only=True, eq=False)
class FlowRun(Run):
    """One run of a flow.

    `parent_task_run_id` is the task run that stands for this run in its parent flow run, None for a run of its own.
    `parameters` are as bound and validated; the store keeps a JSON form of them. `entrypoint` says where the flow's
    code is, ``/path/to/file.py:name`` or ``package.module:name``; None where it is in no file, and for subflow runs.
    """

    kind = "flow"
    FIELDS = (
        *("id", "created", "name", "flow_id", "flow_name", "flow_version", "parameters", "tags"),
        *_OF_STATES,
        *("parent_task_run_id", "parent_flow_run_id", "root_flow_run_id", "deployment_id", "entrypoint"),
    )

    flow_name: str
    flow_id: UUID
    flow_version: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    parent_flow_run_id: UUID | None = None
    root_flow_run_id: UUID | None = None
    deployment_id: UUID | None = None
    entrypoint: str | None = None

    def identity(self) -> tuple[UUID | None, UUID | None]:
        """Return the ids of the flow run and of the task run that a state of this run names."""
        return self.id, self.parent_task_run_id


@dataclass(slots=True, kw_only=True, eq=False)
class TaskRun(Run):
    """One run of a task, or the task run that stands for a subflow in its parent (`child_flow_run_id` is then set).

    `task_inputs` says, per parameter, from which task runs its value came; `wait_for` is among them.
    `flow_run_run_count` is the attempt of the flow run that this task run belongs to, from 1; 0 outside a flow.
    """

    kind = "task"
    FIELDS = (
        *("id", "created", "name", "task_name", "task_key", "dynamic_key", "parameters", "task_inputs", "tags"),
        *_OF_STATES,
        *("flow_run_id", "flow_run_run_count", "child_flow_run_id", "cache_key"),
    )

    task_name: str
    task_key: str
    dynamic_key: str = ""
    flow_run_id: UUID | None = None
    flow_run_run_count: int = 0
    task_inputs: TaskInputs = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    child_flow_run_id: UUID | None = None
    cache_key: str | None = None

    def identity(self) -> tuple[UUID | None, UUID | None]:
        """Return the ids of the flow run and of the task run that a state of this run names."""
        return self.flow_run_id, self.id


class LogRecord(NamedTuple):
    """One line of a run's log. `level` is that of the logging module (INFO is 20)."""

    timestamp: datetime
    level: int
    message: str
    logger: str
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None

    @property
    def name(self) -> str:
        """The name of the logger, as clients call it."""
        return self.logger
