"""Where records wait until the server has them: a file that only grows, one line for each thing that was done.

A line is written by one call of the system and is the system's when that returns, so a process killed after that loses
nothing; this costs a tenth of a transaction in SQLite, which is what lets a script report and deliver in the time that
its own store would take. (When the machine loses power, the last lines may be lost, as the last transactions of the
embedded store may.) What was torn in the middle has no newline at its end, and nobody went on from there.

The process that writes a spool holds a lock on its file for as long as it lives. One that has no lock was left behind:
the next process that reports to the same server takes it over.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.exceptions import StoreError
from headrace.store.file_locks import CAN_LOCK, locked
from headrace.store.later import Later

if TYPE_CHECKING:
    from headrace.store import errors
else:
    errors = Later("headrace.store.errors")  # it knows SQLite, which nothing else here does

#: How many bytes are delivered together, about.
_BATCH = 500_000
_SUFFIX = ".spool"


class Spool:
    """One file. `line` is how many lines have been delivered, `waiting` how many bytes have not."""

    def __init__(self, path: Path, identity: UUID, descriptor: int, start: int, size: int) -> None:
        self.path, self.id, self.line = path, identity, 0
        self._descriptor, self._start, self._size = descriptor, start, size

    @classmethod
    def new(cls, folder: Path, url: str, process: str) -> Spool:
        """Make a spool for what a process has for this address. Raises StoreError where it can't be made."""
        identity = UUID(int=SystemRandom().getrandbits(128))
        header = json.dumps({"url": url, "spool": identity.hex}).encode() + b"\n"
        name = f"{process}-{identity.hex}"
        being_made, path = folder / f"{name}.new", folder / f"{name}{_SUFFIX}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(being_made, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
            locked(descriptor)
            os.write(descriptor, header)
            being_made.rename(path)  # nobody sees it without its lock
        except OSError as error:
            raise errors.from_os(error, str(path)) from error
        return cls(path, identity, descriptor, len(header), len(header))

    @classmethod
    def left_behind(cls, folder: Path, url: str) -> list[Spool]:
        """Take over the spools for this address that nobody writes any more, those written first coming first."""
        found = sorted(folder.glob(f"*{_SUFFIX}"), key=_written) if folder.is_dir() and CAN_LOCK else []
        return [spool for path in found if (spool := cls._taken_over(path, url)) is not None]

    @classmethod
    def _taken_over(cls, path: Path, url: str) -> Spool | None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        except OSError:
            return None  # somebody else was quicker, and has delivered it
        header = _header(descriptor) if locked(descriptor) and _is_at(descriptor, path) else None
        if header is None or header["url"] != url:
            os.close(descriptor)
            return None
        return cls(path, UUID(hex=header["spool"]), descriptor, header["length"], os.fstat(descriptor).st_size)

    @property
    def waiting(self) -> int:
        """How many bytes have not been delivered."""
        return self._size - self._start

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._size

    def append(self, line: str) -> None:
        """Add a line. Raises StoreError, with nothing added."""
        data = line.encode("ascii") + b"\n"
        try:
            done = os.write(self._descriptor, data)
            while done < len(data):
                done += os.write(self._descriptor, data[done:])
        except BaseException as error:
            os.ftruncate(self._descriptor, self._size)
            if isinstance(error, OSError):
                raise errors.from_os(error, str(self.path)) from error
            raise
        self._size += len(data)

    def read(self) -> list[bytes]:
        """Return the next lines to deliver; none where there are none, or the last one was torn."""
        length = min(_BATCH, self.waiting)
        while length:
            data = os.pread(self._descriptor, length, self._start)
            end = data.rfind(b"\n")
            if end >= 0:
                return data[:end].split(b"\n")
            if length == self.waiting:
                return []
            length = min(length * 4, self.waiting)
        return []

    def delivered(self, lines: list[bytes]) -> None:
        """Read on after these lines the next time."""
        self._start += sum(map(len, lines)) + len(lines)
        self.line += len(lines)

    def remove(self) -> None:
        """Delete the file: everything in it was delivered."""
        self.path.unlink(missing_ok=True)
        self.let_go()

    def let_go(self) -> None:
        """Leave the file to whoever takes it over."""
        os.close(self._descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Say whether an open file has not been deleted meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _header(descriptor: int) -> dict[str, Any] | None:
    line, newline, _ = os.pread(descriptor, 10_000, 0).partition(b"\n")
    try:
        told = json.loads(line)
        return {"url": told["url"], "spool": told["spool"], "length": len(line) + 1} if newline else None
    except (ValueError, KeyError, TypeError):
        return None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def closed(url: str) -> StoreError:
    """Return the error for using a store after `close`."""
    return StoreError(f"The store at {url} was closed; make a new RemoteStore to use it again.")
