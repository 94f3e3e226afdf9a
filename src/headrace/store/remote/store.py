"""The store of a process that reports to a server.

What a run does is decided here, as in any store, and written to a spool before the run goes on; the server is told of
it in batches, a moment later. So an outage of the server delays records and loses none, and the flow goes on. What
processes have to agree on (slots of limits, claims, what somebody else asked of a run) is asked of the server at once.

Where the server does not answer:

* runs are recorded as ever; a run of another process, which this one has not moved before, is moved without asking;
* who asks for slots of a limit waits until it answers; for a tag alone, if it had a limit when this process last asked;
* there is nothing to claim, and cancellations are not heard of;
* what was given back (slots, claims) is given back when it answers; leases that can't be renewed run out;
* whatever else is asked (runs, log lines, limits) raises StoreOutOfReach.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zlib import crc32

from headrace.clock import SystemClock
from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound, StoreOutOfReach
from headrace.store import columns, lines
from headrace.store.later import Later
from headrace.store.operations import Ingested, Refusal
from headrace.store.protocol import (
    EVERY_RUN,
    OLDEST,
    LogFilter,
    Order,
    Place,
    RunFilter,
    RunKind,
    SeenFlow,
)
from headrace.store.remote.agreed import Agreed
from headrace.store.remote.known import Known
from headrace.store.remote.limits import KnownLimits
from headrace.store.remote.outbox import Outbox
from headrace.store.remote.paths import STRICTLY
from headrace.store.remote.spool import closed
from headrace.store.remote.things import ThingsElsewhere
from headrace.store.remote.transport import Http, Transport
from headrace.store.roster import Rosters

if TYPE_CHECKING:
    from headrace.clock import Clock
    from headrace.store import values
    from headrace.store.conditions import Condition
else:
    values = Later("headrace.store.values")

#: How many runs are asked for at a time, and how many log lines are told at a time.
_PAGE, _LINES = 1000, 500


class RemoteStore(Agreed, ThingsElsewhere):
    """A run store behind a server at `url` (``http://127.0.0.1:4200/api``). See `Store` for what its methods promise.

    `folder` is where spools are, `auth` is sent as Basic, or `key` as a Bearer token. `transport` takes the place of
    HTTP. `rosters` is the folder where processes say what they are at work on.
    """

    shared = True

    def __init__(
        self,
        url: str,
        folder: str | os.PathLike[str],
        *,
        auth: str | None = None,
        key: str | None = None,
        transport: Callable[[], Transport] | None = None,
        clock: Clock | None = None,
        rosters: Path | None = None,
    ) -> None:
        self.location = url
        self._lock = threading.Lock()
        self._known = Known()
        open_transport, clock = transport or (lambda: Http(url, auth=auth, key=key)), clock or SystemClock()
        self._limits = KnownLimits(clock)
        self._outbox = Outbox(Path(folder), url, open_transport, clock, self._refused)
        self.rosters: Rosters | None = None
        if rosters is not None:
            own = rosters / f"{crc32(url.encode()):08x}"
            self.rosters = Rosters(own, lambda: self._outbox.process, self._outbox.knows_all_of)
        self._closed = False
        self._is_first = True
        _STORES.add(self)

    # runs ----------------------------------------------------------------------------------------------------------

    def create(self, run: Run, states: Sequence[State]) -> None:
        """Record a new run together with its first states."""
        columns.check_born(run, states)
        self._create(run, states, lines.created(run, states))

    def schedule(self, run: TaskRun, states: Sequence[State], queue: str, call: bytes) -> None:
        """Record a new run, and put it at the end of a queue."""
        columns.check_born(run, states)
        self._create(run, states, lines.created(run, states, queue, call))

    def _create(self, run: Run, states: Sequence[State], line: str) -> None:
        with self._lock:
            if self._known.get(run.id) is not None:
                self._check_open()
                raise ObjectAlreadyExists(f"There is a {run.kind} run {run.id} already.")
            self._append(line)
            self._known.put(run.id, run.kind, len(states), states[-1])
        self._outbox.relieve()

    def transition(self, run: Run, states: Sequence[State]) -> State | None:
        """Append states that the run has entered, if its history is as long as the run believes."""
        line, expected = lines.moved(run, states), run.history_length - len(states)
        with self._lock:
            known = self._known.get(run.id)
            if known is not None and known.length < expected:
                known = None  # others have moved it, and whoever read it from the server knows
            if known is not None:
                if known.surprising or known.length != expected:
                    self._check_open()
                    self._known.put(run.id, run.kind, known.length, known.state)
                    return known.state
                self._append(line)
                self._note(run, states)
        if known is None:
            return self._move_of_another(run, states, line)
        self._outbox.relieve()
        return None

    def _move_of_another(self, run: Run, states: Sequence[State], line: str) -> State | None:
        """Move a run that another process has made, or an earlier one: the server knows where it stands."""
        try:
            self._deliver()
            ingested: Ingested = values.loads(self._outbox.ask(STRICTLY, f"[{line}]".encode()))
        except StoreOutOfReach:
            with self._lock:
                self._append(line)
                self._note(run, states)
            return None
        if not ingested.refusals:
            with self._lock:
                self._note(run, states)
            return None
        (refusal,) = ingested.refusals
        if refusal.standing is None:
            raise ObjectNotFound(refusal.detail)
        return refusal.standing

    def _note(self, run: Run, states: Sequence[State]) -> None:
        if states:
            self._known.put(run.id, run.kind, run.history_length, states[-1])

    def propose(self, kind: RunKind, run_id: UUID, state: State) -> State:
        """Append one state from outside where the table allows it; return the one that stands."""
        standing: State = self._ask("propose", kind, run_id, state)
        with self._lock:
            self._is_news(run_id, kind, standing)
        return standing

    def flow_run(self, run_id: UUID) -> FlowRun:
        """Return one flow run."""
        run: FlowRun = self._ask("flow_run", run_id)
        return run

    def task_run(self, run_id: UUID) -> TaskRun:
        """Return one task run."""
        run: TaskRun = self._ask("task_run", run_id)
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
        return list(self._listed("flow_runs", where, order, after, limit, offset))

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
        return list(self._listed("task_runs", where, order, after, limit, offset))

    def _listed(
        self, which: str, where: object, order: Order, after: Place | None, limit: int | None, offset: int
    ) -> Iterator[Any]:
        """Yield runs, a part of the list at a time."""
        left = limit
        while left is None or left >= 0:
            wanted = _PAGE if left is None else min(left, _PAGE)
            part = self._ask(which, where, order=order, after=after, limit=wanted, offset=offset)
            yield from part
            left = None if left is None else left - len(part)
            if len(part) < wanted or left == 0:
                return
            after, offset = Place(getattr(part[-1], order.field), part[-1].id), 0

    def count(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> int:
        """Return how many runs fit."""
        number: int = self._ask("count", kind, where)
        return number

    def tally(self, kind: RunKind, where: RunFilter | Condition = EVERY_RUN) -> dict[tuple[StateType, str], int]:
        """Return how many of the runs that fit are in each state, by its type and name."""
        counted: dict[tuple[StateType, str], int] = self._ask("tally", kind, where)
        return counted

    def tallies(
        self, kind: RunKind, where: RunFilter | Condition, begin: datetime, end: datetime, parts: int
    ) -> list[dict[tuple[StateType, str], int]]:
        """Return a tally of the runs that fit for each of equal parts of a stretch of time."""
        told: list[dict[tuple[StateType, str], int]] = self._ask("tallies", kind, where, begin, end, parts)
        return told

    def flows(self, *, limit: int | None = None, offset: int = 0) -> list[SeenFlow]:
        """Return the flows that have runs, those first that ran last."""
        found: list[SeenFlow] = self._ask("flows", limit=limit, offset=offset)
        return found

    def history(self, run_id: UUID) -> list[State]:
        """Return all states of a run, in order."""
        states: list[State] = self._ask("history", run_id)
        return states

    def histories(self, run_ids: Collection[UUID]) -> dict[UUID, list[State]]:
        """Return all states of each of these runs that exists, in order."""
        states: dict[UUID, list[State]] = self._ask("histories", list(run_ids))
        return states

    def current_states(self, run_ids: Iterable[UUID], kind: RunKind = "flow") -> dict[UUID, State]:
        """Return the standing states: what the server says, or what is known here, if that is newer."""
        ids = list(run_ids)
        with self._lock:
            self._check_open()
            known = {run_id: standing for run_id in ids if (standing := self._known.get(run_id)) is not None}
        found = {run_id: one.state for run_id, one in known.items() if one.kind == kind}
        try:
            told: dict[UUID, State] = self._ask_at_once("current_states", ids, kind)
        except StoreOutOfReach:
            if len(found) < len(ids):
                raise
            return found
        with self._lock:
            for run_id, state in told.items():
                if run_id not in known or self._is_news(run_id, kind, state):
                    found[run_id] = state
        return found

    def _is_news(self, run_id: UUID, kind: RunKind, state: State) -> bool:
        """Take note of where the server says that a run stands; False where this process has moved it since."""
        place, known = state._id, self._known.get(run_id)
        if known is None or not isinstance(place, tuple) or place[1] + 1 <= known.length:
            return False
        self._known.put(run_id, kind, place[1] + 1, state)
        return True

    def delete(self, kind: RunKind, run_id: UUID) -> bool:
        """Remove a run with its history and logs, a flow run with its task runs too."""
        is_gone: bool = self._ask("delete", kind, run_id)
        with self._lock:
            self._known.drop(run_id)
            self._known.drop_inside(run_id)
        return is_gone

    # logs ----------------------------------------------------------------------------------------------------------

    def append_logs(self, records: Sequence[LogRecord]) -> None:
        """Append log lines, in order."""
        for start in range(0, len(records), _LINES):
            line = lines.logged(records[start : start + _LINES])
            with self._lock:
                self._append(line)
        self._outbox.relieve()

    def logs(
        self,
        where: LogFilter | Condition,
        *,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = False,
    ) -> list[LogRecord]:
        """Return log lines in order of time, and of arrival within the same moment; or the other way round."""
        found: list[LogRecord] = self._ask("logs", where, limit=limit, offset=offset, newest_first=newest_first)
        return found

    def count_logs(self, where: LogFilter | Condition) -> int:
        """Return how many log lines fit."""
        number: int = self._ask("count_logs", where)
        return number

    # life ----------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Deliver what is left, if the server answers; the rest is delivered by the next process."""
        with self._lock:
            is_last, self._closed = not self._closed, True
        if is_last:
            atexit.unregister(self.close)
            _tell_of(self._outbox.close(), self.location)

    def _append(self, line: str) -> None:
        self._check_open()
        if self._is_first:
            self._is_first = False
            atexit.register(self.close)
        self._outbox.append(line)

    def _deliver(self) -> None:
        """Let the server know all that was recorded so far."""
        self._check_open()
        self._outbox.deliver()

    def _ask(self, question: str, *args: Any, **options: Any) -> Any:
        """Ask the server, when it knows all that was recorded here so far."""
        self._deliver()
        return self._ask_at_once(question, *args, **options)

    def _ask_at_once(self, question: str, *args: Any, **options: Any) -> Any:
        self._check_open()
        return values.loads(self._outbox.ask(question, values.dumps((list(args), options))))

    def _check_open(self) -> None:
        if self._closed:
            raise closed(self.location)

    def _refused(self, refusals: Sequence[Refusal]) -> None:
        """Know better where runs stand that could not go on as they wanted to."""
        with self._lock:
            for refusal in refusals:
                if refusal.run_id is None:
                    continue
                known = self._known.get(refusal.run_id)
                length, standing = refusal.history_length, refusal.standing
                if known is not None and standing is not None:
                    self._known.put(refusal.run_id, known.kind, length, standing, surprising=True)
                else:
                    self._known.drop(refusal.run_id)
        _warn_of(refusals)

    def _forget_parent(self) -> None:
        self._lock = threading.Lock()
        self._outbox.forget()


def _warn_of(refusals: Sequence[Refusal]) -> None:
    from logging import getLogger

    for refusal in refusals:
        getLogger("headrace.remote").warning("The server did not take what it was told: %s", refusal.detail)


def _tell_of(left: int, url: str) -> None:
    if left:
        said = f"headrace: {left} bytes of records could not be delivered to {url}; the next process that reports there"
        print(f"{said} delivers them.", file=sys.stderr)  # noqa: T201 - loggers may be gone


_STORES: weakref.WeakSet[RemoteStore] = weakref.WeakSet()


def _after_fork() -> None:
    for store in list(_STORES):
        store._forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
