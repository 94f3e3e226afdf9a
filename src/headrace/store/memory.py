"""The store of tests: everything in this process, gone with it.

It keeps columns as tuples and the very `State` objects, data included, so that a test can look at results.
The columns of a run are taken when they are recorded; what the engine does to the run afterwards does not
reach them. Whatever is read is a copy.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import compress
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.core.transitions import allowed, as_taken
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound, StoreError
from headrace.store import columns, slots
from headrace.store.conditions import Condition, of_logs, of_runs, within
from headrace.store.filters import Around, ids_in, in_order, predicate
from headrace.store.memory_claims import ClaimsInMemory, Job
from headrace.store.memory_limits import LimitsInMemory
from headrace.store.memory_news import NewsInMemory
from headrace.store.memory_things import ThingsInMemory
from headrace.store.operations import Clerk, Delivery, Ingested, Operation
from headrace.store.protocol import (
    EVERY_RUN,
    MOST_DELETED,
    OLDEST,
    LogFilter,
    LogRecord,
    Order,
    Place,
    RunFilter,
    RunKind,
    SeenFlow,
    check_sortable,
)


class _Shape:
    """How the runs of one kind are taken apart and put together again."""

    def __init__(
        self, make: Callable[..., Run], fixed: tuple[str, ...], given: tuple[str, ...], moving: tuple[str, ...]
    ):
        self.make = make
        self.names = (*fixed, *given, *moving)
        self.fixed = attrgetter(*fixed)
        self.given = attrgetter(*given)
        self.moving = attrgetter(*moving)

    def build(self, kept: _Kept) -> Any:
        """Return a run of its own from what is kept."""
        values = (*kept.fixed, *map(_copied, kept.given), *kept.moving)
        return self.make(state=kept.states[-1], **dict(zip(self.names, values, strict=True)))


class _Kept(NamedTuple):
    """One run as it is kept. It is replaced as a whole, so that an interrupt can't leave half of a change."""

    fixed: tuple[Any, ...]
    given: tuple[Any, ...]
    moving: tuple[Any, ...]
    states: tuple[State, ...]
    #: Where each state stands among all that the store took.
    places: tuple[int, ...]


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


_SHAPES = {
    "flow": _Shape(FlowRun, columns.FLOW_FIXED, columns.FLOW_GIVEN, columns.MOVING),
    "task": _Shape(TaskRun, columns.TASK_FIXED, columns.TASK_GIVEN, columns.TASK_MOVING),
}


_KINDS: tuple[RunKind, RunKind] = ("flow", "task")


