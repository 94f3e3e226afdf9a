"""The store and the log of a worker process: both are those of the process that started it.

The worker's `RelayStore` sends each call as a message and waits for the answer; `answer` gives it. Log lines are sent
as they are written: what a function logged before it took its process down is not lost.
"""

from __future__ import annotations

import itertools
import logging
import queue
from collections.abc import Callable
from typing import Any
from uuid import UUID

from headrace.clock import SystemClock
from headrace.core.kept import NOT_KEPT
from headrace.core.limits import Granted, SlotAnswer
from headrace.core.states import State
from headrace.core.tracebacks import traceback_of
from headrace.drive.logs import ROOT, configure
from headrace.drive.slots import SlotBell
from headrace.drive.world import World, current_world
from headrace.effects import Call
from headrace.runners.pickling import cannot_pickle, dumps, loads
from headrace.runners.wire import Answer, Ask, Line, Pipe, uninterrupted
from headrace.runs.context import RunContext
from headrace.store.protocol import Store

_NOT_ASKED = {"close", "shared", "location", "rosters"}
#: What a worker may ask of the store.
METHODS = frozenset(name for name in vars(Store) if not name.startswith("_")) - _NOT_ASKED

#: What it may ask of the results that the other process has in memory.
OF_RESULTS = frozenset({"read_path", "write_path"})
#: In a simulation: what it asks of who stands in for functions.
OF_UNDERSTUDY = "understudy"

#: What else a line carries than its text: whose it is, and whether it is to be kept.
_RUN_FIELDS = ("flow_run_id", "flow_run_name", "flow_name", "task_run_id", "task_run_name", "task_name", "send_to_api")


