"""Connections to a PostgreSQL database: a pool of them, and one for what is done apart.

They are opened when first needed, and never carried over a fork: a child opens its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from headrace.exceptions import StoreError, StoreFull, StoreReadOnly
from headrace.store.link import Cursor, Execute, T, Ts
from headrace.store.postgres_dialect import with_its_marks
from headrace.store.postgres_migrations import migrate


class PostgresLink:
    """A database that is opened when first used. Its errors are StoreErrors."""

    def __init__(self, url: str, connections: int, wait_seconds: float) -> None:
        if connections < 1:
            raise ValueError(f"A store needs at least one connection, not {connections}.")
        self._url = _checked(url)
        self.location = _without_password(url)
        self._connections, self._wait_seconds = connections, wait_seconds
        self._opening = threading.Lock()
        self._pool: ConnectionPool[Any] | None = None
        self._apart: psycopg.Connection[Any] | None = None
        self._apart_lock = threading.Lock()
        self._closed = False
        _LINKS.add(self)

    def write(self, work: Callable[[Execute, *Ts], T], /, *args: *Ts) -> T:
        """Do some work in one transaction. Whatever it raises, an interrupt too, nothing of it is kept."""
        with self._errors():
            try:
                return self._transact(work, args)
            except _Stale:
                self._ready().check()  # who closed one has probably closed them all
                return self._transact(work, args)

    def read(self, sql: str, parameters: Sequence[Any] = (), /) -> list[Any]:
        """Return the rows of one statement."""
        return self.write(_rows, sql, parameters)

    def apart(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Execute one statement in a transaction of its own, on a connection of its own."""
        with self._errors(), self._apart_lock:
            try:
                return self._execute_apart(sql, parameters)
            except _Stale:
                return self._execute_apart(sql, parameters)

    def close(self) -> None:
        """Close all connections for good."""
        with self._opening, self._apart_lock:
            self._closed = True
            pool, self._pool = self._pool, None
            apart, self._apart = self._apart, None
        if pool is not None:
            pool.close()
        if apart is not None:
            apart.close()

    def _execute_apart(self, sql: str, parameters: Sequence[Any]) -> Cursor:
        if self._apart is None or self._apart.closed:
            self._ready()  # which makes the tables
            self._apart = psycopg.connect(self._url, autocommit=True)
        try:
            return _execute(psycopg.RawCursor(self._apart))(sql, parameters)
        except psycopg.OperationalError as error:
            if _is_stale(self._apart, error):
                self._apart.close()
                raise _Stale from error
            raise

    def _transact(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._ready().connection() as connection:
            try:
                done = work(_execute(psycopg.RawCursor(connection)), *args)
            except psycopg.OperationalError as error:
                if _is_stale(connection, error):
                    raise _Stale from error
                raise
            try:
                connection.commit()
            except psycopg.OperationalError as error:
                raise StoreError(
                    f"The connection to the run store {self.location} broke off while something was being committed. "
                    "Whether it was recorded is not known."
                ) from error
            return done

    def _ready(self) -> ConnectionPool[Any]:
        pool = self._pool
        if pool is None:
            with self._opening:
                if self._closed:
                    raise StoreError(
                        f"The run store {self.location} was closed; make a new PostgresStore to use it again."
                    )
                if self._pool is None:
                    with psycopg.connect(self._url) as connection:
                        migrate(connection, self.location)
                    self._pool = ConnectionPool(
                        self._url, min_size=1, max_size=self._connections, timeout=self._wait_seconds, open=True
                    )
                pool = self._pool
        return pool

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout as error:
            raise StoreError(
                f"All {self._connections} connections to the run store {self.location} were in use, or none could be "
                f"made, for {self._wait_seconds:g} s. Give the store more, or see whether the server runs."
            ) from error
        except _Stale as error:
            raise StoreError(
                f"The run store {self.location} closed its connections twice in a row: {_told(error.__cause__)}. "
                "Nothing was recorded; see whether the server runs."
            ) from error.__cause__
        except psycopg.Error as error:
            raise _said(error, self.location) from error

    def forget(self) -> None:
        """Leave all connections to the process that this one was forked from."""
        self._opening, self._apart_lock = threading.Lock(), threading.Lock()
        # They are kept from being closed: that would tell the server to end what the other process uses.
        _LEFT_BEHIND.extend(one for one in (self._pool, self._apart) if one is not None)
        self._pool = self._apart = None


class _Stale(Exception):
    """A connection was closed by the server before anything was committed on it."""


def _is_stale(connection: psycopg.Connection[Any], error: psycopg.OperationalError) -> bool:
    """Say whether the server has closed a connection, and with that undone all that was done on it."""
    return connection.closed or isinstance(error, psycopg.errors.AdminShutdown | psycopg.errors.CrashShutdown)


def _execute(cursor: psycopg.RawCursor[Any]) -> Execute:
    def execute(sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        try:
            return _cursor(cursor.execute(with_its_marks(sql), parameters))
        except (UnicodeEncodeError, psycopg.DataError):
            # A lone surrogate (from a file name, say) and NUL are no text to a database; better escaped than not said.
            return _cursor(cursor.execute(with_its_marks(sql), [_escaped(value) for value in parameters]))

    return execute


def _cursor(cursor: Any) -> Cursor:
    return cursor  # type: ignore[no-any-return] # one of psycopg's: it has what we use


def _escaped(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _rows(execute: Execute, sql: str, parameters: Sequence[Any]) -> list[Any]:
    return execute(sql, parameters).fetchall()


def _checked(url: str) -> str:
    try:
        return make_conninfo(url)
    except psycopg.ProgrammingError as error:
        raise ValueError(
            f"{_without_password(url)!r} is no address of a PostgreSQL database ({_told(error)}): write "
            "postgresql://user@host:5432/name."
        ) from None


def _without_password(url: str) -> str:
    try:
        told = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return url.rpartition("@")[2]
    return f"postgresql://{told.get('host', 'localhost')}/{told.get('dbname', told.get('user', ''))}"


def _said(error: psycopg.Error, location: str) -> StoreError:
    """Return the error to raise for one of PostgreSQL's, told apart by its class."""
    if isinstance(error, psycopg.errors.DiskFull | psycopg.errors.OutOfMemory):
        return StoreFull(f"There is no room left under the run store {location}. What was recorded before is safe.")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction | psycopg.errors.InsufficientPrivilege):
        return StoreReadOnly(
            f"The run store {location} may not be written ({_told(error)}). Let its user write, or name another."
        )
    if isinstance(error, psycopg.OperationalError):
        return StoreError(f"The run store {location} can't be reached: {_told(error)}. See whether the server runs.")
    return StoreError(f"The run store {location} can't be used: {_told(error)}.")


def _told(error: BaseException | None) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if error is not None and str(error).strip() else repr(error)


_LINKS: weakref.WeakSet[PostgresLink] = weakref.WeakSet()
_LEFT_BEHIND: list[object] = []


def _after_fork() -> None:
    for link in list(_LINKS):
        link.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
