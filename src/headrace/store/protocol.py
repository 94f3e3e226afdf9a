"""What a run store promises.

A store keeps runs, the history of their states, their logs, what is scheduled, concurrency limits, artifacts, and
variables.
Every method is one atomic operation: it happens wholly or not at all, and is durable against a killed process
when it returns. None leaves a transaction open, and none reads a clock of its own: every moment is passed in.

Stores are used from many threads at once. All methods are synchronous and short; the asyncio driver calls
them directly, because a write takes some ten microseconds and a hop to another thread several times that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from headrace.core.limits import Granted, Impossible, Queued, SlotAnswer, SlotRequest
from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.store.wanted import (
    EVERY_RUN,
    NEWEST,
    OLDEST,
    SORTABLE,
    SORTABLE_THINGS,
    LogFilter,
    Order,
    Place,
    RunFilter,
    RunKind,
    ThingKind,
    check_sortable,
)

if TYPE_CHECKING:
    from headrace.core.things import ArtifactRecord, VariableRecord
    from headrace.store.conditions import Condition
    from headrace.store.news import Mark, News
    from headrace.store.operations import Delivery, Ingested, Operation
    from headrace.store.roster import Rosters

__all__ = [
    "EVERY_RUN",
    "NEWEST",
    "OLDEST",
    "SORTABLE",
    "SORTABLE_THINGS",
    "Claimed",
    "ConcurrencyLimit",
    "Granted",
    "Idle",
    "Impossible",
    "Lease",
    "LogFilter",
    "LogRecord",
    "Order",
    "OwnStore",
    "Place",
    "Queued",
    "RunFilter",
    "RunKind",
    "SeenFlow",
    "ServedStore",
    "SlotAnswer",
    "SlotRequest",
    "Store",
    "ThingKind",
    "check_sortable",
]


class ConcurrencyLimit(NamedTuple):
    """A named number of slots. With `slot_decay_per_second` above 0 it is a rate limit.

    What a rate took (`SlotRequest.rate`) comes back by itself, so many slots a second; what a lease holds
    does not.

    `active_slots` is how many are taken at the moment the limit was read, decay included (hence a float).
    """

    name: str
    limit: int
    active: bool = True
    slot_decay_per_second: float = 0.0
    active_slots: float = 0.0


class Lease(NamedTuple):
    """Who holds, or waits for, slots of a limit."""

    ticket: UUID
    name: str
    occupy: int
    holder: str
    holder_run_id: UUID | None
    since: datetime
    expires_at: datetime
    waiting: bool = False


#: How many of the runs that were deleted last are told to those who follow what happens.
MOST_DELETED = 10_000


class SeenFlow(NamedTuple):
    """A flow that has runs; `latest` is when the newest of them was created."""

    id: UUID
    name: str
    latest: datetime


class Claimed(NamedTuple):
    """A scheduled run that is the caller's to run while its lease holds, and the call that came with it."""

    run_id: UUID
    call: bytes


class Idle(NamedTuple):
    """There is nothing to run. `retry_at` is when the first lease of others runs out, None where there is none."""

    retry_at: datetime | None = None


