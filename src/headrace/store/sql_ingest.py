"""What is told by processes that report to a server, taken into an SQL database, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from headrace.core.records import LogRecord, Run, TaskRun
from headrace.core.states import State
from headrace.core.things import ArtifactRecord
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound, StoreError
from headrace.store import rows
from headrace.store import statements as sql
from headrace.store.link import Execute, Taken
from headrace.store.operations import Clerk, Delivery, Ingested, Operation
from headrace.store.protocol import RunKind
from headrace.store.sql_runs import RunTables

KINDS: tuple[RunKind, RunKind] = ("flow", "task")
#: For how long it is remembered what is known of a spool that nothing comes from any more.
_REMEMBERED = timedelta(days=30)


class IngestTables(RunTables):
    """The part of a store that takes news. See `Store` for what its method promises."""

    def ingest(self, operations: Sequence[Operation], delivery: Delivery | None, now: datetime) -> Ingested:
        """Do what was done elsewhere, in one transaction."""
        return self._link.write(self._ingest, operations, delivery, now)

    def _ingest(
        self, execute: Execute, operations: Sequence[Operation], delivery: Delivery | None, now: datetime
    ) -> Ingested:
        clerk = Clerk(_Desk(self, execute), strict=delivery is None)
        if delivery is None:
            clerk.do(operations)
            return Ingested(0, clerk.refusals)
        key, stamp = delivery.spool.bytes, rows.micros(now)
        execute(sql.ADD_SPOOL, (key, stamp, stamp))
        known: int = execute(sql.SPOOL_LINE, (key,)).fetchone()[0]
        clerk.do(operations, max(known - delivery.after, 0))
        if known == 0:  # now and then
            execute(sql.DROP_SPOOLS, (rows.micros(now - _REMEMBERED),))
        if delivery.until > known:
            execute(sql.MOVE_SPOOL, (delivery.until, key))
        return Ingested(max(known, delivery.until), clerk.refusals)


class _Desk:
    """Does what a `Clerk` asks for within a transaction.

    Most runs that a delivery begins it also ends. So runs are kept here until all is done, and are then inserted as
    they are by then, many at a time: that is half the work, and in PostgreSQL a tenth of the round trips.
    """

    def __init__(self, tables: RunTables, execute: Execute) -> None:
        self._tables, self._execute = tables, execute
        self._known: set[UUID] = set()
        self._born: dict[UUID, tuple[Run, list[State]]] = {}
        self._queued: list[tuple[bytes, str, bytes]] = []
        self._logged: list[LogRecord] = []

    def expect(self, runs: Sequence[Run]) -> None:
        for kind in KINDS:
            ids = [run.id for run in runs if run.kind == kind]
            self._known |= self._tables.known_within(self._execute, kind, ids) if ids else set()

    def create(self, run: Run, states: Sequence[State]) -> None:
        if run.id in self._known:
            raise ObjectAlreadyExists(f"There is a {run.kind} run {run.id} already.")
        self._known.add(run.id)
        self._born[run.id] = run, list(states)

    def put_in_queue(self, run: TaskRun, queue: str, call: bytes) -> None:
        self._queued.append((run.id.bytes, queue, call))

    def find(self, kind: RunKind, run_id: UUID) -> Run | None:
        if run_id in self._born:
            return self._born[run_id][0]
        try:
            return self._tables.find_within(self._execute, kind, run_id)
        except ObjectNotFound:
            return None

    def transition(self, run: Run, states: Sequence[State]) -> bool:
        if run.id in self._born:
            self._born[run.id][1].extend(states)
            return True
        return self._tables.transition_within(self._execute, run, states) is None

    def append_logs(self, records: Sequence[LogRecord]) -> None:
        self._logged += records

    def finish(self) -> None:
        for kind in KINDS:
            born = [one for one in self._born.values() if one[0].kind == kind]
            try:
                self._tables.create_many_within(self._execute, kind, born)
            except Taken:
                raise StoreError("Somebody else records the same runs at this moment; nothing was done.") from None
        for job in self._queued:
            self._execute(sql.ADD_JOB, job)
        self._tables.append_logs_within(self._execute, self._logged)

    def dismiss(self, claim: UUID) -> None:
        self._execute(sql.DISMISS_CLAIM, (claim.bytes,))

    def release(self, ticket: UUID) -> None:
        self._execute(sql.DROP_TICKET, (ticket.bytes,))

    def keep(self, artifact: ArtifactRecord) -> None:
        from headrace.store import thing_rows  # few processes keep artifacts

        try:
            self._tables.insert_within(self._execute, sql.ADD_ARTIFACT, thing_rows.artifact_row(artifact))
        except Taken:
            raise ObjectAlreadyExists(f"There is an artifact {artifact.id} already.") from None
