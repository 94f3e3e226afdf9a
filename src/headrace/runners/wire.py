"""What a process and its workers say to one another, and the pipes over which they say it.

Two plain pipes and a length before each message: that needs nothing of Python which a worker would have to import, and
the death of one side ends the other's reading.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple
from uuid import UUID

from headrace.drive.guards import thread_guard

Kind = Literal["returned", "raised", "expired", "cancelled"]

_LENGTH_BYTES = 8
_CHUNK_BYTES = 1 << 20


class Hello(NamedTuple):
    """To a new worker: what it takes over from the process that started it.

    `name` is what people call it, None where they know it by its process id. `start_ns` is where virtual time began,
    None where time is real; `follow` what lets users' code follow it, as a pickle: called with a world and its clock it
    gives a context manager.
    """

    seed: int
    path: list[str]
    directory: str
    arguments: list[str]
    settings: Mapping[str, Any]
    location: str
    name: str | None
    start_ns: int | None
    follow: bytes | None


class Work(NamedTuple):
    """To a worker: call a function. `task` and `flow` are pickles; `flow` None: the worker has that flow run already.

    `time_ns` is the time here, where it is virtual.
    """

    task: bytes
    flow_run_id: UUID | None
    flow: bytes | None
    time_ns: int | None


class Interrupt(NamedTuple):
    """To a worker: end the call that is going on, because of this (a pickle)."""

    reason: bytes


class Time(NamedTuple):
    """To a worker in which everybody waits: the time for which one of them did has come."""

    time_ns: int


class Rung(NamedTuple):
    """To a worker: slots that it has asked for in vain may be free now."""


class End(NamedTuple):
    """To a worker: there is no more work."""


class Began(NamedTuple):
    """From a worker: the function is called now."""


class Ask(NamedTuple):
    """From a worker: call this method of the store; `payload` is a pickle of the arguments."""

    number: int
    method: str
    payload: bytes


class Answer(NamedTuple):
    """To a worker: what the store returned or, where it `failed`, raised, as a pickle."""

    number: int
    failed: bool
    payload: bytes


class Line(NamedTuple):
    """From a worker: a line of a run's log. `origin` is file, line and function."""

    logger: str
    level: int
    text: str
    origin: tuple[str, int, str | None]
    run: Mapping[str, Any]


class Done(NamedTuple):
    """From a worker: how the call ended, with the value or exception as a pickle.

    An exception that can't be pickled has none. `described` says it in words, `traceback` shows where it came from.
    """

    kind: Kind
    payload: bytes | None
    described: str = ""
    traceback: str = ""


class Pipe:
    """One end of the line. Any thread may send; one receives."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading = reading
        self._writing = writing
        self._lock = threading.Lock()

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a message whole. Raises OSError where the other side is gone."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with uninterrupted(), self._lock:
            length = len(data).to_bytes(_LENGTH_BYTES, "little")
            if len(data) < _CHUNK_BYTES:
                _write(self._writing, length + data)  # at once: the other side wakes once
            else:
                _write(self._writing, length)
                _write(self._writing, data)

    def receive(self) -> Any:
        """Wait for the next message. Raises EOFError where the other side is gone."""
        length = int.from_bytes(_read(self.reading, _LENGTH_BYTES), "little")
        return pickle.loads(_read(self.reading, length))

    def close(self) -> None:
        """Let go of the line."""
        for fd in (self.reading, self._writing):
            os.close(fd)


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _read(fd: int, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        chunk = os.read(fd, min(length - len(data), _CHUNK_BYTES))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold interrupts of this thread back in the block: half a message would make nonsense of all that follow."""
    guard = thread_guard()
    stood = guard.shut()
    try:
        yield
    finally:
        guard.reopen(stood)
