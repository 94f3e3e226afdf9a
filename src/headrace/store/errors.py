"""What SQLite and the operating system complain of, said in our words."""

from __future__ import annotations

import errno
import sqlite3

from headrace.exceptions import NotAStore, StoreError, StoreFull, StoreLocked, StoreReadOnly, StoreTooNew

_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT}


def from_sqlite(error: sqlite3.Error, path: str) -> StoreError:
    """Return the error to raise for one of SQLite's, told apart by its code."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreLocked(
            f"The run store {path} is held by another process for longer than we wait. "
            "Look for a program that keeps a transaction open in it (a database browser, a backup), "
            "and end it."
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return read_only(path, str(error))
    if primary == sqlite3.SQLITE_FULL:
        return full(path)
    if primary == sqlite3.SQLITE_NOTADB:
        return not_a_store(path, "it is not an SQLite database")
    if primary == sqlite3.SQLITE_CORRUPT:
        return damaged(path, str(error))
    if primary == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"The run store {path} could not be read or written ({error}): a quota, a limit on the size of files, a "
            "failing disk, or a drive of the network that is gone. What was recorded before is safe; mend that, or "
            "name a file elsewhere."
        )
    return StoreError(f"The run store {path} can't be used: {error}.")


def from_os(error: OSError, path: str) -> StoreError:
    """Return the error to raise where the file or its folder can't be opened or made."""
    if error.errno in _READ_ONLY:
        return read_only(path, str(error))
    if error.errno in _FULL:
        return full(path)
    return StoreError(f"The run store {path} can't be opened: {error}. Name a file in a folder that can be made.")


def damaged(path: str, why: str) -> StoreError:
    """Return the error for a store that is not whole."""
    return StoreError(
        f"The run store {path} is damaged ({why}). Keep a copy, and recover what is readable with "
        f"`sqlite3 {path} .recover`, or name another file."
    )


def moved(path: str) -> StoreError:
    """Return the error for a file that was taken away while it was in use."""
    return StoreError(
        f"The run store {path} was deleted, moved or replaced while it was in use; what is recorded now, nobody could "
        "find. Put it back, or start again: a new process makes a new file."
    )


def read_only(path: str, why: str) -> StoreReadOnly:
    """Return the error for a file or folder that may not be written."""
    return StoreReadOnly(
        f"The run store {path} may not be written ({why}). SQLite writes the file and two others beside "
        "it: make both the file and its folder writable, or name another file."
    )


def full(path: str) -> StoreFull:
    """Return the error for a full disk."""
    return StoreFull(
        f"There is no room left on the disk under the run store {path}. What was recorded before is "
        "safe; free some space, or delete old runs."
    )


def not_a_store(path: str, why: str) -> NotAStore:
    """Return the error for a file that is something else; it has not been touched."""
    return NotAStore(
        f"{path} is not a run store of headrace: {why}. It was left as it is; name another file, or one that "
        "does not exist yet."
    )


def too_new(path: str, version: int, newest: int) -> StoreTooNew:
    """Return the error for a store of a later release."""
    return StoreTooNew(
        f"The run store {path} has schema version {version}, and this headrace knows up to {newest}. "
        "Upgrade headrace, or name another file."
    )


def closed(path: str) -> StoreError:
    """Return the error for using a store after `close`."""
    return StoreError(f"The run store {path} was closed; make a new SqliteStore to use it again.")
