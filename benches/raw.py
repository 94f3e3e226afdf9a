"""The floor of everything durable: what raw `sqlite3` needs to write the very same rows in the very same transactions.

A run of headrace is listened to: whatever it tells SQLite, pragmas and schema included, is written down, with a mark of
whose task run it was for. Told again to a fresh file, by a loop that does nothing else, it takes as long as it must.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from uuid import UUID

from headrace.core.records import Run
from headrace.core.states import State
from headrace.store.sqlite import SqliteStore


class Told(NamedTuple):
    """One statement. `answered`: it has rows to be fetched. `run`: the task run that it was for."""

    sql: str
    values: Any
    answered: bool
    run: UUID | None


class _Here(threading.local):
    run: UUID | None = None


_here = _Here()
Execute = Callable[..., Any]


def _noting(script: list[Told], execute: Execute) -> Execute:
    def noted(sql: str, values: Any = (), /) -> Any:
        answered = sql.lstrip()[:6].upper() in ("SELECT", "PRAGMA") or " RETURNING " in sql
        script.append(Told(sql, values, answered, _here.run))
        return execute(sql, values)

    return noted


def _listening(script: list[Told]) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, values: Any = (), /) -> Cursor:
            _noting(script, super().execute)(sql, values)
            return self

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def execute(self, sql: str, values: Any = (), /) -> Any:
            return self.cursor().execute(sql, values)

    return Connection


class MarkingStore(SqliteStore):
    """A store that says for which run it tells SQLite something."""

    def create(self, run: Run, states: Sequence[State]) -> None:
        """Record a new run, and say so."""
        with _for(run):
            super().create(run, states)

    def transition(self, run: Run, states: Sequence[State]) -> State | None:
        """Append states, and say whose."""
        with _for(run):
            return super().transition(run, states)


@contextmanager
def _for(run: Run) -> Iterator[None]:
    _here.run = run.id if run.kind == "task" else None
    try:
        yield
    finally:
        _here.run = None


@contextmanager
def listened_to() -> Iterator[list[Told]]:
    """Write down what SQLite is told, by connections that are opened in the block, on whatever thread."""
    script: list[Told] = []
    connect, kind = sqlite3.connect, _listening(script)
    with mock.patch("sqlite3.connect", lambda *args, **options: connect(*args, factory=kind, **options)):
        yield script


def connected(path: Path) -> sqlite3.Connection:
    """Connect to a fresh file as the store does; the pragmas are in the script."""
    made = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    made.create_function("from_hex", 1, bytes.fromhex, deterministic=True)
    return made


def tell(execute: Execute, script: Sequence[Told]) -> None:
    """Tell SQLite all of it."""
    for sql, values, answered, _ in script:
        cursor = execute(sql, values)
        if answered:
            cursor.fetchall()


def transactions(script: Sequence[Told]) -> dict[UUID, list[list[Told]]]:
    """Return the transactions of each task run, in order, of a script in which runs may be mixed up."""
    found: dict[UUID, list[list[Told]]] = {}
    for told in script:
        if told.run is not None:
            own = found.setdefault(told.run, [])
            if told.sql.startswith("BEGIN") or not own:
                own.append([])
            own[-1].append(told)
    return found
