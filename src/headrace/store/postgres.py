"""The store for many machines: a PostgreSQL database, from version 12.

What is asked of it is what is asked of the embedded store; see `sql_runs.py`. Three things differ, because here others
write at the same time: names are given their numbers in transactions of their own; a run that is moved from outside is
locked while it is looked at; and who works on limits waits for whoever does so already.

Times are those that are passed in: no statement reads the database's clock. A transaction that met a connection which
the server had closed is done again, once, on a new one; unless it broke off while it was being committed, when nobody
knows what came of it, and a StoreError says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from psycopg.errors import UniqueViolation

from headrace.store.link import Execute, T, Taken, Ts
from headrace.store.names import Names
from headrace.store.postgres_dialect import POSTGRES
from headrace.store.postgres_link import PostgresLink
from headrace.store.queries import Queries
from headrace.store.roster import Rosters
from headrace.store.sql_claims import ClaimTables
from headrace.store.sql_erasing import ErasableTables
from headrace.store.sql_ingest import IngestTables
from headrace.store.sql_limits import LimitTables
from headrace.store.sql_news import NewsTables
from headrace.store.sql_things import ThingTables
from headrace.store.statements import rows_of

#: The advisory lock of those who work on limits: "hdrc", and a number of its own.
_LIMITS_LOCK = 0x68647263_00000001
#: How many rows go into one statement: there may be 65,535 values in one.
_MANY = 500


class PostgresStore(IngestTables, ClaimTables, LimitTables, ThingTables, NewsTables, ErasableTables):
    """A run store in a PostgreSQL database, whose tables are made in its current schema where there are none.

    `url` is a connection URL or string of libpq ("postgresql://user@host/name"). At most `connections` are open at a
    time, from 1 on; who needs one waits for up to `wait_seconds`, and then gets a StoreError.
    """

    shared = True
    _come_late = True
    _one_deletes = "LOCK TABLE deleted IN EXCLUSIVE MODE"
    _lock = "SELECT seq FROM {}_run WHERE id = ? FOR UPDATE"

    def __init__(
        self, url: str, connections: int = 10, wait_seconds: float = 30.0, *, rosters: Path | None = None
    ) -> None:
        self._link: PostgresLink = PostgresLink(url, connections, wait_seconds)
        self.location = self._link.location
        self.rosters = None if rosters is None else Rosters(rosters / f"{crc32(self.location.encode()):08x}")
        self._names = Names(apart=self._link.apart)
        self._questions = Queries(POSTGRES)

    def _queries(self) -> Queries:
        return self._questions

    def insert_within(self, execute: Execute, statement: str, row: tuple[Any, ...]) -> int:
        """Insert a row; return its number. Raises Taken where one of its keys is another's."""
        # An error would end the transaction, in which there may be more to do.
        made = execute(f"{statement} ON CONFLICT DO NOTHING RETURNING seq", row).fetchone()
        if made is None:
            raise Taken
        seq: int = made[0]
        return seq

    def change_within(self, execute: Execute, statement: str, row: tuple[Any, ...]) -> int:
        """Change rows; return how many. Raises Taken where one of them gets a key that is another's."""
        try:
            return execute(statement, row).rowcount
        except UniqueViolation:
            raise Taken from None

    def insert_many_within(self, execute: Execute, statement: str, rows_: Sequence[tuple[Any, ...]]) -> Sequence[int]:
        """Insert rows in as few statements as may be; return their numbers."""
        numbers: list[int] = []
        for start in range(0, len(rows_), _MANY):
            part = rows_[start : start + _MANY]
            values = [value for row in part for value in row]
            insert = f"{rows_of(statement, len(part))} ON CONFLICT DO NOTHING RETURNING id, seq"
            made = {bytes(run_id): seq for run_id, seq in execute(insert, values).fetchall()}
            if len(made) < len(part):
                raise Taken
            numbers += [made[row[0]] for row in part]
        return numbers

    def _on_limits(self, work: Callable[[Execute, *Ts], T], /, *args: *Ts) -> T:
        def alone(execute: Execute, *given: *Ts) -> T:
            execute("SELECT pg_advisory_xact_lock(?)", (_LIMITS_LOCK,))
            return work(execute, *given)

        return self._link.write(alone, *args)

    def close(self) -> None:
        """Let go of the connections."""
        self._link.close()
