"""The embedded store, which is the default: one SQLite file.

WAL with synchronous=NORMAL: a transition is safe against a killed process when `transition` returns, and
the file stays consistent when the machine loses power, which may cost the last transitions. Several
processes may write the same file; each waits for the others for up to `busy_seconds`.

Results are not kept: the state of a completed run that is read has `NOT_KEPT` for its data.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.core.states import State
from headrace.store.connection import Connection
from headrace.store.link import Execute, Taken
from headrace.store.names import Names
from headrace.store.protocol import RunKind
from headrace.store.roster import Rosters
from headrace.store.sql_claims import ClaimTables
from headrace.store.sql_erasing import ErasableTables
from headrace.store.sql_ingest import IngestTables
from headrace.store.sql_limits import LimitTables
from headrace.store.sql_news import NewsTables
from headrace.store.sql_things import ThingTables

if TYPE_CHECKING:
    from headrace.store.queries import Queries

_questions: Queries | None = None


class SqliteStore(IngestTables, ClaimTables, LimitTables, ThingTables, NewsTables, ErasableTables):
    """A run store in one file, opened when first used, and made where there is none, with its folders."""

    shared = True

    def __init__(self, path: str | os.PathLike[str], busy_seconds: float = 30.0) -> None:
        self.location = os.path.abspath(path)
        self._names = Names()
        self._asked: dict[RunKind, tuple[object, dict[UUID, State]]] = {"flow": (None, {}), "task": (None, {})}
        self._link: Connection = Connection(self.location, busy_seconds, on_rollback=self._names.forget)

    def _queries(self) -> Queries:
        global _questions
        if _questions is None:
            from headrace.store.queries import Queries  # those who ask nothing start a millisecond earlier without it
            from headrace.store.sqlite_dialect import SQLITE

            _questions = Queries(SQLITE)
        return _questions

    @property
    def rosters(self) -> Rosters:
        """Beside the file, where whoever uses it finds it."""
        return Rosters(Path(f"{self.location}-at-work"))

    def insert_within(self, execute: Execute, statement: str, row: tuple[Any, ...]) -> int:
        """Insert a row; return its number. Raises Taken where one of its keys is another's."""
        try:
            seq = execute(statement, row).lastrowid
        except sqlite3.IntegrityError:
            raise Taken from None
        assert seq is not None, "an insertion has a number"
        return seq

    def change_within(self, execute: Execute, statement: str, row: tuple[Any, ...]) -> int:
        """Change rows; return how many. Raises Taken where one of them gets a key that is another's."""
        try:
            return execute(statement, row).rowcount
        except sqlite3.IntegrityError:
            raise Taken from None

    def current_states(self, run_ids: Iterable[UUID], kind: RunKind = "flow") -> dict[UUID, State]:
        """Return the standing states; asking the same again costs nothing much while nobody writes."""
        question = (self._link.version(), tuple(run_ids))
        asked, answer = self._asked[kind]
        if question != asked:
            answer = super().current_states(question[1], kind)
            self._asked[kind] = question, answer
        return dict(answer)

    def _version(self) -> object:
        return self._link.version()

    def close(self) -> None:
        """Let go of the file."""
        self._link.close()
