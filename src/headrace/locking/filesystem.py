"""Locks that are files in a directory, for processes that share it.

A lock is a file that only one can make. It names its holder, and the process that made it: where that is gone from this
machine, the lock is free again.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from threading import get_ident
from typing import Any

from headrace.locking.waiting import Waiting

__all__ = ["FileSystemLockManager"]


class FileSystemLockManager(Waiting):
    """Lock keys among processes that share a directory, which is made when needed."""

    def __init__(self, lock_files_directory: str | os.PathLike[str]) -> None:
        self.lock_files_directory = Path(lock_files_directory).expanduser().absolute()

    def _path(self, key: str) -> Path:
        readable = "".join(letter if letter.isalnum() else "-" for letter in key)[:40]
        return self.lock_files_directory / f"{readable}-{blake2b(key.encode(), digest_size=8).hexdigest()}.lock"

    def _take(self, key: str, holder: str, hold_timeout: float | None, now: datetime) -> bool:
        path = self._path(key)
        if self._holder_of(key, now) == holder:
            return True
        expires_at = (now + timedelta(seconds=hold_timeout)).isoformat() if hold_timeout is not None else None
        said = {"holder": holder, "expires_at": expires_at, "host": socket.gethostname(), "pid": os.getpid()}
        # Written first and then linked to its name, which only one can do: nobody ever reads half a file.
        beside = path.with_suffix(f".{os.getpid()}-{blake2b(holder.encode(), digest_size=8).hexdigest()}")
        self.lock_files_directory.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(said))
        try:
            os.link(beside, path)
        except FileExistsError:
            return False
        finally:
            beside.unlink()
        return True

    def _holder_of(self, key: str, now: datetime) -> str | None:
        path = self._path(key)
        try:
            said: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        expires_at = said["expires_at"]
        if _is_gone(said) or (expires_at is not None and datetime.fromisoformat(expires_at) <= now):
            self._clear(path, said)
            return None
        holder: str = said["holder"]
        return holder

    @staticmethod
    def _clear(path: Path, said: dict[str, Any]) -> None:
        """Remove a lock that is free, unless somebody has done so, and taken it, since it was read."""
        aside = path.with_suffix(f".{os.getpid()}-{get_ident()}.gone")
        with contextlib.suppress(FileNotFoundError):
            os.replace(path, aside)
            if json.loads(aside.read_text()) != said:
                with contextlib.suppress(FileExistsError):
                    os.link(aside, path)
            aside.unlink()

    def release_lock(self, key: str, holder: str) -> None:
        """Give a lock back. Raises ValueError where this holder does not have it."""
        path = self._path(key)
        try:
            said = json.loads(path.read_text())
        except FileNotFoundError:
            said = {"holder": None}
        if said["holder"] != holder:
            raise ValueError(f"{holder} does not hold a lock of {key!r}.")
        path.unlink()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileSystemLockManager) and self.lock_files_directory == other.lock_files_directory

    def __hash__(self) -> int:
        return hash(self.lock_files_directory)

    def __repr__(self) -> str:
        return f"FileSystemLockManager({str(self.lock_files_directory)!r})"


def _is_gone(said: dict[str, Any]) -> bool:
    """Say whether the process that took a lock is no more; of other machines that can't be known."""
    if said["host"] != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(said["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
