"""Open a file as a run store: look first, then let SQLite have it.

SQLite may alter what it opens (it rolls a journal back, or folds a log in and deletes it), so a stranger's
file must be told before. Both marks of ours lie in the first 100 bytes, and they are there from the first
byte on: a new file is filled in rollback mode, where the first page is written first, and only then goes
over to WAL. So whoever looks sees an empty file or one of ours, and a process killed in between leaves a
journal that undoes the beginning.
"""

from __future__ import annotations

import os
import sqlite3

from headrace.store import errors
from headrace.store.migrations import APPLICATION_ID, migrate

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_APPLICATION_ID_AT = slice(68, 72)
_JOURNAL_FORMAT_AT = 18
_WAL_FORMAT = 2
#: Half of SQLite's usual: a commit writes whole pages, and here a third less time (and as many bytes a run).
_PAGE_SIZE = 2048
#: Where the log has grown to this many pages (64 MB) SQLite folds it in within a commit after all.
_LAST_RESORT_PAGES = 32_768
_ATTEMPTS = 100


def open_store(path: str, busy_seconds: float) -> sqlite3.Connection:
    """Return a connection to the store at `path`, made where there is none. Raises one of the StoreErrors."""
    try:
        header = _header(path)
    except OSError as error:
        raise errors.from_os(error, path) from error
    connection = None
    try:
        connection = sqlite3.connect(
            path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        _prepare(connection, path, header)
    except sqlite3.Error as error:
        _close(connection)
        raise errors.from_sqlite(error, path) from error
    except BaseException:
        _close(connection)
        raise
    return connection


def _header(path: str) -> bytes:
    """Return the first 100 bytes of a store, none of a new file. Raises NotAStore for anything else."""
    if os.path.isdir(path):
        raise errors.not_a_store(path, "it is a folder")
    if os.path.exists(path) and not os.path.isfile(path):  # reading a pipe would wait for who writes
        raise errors.not_a_store(path, "it is no ordinary file")
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return b""
    if header and not header.startswith(_MAGIC):
        raise errors.not_a_store(path, "it is not an SQLite database")
    if header and len(header) < _HEADER_BYTES:
        raise errors.damaged(path, f"it ends after {len(header)} bytes")
    if header and header[_APPLICATION_ID_AT] != APPLICATION_ID.to_bytes(4, "big"):
        raise errors.not_a_store(path, "it is the database of another application")
    return header


def _prepare(connection: sqlite3.Connection, path: str, header: bytes) -> None:
    execute = connection.execute
    execute("PRAGMA synchronous = NORMAL")
    execute(f"PRAGMA wal_autocheckpoint = {_LAST_RESORT_PAGES}")
    connection.create_function("from_hex", 1, bytes.fromhex, deterministic=True)
    if not header:
        execute(f"PRAGMA page_size = {_PAGE_SIZE}")
    migrate(connection, path)
    if not header or header[_JOURNAL_FORMAT_AT] != _WAL_FORMAT:
        _go_over_to_wal(connection)


def _go_over_to_wal(connection: sqlite3.Connection) -> None:
    """Go over to WAL for good, along with others who may be doing the same.

    SQLite does not wait here: of two that go over at once one is told that the file is locked. So that one
    waits for a lock that SQLite does wait for, and tries again.
    """
    for attempt in range(_ATTEMPTS, 0, -1):
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if attempt == 1 or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()