class Store(Protocol):
    """The one protocol of all back ends. See the module's page for what every method promises."""

    #: True where other processes may change what this store holds: waits must look again now and then.
    shared: bool
    #: Where the store is, for people: a path, or "memory".
    location: str

    @property
    def rosters(self) -> Rosters | None:
        """Where processes of this machine say what they are at work on; None where they can't."""
        ...

    # runs ----------------------------------------------------------------------------------------------

    def create(self, run: Run, states: Sequence[State]) -> None:
        """Record a new run, flow or task run, together with its first states (at least one).

        The states are in order, and `run` has entered them already. Raises ObjectAlreadyExists where the id
        is taken, and ValueError where the states are not the run's whole history.
        """
        ...

    def transition(self, run: Run, states: Sequence[State]) -> State | None:
        """Append states to a run that has already entered them, with its columns as they now are.

        What a run was given (name, tags, parameters, task_inputs) is settled when it begins: it is written by
        `create`, and again up to the states that hold the run's first RUNNING; later changes are not. Fixed by
        `create` are the ids, the moments of creation and of the expected start, and the names, versions and
        keys of flow and task. All else is written each time.

        It is a compare-and-set: it happens only if the stored history of the run has exactly
        ``run.history_length - len(states)`` entries. Returns None on success, and else the state that
        stands in the store now, with nothing written. Raises ObjectNotFound for a run that was never
        created.
        """
        ...

    def propose(self, kind: RunKind, run_id: UUID, state: State) -> State:
        """Append one state to a run from outside its process (a cancellation asked for, say).

        The transition table is enforced: where it forbids the step nothing is written. A run that no process is
        at work on is Cancelled at once where Cancelling is asked for (see `as_taken`). A state without a
        timestamp is stamped just after the one before it. Returns the state that stands afterwards. Raises
        ObjectNotFound.
        """
        ...

    def flow_run(self, run_id: UUID) -> FlowRun:
        """Return one flow run. Raises ObjectNotFound."""
        ...

    def task_run(self, run_id: UUID) -> TaskRun:
        """Return one task run. Raises ObjectNotFound."""
        ...

    def flow_runs(
        self,
        where: RunFilter | Condition = EVERY_RUN,
        *,
        order: Order = OLDEST,
        after: Place | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[FlowRun]:
        """Return the flow runs that fit, in this order; `after` a place alone those that come later in it.

        A page that is asked for by its place takes as long as the first one, however deep it is. Raises
        ValueError for a field that there is not.
        """
        ...

    def task_runs(
        self,
        where: RunFilter | Condition = EVERY_RUN,
        *,
        order: Order = OLDEST,
        after: Place | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[TaskRun]:
        """Return the task runs that fit, in this order; see `flow_runs`."""
        ...

    def count(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> int:
        """Return how many runs fit."""
        ...

    def tally(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> dict[tuple[StateType, str], int]:
        """Return how many of the runs that fit are in each state, by its type and name."""
        ...

    def tallies(
        self, kind: RunKind, where: RunFilter | Condition, begin: datetime, end: datetime, parts: int
    ) -> list[dict[tuple[StateType, str], int]]:
        """Return a tally of the runs that fit for each of equal parts of a stretch of time, by when they were created.

        `end` is beyond the last part. Raises ValueError for less than one part, and for a stretch that has no length.
        """
        ...

    def flows(self, *, limit: int | None = None, offset: int = 0) -> list[SeenFlow]:
        """Return the flows that have runs, the one with the newest run first, equals by name and id."""
        ...

    def history(self, run_id: UUID) -> list[State]:
        """Return all states of a run, in order; empty for a run that is not known."""
        ...

    def histories(self, run_ids: Collection[UUID]) -> dict[UUID, list[State]]:
        """Return the histories of many runs of either kind at once; a run that is not known is missing."""
        ...

    def current_states(self, run_ids: Iterable[UUID], kind: RunKind = "flow") -> dict[UUID, State]:
        """Return the standing state of each of these runs that exists. Must be cheap: it is polled."""
        ...

    def delete(self, kind: RunKind, run_id: UUID) -> bool:
        """Remove a run with its history, logs and artifacts, a flow run with its task runs too.

        False if there was none.

        Runs of subflows stay.
        """
        ...

    # what is scheduled ---------------------------------------------------------------------------------

    def schedule(self, run: TaskRun, states: Sequence[State], queue: str, call: bytes) -> None:
        """Do as `create`, and put the run at the end of a queue, for whoever claims it and can read `call`.

        A run that is deleted is scheduled no longer.
        """
        ...

    def claim(self, queues: Sequence[str], claim: UUID, lease_seconds: float, now: datetime) -> Claimed | Idle:
        """Take the run that was scheduled first in any of these queues, of those that nobody has.

        Nobody else gets it until it is dismissed or its lease runs out: then it is given again, whatever state it is
        in. `claim` is a fresh id, under which the run is held. Must be cheap where there is nothing: it is polled.
        """
        ...

    def renew_claims(self, claims: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases, also those that have run out and that nobody else has taken. Returns what still holds."""
        ...

    def dismiss(self, claim: UUID) -> bool:
        """Forget the run that is held under this claim: it has ended. False where the claim holds nothing any more."""
        ...

    # logs ----------------------------------------------------------------------------------------------

    def append_logs(self, records: Sequence[LogRecord]) -> None:
        """Append log lines, in order. A line with a task run alone gets the flow run of that, if stored."""
        ...

    def logs(
        self,
        where: LogFilter | Condition,
        *,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = False,
    ) -> list[LogRecord]:
        """Return log lines in order of time, and of arrival within the same moment; or the other way round."""
        ...

    def count_logs(self, where: LogFilter | Condition) -> int:
        """Return how many log lines fit."""
        ...

    # concurrency limits --------------------------------------------------------------------------------

    def put_limit(self, limit: ConcurrencyLimit) -> None:
        """Create or replace a limit by name; slots that are taken stay taken.

        `active_slots` is not looked at. Raises ValueError for a limit below 0 and for a negative or
        infinite decay.
        """
        ...

    def delete_limit(self, name: str) -> bool:
        """Remove a limit with its leases. False if there was none."""
        ...

    def limit(self, name: str, now: datetime) -> ConcurrencyLimit | None:
        """Return one limit as it stands at `now`."""
        ...

    def limits(self, now: datetime) -> list[ConcurrencyLimit]:
        """Return all limits, by name, as they stand at `now`."""
        ...

    def request_slots(self, request: SlotRequest, now: datetime) -> SlotAnswer:
        """Take slots if there are enough and nobody came earlier; else keep (and renew) the ticket's place.

        Raises ValueError for less than one slot. Expired leases and places are dropped first. A ticket that
        already holds its slots is granted again, and renewed. Limits that are missing or not active are
        passed over (and missing ones named in the answer).
        """
        ...

    def renew_slots(self, tickets: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns the tickets that still hold; the others have expired and been given away."""
        ...

    def release_slots(self, ticket: UUID, now: datetime) -> None:
        """Give back what a ticket holds, or its place. Releasing twice, or what expired, does nothing."""
        ...

    def leases(self, name: str, now: datetime) -> list[Lease]:
        """Return who holds slots of a limit and who waits: holders first, each in order of arrival."""
        ...

    # artifacts and variables -----------------------------------------------------------------------------

    def create_artifact(self, artifact: ArtifactRecord) -> None:
        """Keep an artifact. Raises ObjectAlreadyExists where the id is taken.

        One of a task run alone gets the flow run of that, if stored.
        """
        ...

    def update_artifact(self, artifact_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some of the fields in `ARTIFACT_CHANGES`. False if there is no such artifact.

        Raises ValueError for another field.
        """
        ...

    def artifacts(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[ArtifactRecord]:
        """Return the artifacts that fit (None: all), in this order. Raises ValueError for a field that there is not."""
        ...

    def count_artifacts(self, where: Condition | None = None) -> int:
        """Return how many artifacts fit."""
        ...

    def delete_artifact(self, artifact_id: UUID) -> bool:
        """Remove an artifact. False if there was none."""
        ...

    def put_variable(self, variable: VariableRecord, *, overwrite: bool = False) -> VariableRecord:
        """Keep a variable, and return it as it is kept.

        Where its name is taken the other one's value and tags become these with `overwrite`, which keeps its id and the
        moment of its creation; without, ObjectAlreadyExists is raised.
        """
        ...

    def update_variable(self, variable_id: UUID, changes: Mapping[str, Any], now: datetime) -> bool:
        """Change some of the fields in `VARIABLE_CHANGES`. False if there is no such variable.

        Raises ObjectAlreadyExists where another one has the new name, and ValueError for another field.
        """
        ...

    def variables(
        self, where: Condition | None = None, *, order: Order = OLDEST, limit: int | None = None, offset: int = 0
    ) -> list[VariableRecord]:
        """Return the variables that fit (None: all), in this order; see `artifacts`."""
        ...

    def count_variables(self, where: Condition | None = None) -> int:
        """Return how many variables fit."""
        ...

    def delete_variable(self, variable_id: UUID) -> bool:
        """Remove a variable. False if there was none."""
        ...

    # life ----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of files and connections. Closing twice does nothing; all else then raises StoreError."""
        ...


class ServedStore(Store, Protocol):
    """A store that a server can serve: it takes what other processes have done already."""

    def ingest(self, operations: Sequence[Operation], delivery: Delivery | None, now: datetime) -> Ingested:
        """Do what another process has done already, in order, as `headrace.store.operations` says.

        What came in an earlier delivery of the same spool is passed over. Without a delivery, moves are strict.
        """
        ...

    def mark(self) -> Mark:
        """Return the mark after which nothing has happened yet, to ask `news` from."""
        ...

    def news(self, since: Mark, version: object = None, most: int = 1000) -> News:
        """Return the states that runs have entered since, each once; of no more than `most` runs that are new.

        The last `MOST_DELETED` runs that were deleted are told, too; those of `erase` are not. What comes with
        `version`, that of the last news, costs next to nothing while nothing happens. A run that had ended is not
        looked at again. Must be cheap: it is polled.
        """
        ...


class OwnStore(Store, Protocol):
    """A store that this process opens itself, and not through a server."""

    def erase(self) -> None:
        """Remove all that is kept: runs, histories, logs, what is scheduled, limits, artifacts, variables."""
        ...