class MemoryStore(ClaimsInMemory, LimitsInMemory, ThingsInMemory, NewsInMemory):
    """A run store in memory, for one process. See `Store` for what its methods promise."""

    shared = False
    location = "memory"
    rosters = None

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._runs: dict[RunKind, dict[UUID, _Kept]] = {"flow": {}, "task": {}}
        self._logs: list[LogRecord] = []
        self._log_places: list[int] = []
        self._taken = 0
        self._limits: dict[str, slots.Limit] = {}
        self._tickets: dict[UUID, slots.Ticket] = {}  # in order of arrival
        self._jobs: dict[UUID, Job] = {}  # as above
        self._artifacts: dict[UUID, ArtifactRecord] = {}
        self._variables: dict[UUID, VariableRecord] = {}
        self._spools: dict[UUID, int] = {}
        self._deleted = deque(maxlen=MOST_DELETED)
        self._deletions = 0

    # runs ----------------------------------------------------------------------------------------------

    def create(self, run: Run, states: Sequence[State]) -> None:
        """Record a new run together with its first states."""
        columns.check_born(run, states)
        with self._lock:
            self._create(run, states)

    def schedule(self, run: TaskRun, states: Sequence[State], queue: str, call: bytes) -> None:
        """Record a new run together with its first states, and put it at the end of a queue."""
        columns.check_born(run, states)
        with self._lock:
            self._create(run, states)
            self._put(Job(run.id, queue, call))

    def _create(self, run: Run, states: Sequence[State]) -> None:
        shape = _SHAPES[run.kind]
        fixed, given, moving = shape.fixed(run), tuple(map(_copied, shape.given(run))), shape.moving(run)
        self._check_open()
        kept = _Kept(fixed, given, moving, tuple(states), self._next(len(states)))
        if self._runs[run.kind].setdefault(run.id, kept) is not kept:
            raise ObjectAlreadyExists(f"There is a {run.kind} run {run.id} already.")

    def transition(self, run: Run, states: Sequence[State]) -> State | None:
        """Append states that the run has entered, if its history is as long as the run believes."""
        with self._lock:
            return self._transition(run, states)

    def _transition(self, run: Run, states: Sequence[State]) -> State | None:
        shape = _SHAPES[run.kind]
        kept = self._kept(run.kind, run.id)
        if len(kept.states) != run.history_length - len(states):
            return kept.states[-1]
        given = tuple(map(_copied, shape.given(run))) if columns.unsettled(run, states) else kept.given
        places = self._next(len(states))
        now_kept = _Kept(kept.fixed, given, shape.moving(run), kept.states + tuple(states), kept.places + places)
        self._runs[run.kind][run.id] = now_kept
        return None

    def propose(self, kind: RunKind, run_id: UUID, state: State) -> State:
        """Append one state from outside where the table allows it; return the one that stands."""
        shape = _SHAPES[kind]
        with self._lock:
            kept = self._kept(kind, run_id)
            run: Run = shape.build(kept)
            if not allowed(run.state, state, kind):
                return kept.states[-1]
            entered = run.enter(as_taken(run.state, state), columns.stamp_of(run))
            places = (*kept.places, *self._next(1))
            now_kept = _Kept(kept.fixed, kept.given, shape.moving(run), (*kept.states, entered), places)
            self._runs[kind][run_id] = now_kept
            return entered

    def flow_run(self, run_id: UUID) -> FlowRun:
        """Return one flow run."""
        with self._lock:
            run: FlowRun = _SHAPES["flow"].build(self._kept("flow", run_id))
            return run

    def task_run(self, run_id: UUID) -> TaskRun:
        """Return one task run."""
        with self._lock:
            run: TaskRun = _SHAPES["task"].build(self._kept("task", run_id))
            return run

    def flow_runs(
        self,
        where: RunFilter | Condition = EVERY_RUN,
        *,
        order: Order = OLDEST,
        after: Place | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[FlowRun]:
        """Return the flow runs that fit, in this order."""
        return self._list("flow", where, order, after, limit, offset)

    def task_runs(
        self,
        where: RunFilter | Condition = EVERY_RUN,
        *,
        order: Order = OLDEST,
        after: Place | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[TaskRun]:
        """Return the task runs that fit, in this order."""
        return self._list("task", where, order, after, limit, offset)

    def count(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> int:
        """Return how many runs fit."""
        with self._lock:
            self._check_open()
            return sum(1 for _ in self._find(kind, where))

    def tally(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> dict[tuple[StateType, str], int]:
        """Return how many of the runs that fit are in each state, by its type and name."""
        with self._lock:
            self._check_open()
            return dict(Counter((run.state.type, run.state.name) for _, run in self._find(kind, where)))

    def tallies(
        self, kind: RunKind, where: RunFilter | Condition, begin: datetime, end: datetime, parts: int
    ) -> list[dict[tuple[StateType, str], int]]:
        """Return a tally of the runs that fit for each of equal parts of a stretch of time."""
        condition, width = within(kind, where, begin, end, parts)
        with self._lock:
            self._check_open()
            told: list[Counter[tuple[StateType, str]]] = [Counter() for _ in range(parts)]
            for _, run in self._find(kind, condition):
                told[(run.created - begin) // width][run.state.type, run.state.name] += 1
            return [dict(tally) for tally in told]

    def flows(self, *, limit: int | None = None, offset: int = 0) -> list[SeenFlow]:
        """Return the flows that have runs, the one with the newest run first."""
        newest = {(run.flow_name, run.flow_id): run.created for run in self.flow_runs()}
        found = [SeenFlow(id_, name, newest[name, id_]) for name, id_ in sorted(newest)]
        found.sort(key=attrgetter("latest"), reverse=True)
        return _cut(found, limit, offset)

    def history(self, run_id: UUID) -> list[State]:
        """Return all states of a run, in order."""
        return self.histories((run_id,)).get(run_id, [])

    def histories(self, run_ids: Collection[UUID]) -> dict[UUID, list[State]]:
        """Return the histories of many runs at once."""
        with self._lock:
            self._check_open()
            tasks, flows = self._runs["task"], self._runs["flow"]
            found = ((run_id, tasks.get(run_id) or flows.get(run_id)) for run_id in run_ids)
            return {run_id: list(kept.states) for run_id, kept in found if kept}

    def places(self, run_id: UUID) -> tuple[int, ...]:
        """Say of each state of a run where it stands among all states of all runs, in the order they were recorded.

        On a virtual clock much happens at the same moment; this tells what came first.
        """
        with self._lock:
            self._check_open()
            kept = self._runs["task"].get(run_id) or self._runs["flow"].get(run_id)
            return kept.places if kept else ()

    @property
    def taken(self) -> int:
        """How many states of all runs were taken so far."""
        return self._taken

    def current_states(self, run_ids: Iterable[UUID], kind: RunKind = "flow") -> dict[UUID, State]:
        """Return the standing state of each of these runs that exists."""
        with self._lock:
            self._check_open()
            runs = self._runs[kind]
            return {run_id: runs[run_id].states[-1] for run_id in run_ids if run_id in runs}

    def delete(self, kind: RunKind, run_id: UUID) -> bool:
        """Remove a run with its history, logs and artifacts, a flow run with its task runs too."""
        with self._lock:
            self._check_open()
            if run_id not in self._runs[kind]:
                return False
            run: Run = _SHAPES[kind].build(self._kept(kind, run_id))
            self._note_deleted(kind, run)
            gone = {run_id}
            if kind == "flow":
                gone |= {task_id for task_id in self._runs["task"] if self._flow_run_of(task_id) == run_id}
            stays = [r.flow_run_id not in gone and r.task_run_id not in gone for r in self._logs]
            logs, places = list(compress(self._logs, stays)), list(compress(self._log_places, stays))
            flow_runs, task_runs = (_without(self._runs[kind], gone) for kind in _KINDS)
            self._runs, self._logs, self._log_places = {"flow": flow_runs, "task": task_runs}, logs, places
            self._forget(gone)
            self._forget_artifacts(gone)
            return True

    # logs ----------------------------------------------------------------------------------------------

    def append_logs(self, records: Sequence[LogRecord]) -> None:
        """Append log lines, in order."""
        with self._lock:
            self._check_open()
            self._append_logs(records)

    def _append_logs(self, records: Sequence[LogRecord]) -> None:
        self._logs += [
            record
            if record.flow_run_id or not record.task_run_id
            else record._replace(flow_run_id=self._flow_run_of(record.task_run_id))
            for record in records
        ]
        self._log_places += [self._taken] * len(records)

    def placed_logs(self) -> list[tuple[int, LogRecord]]:
        """Return all log lines in order of arrival, each with the number of states that were taken before it."""
        with self._lock:
            self._check_open()
            return list(zip(self._log_places, self._logs, strict=True))

    def logs(
        self,
        where: LogFilter | Condition,
        *,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = False,
    ) -> list[LogRecord]:
        """Return log lines in order of time, and of arrival within the same moment; or the other way round."""
        found = self._fitting(where)
        found.sort(key=attrgetter("timestamp"))
        return _cut(found[::-1] if newest_first else found, limit, offset)

    def count_logs(self, where: LogFilter | Condition) -> int:
        """Return how many log lines fit."""
        return len(self._fitting(where))

    def _fitting(self, where: LogFilter | Condition) -> list[LogRecord]:
        with self._lock:
            self._check_open()
            return list(filter(predicate("log", of_logs(where), self._around()), self._logs))

    # news ----------------------------------------------------------------------------------------------

    def ingest(self, operations: Sequence[Operation], delivery: Delivery | None, now: datetime) -> Ingested:
        """Do what was done elsewhere."""
        clerk = Clerk(_Desk(self), strict=delivery is None)
        with self._lock:
            self._check_open()
            if delivery is None:
                clerk.do(operations)
                return Ingested(0, clerk.refusals)
            known = self._spools.get(delivery.spool, 0)
            clerk.do(operations, max(known - delivery.after, 0))
            self._spools[delivery.spool] = max(known, delivery.until)
            return Ingested(self._spools[delivery.spool], clerk.refusals)

    def _numbered(self, kind: RunKind) -> Iterator[tuple[int, tuple[Any, tuple[State, ...]]]]:
        """Yield all runs of a kind with their states, by numbers that grow in order of arrival."""
        for kept in self._runs[kind].values():
            yield kept.places[0] + 1, (_SHAPES[kind].build(kept), kept.states)

    # life ----------------------------------------------------------------------------------------------

    def copy(self) -> MemoryStore:
        """Return a store of its own that holds what this one holds now."""
        copy = MemoryStore()
        with self._lock:
            self._check_open()
            copy._runs = {kind: dict(runs) for kind, runs in self._runs.items()}
            copy._logs, copy._log_places, copy._taken = list(self._logs), list(self._log_places), self._taken
            copy._limits, copy._tickets = dict(self._limits), dict(self._tickets)
            copy._jobs = dict(self._jobs)
            copy._deleted, copy._deletions = self._deleted.copy(), self._deletions
            copy._artifacts, copy._variables = dict(self._artifacts), dict(self._variables)
        return copy

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._closed = True
            self._runs = {"flow": {}, "task": {}}
            self._logs, self._log_places, self._limits, self._tickets, self._jobs = [], [], {}, {}, {}
            self._artifacts, self._variables = {}, {}

    def _next(self, count: int) -> tuple[int, ...]:
        self._taken += count
        return tuple(range(self._taken - count, self._taken))

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("This store in memory was closed, and with that emptied; make a new one.")

    def _kept(self, kind: RunKind, run_id: UUID) -> _Kept:
        kept = self._runs[kind].get(run_id)
        if kept is None:
            self._check_open()
            raise ObjectNotFound(f"There is no {kind} run {run_id} in the store.")
        return kept

    def _find(self, kind: RunKind, where: RunFilter | Condition) -> Iterator[tuple[int, Any]]:
        """Yield the runs that fit, each with a number that tells when it came."""
        condition, runs, shape = of_runs(kind, where), self._runs[kind], _SHAPES[kind]
        fits, ids = predicate(kind, condition, self._around()), ids_in(condition)
        for kept in runs.values() if ids is None else (runs[run_id] for run_id in ids if run_id in runs):
            run = shape.build(kept)
            if fits(run):
                yield kept.places[0], run

    def _list(
        self,
        kind: RunKind,
        where: RunFilter | Condition,
        order: Order,
        after: Place | None,
        limit: int | None,
        offset: int,
    ) -> list[Any]:
        check_sortable(order)
        with self._lock:
            self._check_open()
            found = in_order(self._find(kind, where), order, after, partial(self._arrival_of, kind))
        return _cut(found, limit, offset)

    def _around(self) -> Around:
        return Around(self._flow_run, self._task_runs_of, self._newest_of_keys)

    def _flow_run(self, run_id: UUID | None) -> Any:
        kept = self._runs["flow"].get(run_id) if run_id else None
        return _SHAPES["flow"].build(kept) if kept else None

    def _task_runs_of(self, flow_run_id: UUID) -> Iterator[Any]:
        at = columns.TASK_FIXED.index("flow_run_id")
        return (_SHAPES["task"].build(kept) for kept in self._runs["task"].values() if kept.fixed[at] == flow_run_id)

    def _arrival_of(self, kind: RunKind, run_id: UUID) -> int | None:
        kept = self._runs[kind].get(run_id)
        return kept.places[0] if kept else None

    def _flow_run_of(self, task_run_id: UUID | None) -> UUID | None:
        kept = self._runs["task"].get(task_run_id) if task_run_id else None
        return kept.fixed[columns.TASK_FIXED.index("flow_run_id")] if kept else None


class _Desk:
    """Does what a `Clerk` asks for, while the store is locked."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def expect(self, runs: Sequence[Run]) -> None: ...

    def finish(self) -> None: ...

    def create(self, run: Run, states: Sequence[State]) -> None:
        self._store._create(run, states)

    def put_in_queue(self, run: TaskRun, queue: str, call: bytes) -> None:
        self._store._put(Job(run.id, queue, call))

    def find(self, kind: RunKind, run_id: UUID) -> Run | None:
        kept = self._store._runs[kind].get(run_id)
        return _SHAPES[kind].build(kept) if kept else None

    def transition(self, run: Run, states: Sequence[State]) -> bool:
        return self._store._transition(run, states) is None

    def append_logs(self, records: Sequence[LogRecord]) -> None:
        self._store._append_logs(records)

    def dismiss(self, claim: UUID) -> None:
        self._store._dismiss(claim)

    def release(self, ticket: UUID) -> None:
        self._store._tickets = {key: kept for key, kept in self._store._tickets.items() if key != ticket}

    def keep(self, artifact: ArtifactRecord) -> None:
        self._store._keep(artifact)


def _without(runs: dict[UUID, _Kept], gone: set[UUID]) -> dict[UUID, _Kept]:
    return {run_id: kept for run_id, kept in runs.items() if run_id not in gone}


def _cut(found: list[Any], limit: int | None, offset: int) -> list[Any]:
    return found[offset:] if limit is None else found[offset : offset + limit]
