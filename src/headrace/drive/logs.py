"""Where the lines of a run's log go: through the standard library's loggers to the console and to the store.

Writing to the store must not slow a run down, so lines wait in memory and a thread of its own writes them in batches;
they are written out before a run's end is told to anybody who could look for them, and when the process exits.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from headrace.clock import SystemClock
from headrace.clock.protocol import datetime_of
from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.tracebacks import traceback_of
from headrace.drive.surroundings import Surroundings
from headrace.settings import Settings, current_settings
from headrace.settings.scopes import watchers

FLOW_RUNS = logging.getLogger("headrace.flow_runs")
TASK_RUNS = logging.getLogger("headrace.task_runs")
ROOT = logging.getLogger("headrace")
#: How the note of an exception begins that tells its traceback in another process.
ELSEWHERE = "In the worker process "

#: How long lines wait at most before they are written, in seconds.
BATCH_SECONDS = 0.1
#: How many lines wait at most; then the writer is woken early.
BATCH_LINES = 2000


class LogShipper:
    """Carry log lines of one world's runs to its store."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._waiting: deque[LogRecord] = deque()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def say(self, run: Run, level: int, message: str, error: BaseException | None = None) -> None:
        """Log a line of the engine's own about a run."""
        configure()
        logger = FLOW_RUNS if run.kind == "flow" else TASK_RUNS
        if not logger.isEnabledFor(level):
            return
        if error is None and _is_as_configured(logger):
            self._say_directly(run, level, message, logger.name)
            return
        info = (type(error), error, error.__traceback__) if error is not None else None
        extra = run_extra(run)
        record = logger.makeRecord(logger.name, level, "(headrace)", 0, message, (), info, extra=extra)
        record.headrace_world = self._world
        logger.handle(record)

    def _say_directly(self, run: Run, level: int, message: str, logger: str) -> None:
        """Do what our two handlers would do, without the record that takes most of a line's time."""
        time_ns = self._world.clock.time_ns()
        if current_settings().logging_to_api_enabled:
            self._ship_line(run, level, message, logger, time_ns)
        kind = run.kind.capitalize()
        write_line(console_line(time_ns, logging.getLevelName(level), f"{kind} run {run.name!r} - ", message))

    def keep(self, run: Run, level: int, message: str) -> None:
        """Keep a line about a run of another process, which is nothing for the terminal of this one."""
        logger = FLOW_RUNS if run.kind == "flow" else TASK_RUNS
        self._ship_line(run, level, message, logger.name, self._world.clock.time_ns())

    def _ship_line(self, run: Run, level: int, message: str, logger: str, time_ns: int) -> None:
        flow_run_id, task_run_id = _ids(run)
        self.ship(LogRecord(datetime_of(time_ns), level, message, logger, flow_run_id, task_run_id))

    def ship(self, record: LogRecord) -> None:
        """Let a line wait for its batch; a store in memory, where nothing is slow, takes it at once."""
        if self._closed:
            return
        if not self._world.store_is_shared:
            self._store((record,))
            return
        self._waiting.append(record)
        if self._thread is None:
            self._start()
        elif len(self._waiting) > BATCH_LINES:
            self._wake.set()

    def _store(self, records: Sequence[LogRecord]) -> None:
        """Store lines, or say that they could not be: they must not take the run down, nor the process."""
        try:
            self._world.store.append_logs(records)
        except Exception as error:  # noqa: BLE001 - as above
            print(f"headrace: log lines could not be stored: {error}", file=sys.stderr)  # noqa: T201

    def flush(self) -> None:
        """Write out what waits."""
        if not self._waiting:
            return
        with self._writing:
            batch = []
            while self._waiting:
                batch.append(self._waiting.popleft())
            if batch:
                self._world.store.append_logs(batch)

    def close(self) -> None:
        """Write out what waits, and end the writer."""
        self._closed = True
        self._wake.set()
        self.flush()
        atexit.unregister(self.flush)

    def _start(self) -> None:
        with self._writing:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._write, name="headrace-logs", daemon=True)
                atexit.register(self.flush)
                self._thread.start()

    def _write(self) -> None:
        while not self._closed:
            self._wake.wait(BATCH_SECONDS)
            self._wake.clear()
            try:
                self.flush()
            except Exception as error:  # noqa: BLE001 - log lines must not take the process down
                print(f"headrace: log lines could not be stored: {error}", file=sys.stderr)  # noqa: T201


def _ids(run: Run) -> tuple[UUID | None, UUID | None]:
    """Return the flow run and the task run that a line about this run belongs to."""
    return (run.flow_run_id, run.id) if isinstance(run, TaskRun) else (run.id, None)


def run_extra(run: Run) -> dict[str, Any]:
    """Return what a log record knows of its run: ids as text, for formats and for handlers of users."""
    if isinstance(run, FlowRun):
        return {"flow_run_id": str(run.id), "flow_run_name": run.name, "flow_name": run.flow_name}
    assert isinstance(run, TaskRun)
    return {
        "flow_run_id": str(run.flow_run_id) if run.flow_run_id is not None else None,
        "task_run_id": str(run.id),
        "task_run_name": run.name,
        "task_name": run.task_name,
    }


