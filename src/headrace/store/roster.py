"""Which runs the processes of this machine are at work on, so that others find what a killed one has left behind.

Each process that is at work has a file, beside the store's own, with the ids of the runs that it was asked for, and has
it locked: the system drops the lock when the process ends, however it ends, and not before, however long it sleeps or
is held up. A file without a lock is that of a dead process. One from another machine says nothing to us.

Whatever can't be written, or locked, is done without: that a run is recorded matters more.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from headrace.store.file_locks import CAN_LOCK, locked
from headrace.store.wanted import RunKind

#: A run in a file: a letter for its kind, and its id. What has ended is overwritten by as many zeros.
_SIZE = 17
_LETTERS: dict[RunKind, bytes] = {"flow": b"f", "task": b"t"}
_KINDS: dict[bytes, RunKind] = {letter: kind for kind, letter in _LETTERS.items()}
_FREE = bytes(_SIZE)


class Entry(NamedTuple):
    """What stands in a file: a run that a process was asked for."""

    kind: RunKind
    run_id: UUID


def _any_name() -> str:
    return os.urandom(8).hex()  # of no use to anybody else: what is drawn for runs is repeatable


class Rosters(NamedTuple):
    """Where the processes that use a store say what they are at work on.

    `name` gives the name of this process's file. `is_known` says of that of a dead process whether all that the process
    has recorded is in the store by now; where records may wait elsewhere it brings them there first.
    """

    folder: Path
    name: Callable[[], str] = _any_name
    is_known: Callable[[str], bool] = lambda _: True


class Roster:
    """What this process is at work on, as its file says. There is none before the first run, and after `close`."""

    def __init__(self, rosters: Rosters) -> None:
        #: Whether this process has looked for what dead ones have left.
        self.has_looked = False
        self._rosters = rosters
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._file: _File | None = None

    def begin(self, kind: RunKind, run_id: UUID) -> None:
        """Note that this process is at work on a run, before anything of that is recorded."""
        if not CAN_LOCK:
            return
        with self._lock, suppress(OSError):
            if self._process != os.getpid():  # the file is that of the process that we were forked from
                self._process, self._file = os.getpid(), None
            if self._file is None:
                self._file = _File.made(self._rosters.folder, self._rosters.name())
                atexit.register(self.close)
            if self._file is not None:
                self._file.add(Entry(kind, run_id))

    def end(self, kind: RunKind, run_id: UUID) -> None:
        """Note that it is so no longer: how the run ended is recorded."""
        with self._lock, suppress(OSError):
            if self._file is not None and self._process == os.getpid():
                self._file.remove(Entry(kind, run_id))

    def close(self) -> None:
        """Take the file away, unless something is at work still, or seemed so: then it is for others to find."""
        with self._lock, suppress(OSError):
            file, self._file = self._file, None
            atexit.unregister(self.close)
            if file is not None and self._process == os.getpid():
                file.close()


class _File:
    def __init__(self, path: Path, descriptor: int, start: int) -> None:
        self._path, self._descriptor, self._start = path, descriptor, start
        self.places: dict[Entry, int] = {}
        self._free: list[int] = []

    @classmethod
    def made(cls, folder: Path, name: str) -> _File | None:
        """Make the file of this process, locked from when it can be found; None where files can't be locked."""
        folder.mkdir(parents=True, exist_ok=True)
        path, made = folder / name, folder / f".{name}"
        descriptor = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if locked(descriptor):
                head = _head()
                os.write(descriptor, head)
                made.rename(path)
                return cls(path, descriptor, len(head))
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        made.unlink()
        return None

    def add(self, run: Entry) -> None:
        if run in self.places:
            return
        place = self._free.pop() if self._free else self._start + _SIZE * len(self.places)  # all before are taken
        os.pwrite(self._descriptor, _LETTERS[run.kind] + run.run_id.bytes, place)
        self.places[run] = place

    def remove(self, run: Entry) -> None:
        place = self.places.pop(run, None)
        if place is not None:
            self._free.append(place)
            os.pwrite(self._descriptor, _FREE, place)

    def close(self) -> None:
        if not self.places:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


@contextmanager
def left_by_the_dead(rosters: Rosters) -> Iterator[tuple[list[Entry], Callable[[Entry], bool]]]:
    """Give what dead processes of this machine were at work on; when the block has ended well it is forgotten.

    Nobody else is given the same meanwhile, and nobody what is not known yet. Beside it comes what tells of a run
    whether another process is at work on it by now.
    """
    taken: list[tuple[Path, int]] = []
    try:
        for path in _files(rosters.folder):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDWR)
                if _is_ours(descriptor) and locked(descriptor):
                    taken.append((path, descriptor))
                else:
                    os.close(descriptor)
        known = [(path, descriptor) for path, descriptor in taken if rosters.is_known(path.name)]
        found = [entry for _, descriptor in known for entry in _listed(descriptor)]
        apart = {path for path, _ in known}

        def is_elsewhere(run: Entry) -> bool:
            return any(run in _read(path) for path in _files(rosters.folder) if path not in apart)

        yield found, is_elsewhere
        for path, _ in known:
            with suppress(OSError):
                path.unlink()
    finally:
        for _, descriptor in taken:
            os.close(descriptor)


def _read(path: Path) -> list[Entry]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return []  # whose it was has ended meanwhile
    try:
        return list(_listed(descriptor))
    finally:
        os.close(descriptor)


def _files(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [folder / name for name in names if not name.startswith(".")]


def _head() -> bytes:
    return f"{os.uname().nodename}\n".encode()


def _is_ours(descriptor: int) -> bool:
    head = _head()
    return os.pread(descriptor, len(head), 0) == head


def _listed(descriptor: int) -> Iterator[Entry]:
    whole = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    told = whole.partition(b"\n")[2]
    for start in range(0, len(told) - _SIZE + 1, _SIZE):
        kind = _KINDS.get(told[start : start + 1])
        if kind is not None:
            yield Entry(kind, UUID(bytes=told[start + 1 : start + _SIZE]))