class RelayStore:
    """The store of another process. Its methods are those of `Store`, forwarded."""

    #: What it holds is changed by others: those who wait for slots look again now and then.
    shared = True
    #: What is at work here belongs to a run that the other process has told others of.
    rosters = None

    def __init__(self, pipe: Pipe, location: str) -> None:
        self.location = location
        self._pipe = pipe
        self._numbers = itertools.count()
        self._waiting: dict[int, queue.SimpleQueue[Answer]] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS and name not in OF_RESULTS and name != OF_UNDERSTUDY:
            raise AttributeError(f"A store has no {name!r}.")

        def forwarded(*args: Any, **kwargs: Any) -> Any:
            return self._ask(name, args, kwargs)

        self.__dict__[name] = forwarded
        return forwarded

    def _ask(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        payload = _pickled(args, kwargs)
        number = next(self._numbers)
        box = self._waiting[number] = queue.SimpleQueue()
        with uninterrupted(), current_world().clock.delegating("an answer of the store"):
            self._pipe.send(Ask(number, method, payload))
            answer = box.get()
        value = loads(answer.payload)
        if answer.failed:
            raise value
        return value

    def take(self, answer: Answer) -> None:
        """Hand an answer to the thread that waits for it."""
        self._waiting.pop(answer.number).put(answer)

    def close(self) -> None:
        """Do nothing: the store belongs to the other process."""


class RelayStorage:
    """The results that another process has in memory."""

    location = "memory"

    def __init__(self, store: RelayStore) -> None:
        self._store = store

    def read_path(self, path: str) -> bytes:
        """Return what is at a path. Raises PathNotFound."""
        content: bytes = self._store.read_path(path)
        return content

    def write_path(self, path: str, content: bytes) -> None:
        """Write to a path."""
        self._store.write_path(path, content)


def _pickled(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Pickle a call of the store; users' values that can't travel are left out of what is recorded."""
    try:
        return dumps((args, kwargs))
    except Exception:  # noqa: BLE001 - users' objects raise what they like
        return dumps((tuple(map(_bare, args)), kwargs))


def _bare(value: Any) -> Any:
    if isinstance(value, State):
        return value.replace(data=NOT_KEPT) if cannot_pickle(value.data) else value
    if isinstance(value, list | tuple):
        return [_bare(item) for item in value]
    if hasattr(value, "parameters") and hasattr(value, "history_length"):
        import copy

        run = copy.copy(value)
        run.state = _bare(run.state)
        run.parameters = {k: f"<{v!r}>" if cannot_pickle(v) else v for k, v in run.parameters.items()}
        return run
    return value


class RelayBell(SlotBell):
    """The slots of another process, which says when it is time to ask again."""

    def patience(self, seconds: float | None) -> float | None:
        """Return how long to wait at most; on real time others may change the store, unseen by the other process."""
        return super().patience(seconds) if isinstance(self._world.clock, SystemClock) else seconds

    def awaited(self, limit: str) -> str:
        """Say what somebody waits for, without asking who holds it: that is not the time to ask anything."""
        return f"a slot of {limit!r}"


class RelayWorld(World):
    """The world of a worker process. `sent` is the call that it was sent: who stands in for it has been asked."""

    sent: Call | None = None

    def cast(self, effect: Call) -> Call:
        """Return the call to make: that, or what the other process has in its place."""
        return effect if effect is self.sent else super().cast(effect)

    def _new_slots(self) -> SlotBell:
        return RelayBell(self)


class Tickets:
    """The slots that a worker holds or waits for; they are given back for it where it dies."""

    def __init__(self) -> None:
        self._held: set[UUID] = set()

    def note(self, method: str, args: tuple[Any, ...]) -> None:
        """Follow what the worker asks of the store."""
        if method == "request_slots" and not args[0].rate:
            self._held.add(args[0].ticket)
        elif method == "release_slots":
            self._held.discard(args[0])

    def give_back(self, world: World) -> None:
        """Release what is left."""
        while self._held:
            world.slots.release(self._held.pop())


def answer(ask: Ask, world: World, context: RunContext, tickets: Tickets, listen: Callable[[int], object]) -> Answer:
    """Do for the worker of a run what it asks of the store; without slots, `listen` for them to be given back."""
    value: Any
    try:
        args, kwargs = loads(ask.payload)
        tickets.note(ask.method, args)
        if ask.method == "release_slots":
            world.slots.release(args[0])  # wakes who waits for them here
            value = None
        elif ask.method == "request_slots":
            value = _requested(world, args, listen)
        elif ask.method == OF_UNDERSTUDY:
            body, begins = args
            value = world.understudy is not None and world.understudy.far(body, begins, context)
        else:
            asked = world.shelf.memory if ask.method in OF_RESULTS else world.store
            value = getattr(asked, ask.method)(*args, **kwargs)
            if ask.method == "schedule":
                world.background.bell.ring()  # as above
        return Answer(ask.number, False, dumps(value))
    except Exception as error:  # noqa: BLE001 - raised again in the worker
        return Answer(ask.number, True, dumps(error))


def _requested(world: World, args: tuple[Any, ...], listen: Callable[[int], object]) -> SlotAnswer:
    seen = world.slots.rings
    answered = world.store.request_slots(*args)
    if isinstance(answered, Granted):
        world.slots.ring()  # who stood behind this request may be the first of another queue now
    else:
        listen(seen)
    return answered


class RelayHandler(logging.Handler):
    """Send the lines of headrace's loggers to the other process, which shows and stores them."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}\n{traceback_of(record.exc_info[1])}"
        run = {name: value for name in _RUN_FIELDS if (value := getattr(record, name, None)) is not None}
        origin = (record.pathname, record.lineno, record.funcName)
        self._pipe.send(Line(record.name, record.levelno, text, origin, run))


def send_logs(pipe: Pipe) -> None:
    """Let headrace's loggers of this process send their lines, and nothing else."""
    configure()
    ROOT.handlers[:] = [RelayHandler(pipe)]
    ROOT.propagate = False


def log(line: Line, world: World) -> None:
    """Log a worker's line here."""
    configure()
    logger = logging.getLogger(line.logger)
    file, number, function = line.origin
    record = logger.makeRecord(line.logger, line.level, file, number, line.text, (), None, function, dict(line.run))
    record.headrace_world = world
    logger.handle(record)