class StoreHandler(logging.Handler):
    """Send records of runs to the store of their world."""

    def createLock(self) -> None:  # noqa: N802 - logging's own name
        """Do without: stores have locks, and in a simulation a line is a step, at which another thread may go on."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit a record that passes the filters: as logging's own does, which since Python 3.13 must have a lock."""
        kept = self.filter(record)
        if kept:
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        """Ship one record; records without a run are passed over, and those with ``extra={"send_to_api": False}``."""
        flow_run_id, task_run_id = _id(record, "flow_run_id"), _id(record, "task_run_id")
        if (flow_run_id is None and task_run_id is None) or not current_settings().logging_to_api_enabled:
            return
        if not getattr(record, "send_to_api", True):
            return
        world = _world_of(record)
        if world is None:
            return
        message = record.getMessage()
        if error := _traceback(record):
            message = f"{message}\n{error}"
        at = datetime_of(world.clock.time_ns())
        world.logs.ship(LogRecord(at, record.levelno, message, record.name, flow_run_id, task_run_id))


def _id(record: logging.LogRecord, name: str) -> UUID | None:
    value = getattr(record, name, None)
    return value if value is None or isinstance(value, UUID) else UUID(value)


class Logging(Surroundings, Protocol):
    """A world with a log."""

    logs: LogShipper


#: Finds the world of a record that does not say of which it is: a user's. `world.py`, which knows, puts it here.
find_world: Callable[[], Logging] | None = None


def _world_of(record: logging.LogRecord) -> Logging | None:
    """Return the world of a record; None before there is any."""
    named: Logging | None = getattr(record, "headrace_world", None)
    return named if named is not None or find_world is None else find_world()


def _traceback(record: logging.LogRecord) -> str | None:
    """Return the traceback of a record; the first handler works it out for all of them, as logging's own do."""
    if not record.exc_text and record.exc_info and record.exc_info[1] is not None:
        record.exc_text = _shown(record.exc_info[1])
    return record.exc_text


def _shown(error: BaseException) -> str:
    """Show an exception; of one from a worker process its traceback there, which says in the end what it is."""
    told = next((note for note in getattr(error, "__notes__", ()) if str(note).startswith(ELSEWHERE)), None)
    if error.__traceback__ is None and told is not None:
        return str(told)
    return traceback_of(error)


class ConsoleHandler(logging.StreamHandler[Any]):
    """Write to whatever `sys.stderr` is at the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """The stream to write to."""
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None:
        raise AttributeError("the console is always sys.stderr")


class ConsoleFormatter(logging.Formatter):
    """``07:56:58.521 | INFO    | Task run 'hello-marvin' - Finished in state Completed()``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, with the traceback below it where there is one."""
        world = _world_of(record)
        time_ns = world.clock.time_ns() if world is not None else SystemClock.time_ns()
        fields = record.__dict__
        if fields.get("task_run_id"):
            subject = f"Task run {fields.get('task_run_name')!r} - "
        elif fields.get("flow_run_id"):
            subject = f"Flow run {fields.get('flow_run_name')!r} - "
        else:
            subject = f"{record.name} - "
        line = console_line(time_ns, record.levelname, subject, record.getMessage())
        if error := _traceback(record):
            line = f"{line}\n{error}"
        return line


_second = (-1, "")


def console_line(time_ns: int, level: str, subject: str, message: str) -> str:
    """Return a line of the console, in local time."""
    global _second
    seconds, rest = divmod(time_ns, 1_000_000_000)
    if _second[0] != seconds:  # many lines fall into one second
        _second = (seconds, f"{datetime.fromtimestamp(seconds):%H:%M:%S}")
    return f"{_second[1]}.{rest // 1_000_000:03d} | {level:<7} | {subject}{message}"


def write_line(line: str) -> None:
    """Write a line to the console; one that is closed or gone is no reason to fail."""
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


def _is_as_configured(logger: logging.Logger) -> bool:
    """Say whether a line would meet nothing but our own two handlers, so that there is a shorter way."""
    return not (
        ROOT.propagate
        or logger.handlers
        or logger.filters
        or ROOT.filters
        or logger.disabled
        or not logger.propagate
        or len(ROOT.handlers) != 2
        or type(ROOT.handlers[0]) is not ConsoleHandler
        or type(ROOT.handlers[1]) is not StoreHandler
        or any(handler.filters or handler.level for handler in ROOT.handlers)
        or type(ROOT.handlers[0].formatter) is not ConsoleFormatter
    )


_configured = False
#: The level that the setting gave to all loggers; None before it did.
_level: int | None = None


def set_level(name: str) -> None:
    """Let all loggers take lines of this level and above, as the setting says."""
    global _level
    ROOT.setLevel(name)
    _level = ROOT.level


def _follow(settings: Settings) -> None:
    """Follow the setting, unless the user has given `headrace` a level of their own."""
    if _level is not None and ROOT.level == _level:
        set_level(settings.logging_level)


watchers.append(_follow)


def configure() -> None:
    """Set the loggers up, once, unless the user has given `headrace` handlers of their own."""
    global _configured
    if _configured:
        return
    _configured = True
    if ROOT.level == logging.NOTSET:  # else it is what the user's own configuration says
        set_level(current_settings().logging_level)
    if not any(isinstance(handler, ConsoleHandler) for handler in ROOT.handlers):
        console = ConsoleHandler()
        console.setFormatter(ConsoleFormatter())
        ROOT.addHandler(console)
        ROOT.addHandler(StoreHandler())
        ROOT.propagate = False
