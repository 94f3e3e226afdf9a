"""One connection per process, for many threads, and never across a fork.

SQLite serialises writers anyway, so one connection behind a lock costs nothing, and its statements are
prepared once. A connection that is carried over a fork breaks the file's locks. So before a fork every
connection is closed, with its lock held, so that no other thread is in the middle of something; parent and
child open anew when they next need to.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from headrace.exceptions import StoreFull
from headrace.store import errors
from headrace.store.link import Cursor, Execute, T, Ts
from headrace.store.opening import open_store

#: After how many transactions the write-ahead log is folded into the file. SQLite itself would do so within a commit,
#: with two fsyncs, while a run waits for it: a third of what a run costs. `opening.py` leaves it that as a last resort.
_FOLD_EVERY = 1000


class Connection:
    """A file that is opened when first used. `on_rollback` is called when a transaction came to nothing."""

    def __init__(self, path: str, busy_seconds: float, on_rollback: Callable[[], None]) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._on_rollback = on_rollback
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._execute: Execute | None = None
        self._file: tuple[int, int] | None = None
        self._has_moved = False
        self._closed = False
        self._turns = 0
        self._folded_at = 0
        self._folding = threading.Lock()
        _CONNECTIONS.add(self)

    def write(self, work: Callable[[Execute, *Ts], T], /, *args: *Ts) -> T:
        """Do some work in one transaction. Whatever it raises, an interrupt too, nothing of it is kept."""
        with self._lock:
            self._turns += 1
            try:
                done = self._transact(self._ready(), work, args)
            except UnicodeEncodeError:
                # A lone surrogate (from a file name, say) is not text to a database; better escaped than
                # not said.
                done = self._transact(_escaping(self._ready()), work, args)
            except StoreFull:
                self._make_room()
                done = self._transact(self._ready(), work, args)
            due = self._turns - self._folded_at >= _FOLD_EVERY
        if due:
            self._fold_elsewhere()
        return done

    def read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of one statement."""
        with self._lock:
            try:
                return self._ready()(sql, parameters).fetchall()
            except UnicodeEncodeError:
                return _escaping(self._ready())(sql, parameters).fetchall()
            except sqlite3.Error as error:
                raise errors.from_sqlite(error, self.path) from error

    def version(self) -> tuple[int, int]:
        """Return something that differs whenever the file may have changed since, whoever changed it.

        It costs microseconds: SQLite's own counter, which tells of other connections, and our count of our
        turns. Whoever asks for it asks again and again, so this is also where it is noticed that the file is gone.
        """
        found = self.read("PRAGMA data_version")[0][0]
        self._look_where_it_is()
        return self._turns, found

    def close(self) -> None:
        """Close the file for good."""
        with self._folding, self._lock:
            self._closed = True
            self._let_go()

    def _transact(self, execute: Execute, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        try:
            execute("BEGIN IMMEDIATE")
            done = work(execute, *args)
            execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise errors.from_sqlite(error, self.path) from error
            raise
        return done

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            self._connection.rollback()
        self._on_rollback()

    def _ready(self) -> Execute:
        """Return `execute` of an open file that is in no transaction. Raises StoreError where it was taken away."""
        if self._has_moved:
            self._look_where_it_is()
        if self._has_moved:
            raise errors.moved(self.path)
        if self._execute is None:
            if self._closed:
                raise errors.closed(self.path)
            self._turns += 1  # a new connection counts from the beginning
            self._connection = open_store(self.path, self._busy_seconds)
            self._file = _identity(self.path)
            self._execute = self._connection.cursor().execute
        elif self._connection is not None and self._connection.in_transaction:
            self._roll_back()  # a second interrupt hit while the first one was being answered
        return self._execute

    def _fold_elsewhere(self) -> None:
        """Let a thread fold the write-ahead log into the file, unless one is at it."""
        self._folded_at = self._turns
        if not self._folding.locked():
            threading.Thread(target=self._fold, name="headrace-checkpoint", daemon=True).start()

    def _fold(self) -> None:
        """Fold what there is while writers go on; then what came meanwhile, so that the log begins anew."""
        with self._folding, suppress(sqlite3.Error):  # what is not folded now is folded the next time
            self._look_where_it_is()
            if self._has_moved:
                return  # what is there may be somebody else's
            other = sqlite3.connect(self.path, timeout=0, isolation_level=None)
            try:
                other.execute("PRAGMA wal_checkpoint(PASSIVE)")
                with self._lock:
                    other.execute("PRAGMA wal_checkpoint(RESTART)")
            finally:
                other.close()

    def _make_room(self) -> None:
        """Fold the log into the file, so that it begins anew within the room that it has."""
        with suppress(sqlite3.Error):
            self._ready()("PRAGMA wal_checkpoint(PASSIVE)")

    def _look_where_it_is(self) -> None:
        """Notice whether the open file is still what its path names."""
        self._has_moved = self._execute is not None and _identity(self.path) != self._file

    def _let_go(self) -> None:
        connection, self._connection, self._execute = self._connection, None, None
        if connection is not None:
            connection.close()

    def _before_fork(self) -> None:
        self._folding.acquire()
        self._lock.acquire()
        self._let_go()

    def _after_fork(self) -> None:
        self._lock.release()
        self._folding.release()


def _identity(path: str) -> tuple[int, int] | None:
    """Return what tells one file from another, None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _escaping(execute: Execute) -> Execute:
    def escaping(sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        return execute(sql, [_escaped(value) for value in parameters])

    return escaping


def _escaped(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


_CONNECTIONS: weakref.WeakSet[Connection] = weakref.WeakSet()
_forking: list[Connection] = []


def _before_fork() -> None:
    for connection in list(_CONNECTIONS):
        connection._before_fork()
        _forking.append(connection)


def _after_fork() -> None:
    while _forking:
        _forking.pop()._after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
