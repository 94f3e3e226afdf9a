"""Lines of a run's log, printed as they were on the console of the run, and followed while it lasts."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING
from uuid import UUID

import typer

from headrace.cli import as_json as forms
from headrace.cli import world
from headrace.cli.look import out, say
from headrace.core.records import Run
from headrace.store.protocol import LogFilter, LogRecord, RunFilter, RunKind

if TYPE_CHECKING:
    from headrace.store.protocol import Store

_STYLES = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
_LOOK_AGAIN_SECONDS = 0.3
_AT_ONCE = 1000  # lines


def parse_level(text: str) -> int:
    """Return the number of a level by its name, or by its number. Raises typer.BadParameter."""
    level = int(text) if text.isdigit() else logging.getLevelName(text.upper())
    if not isinstance(level, int):
        raise typer.BadParameter(f"{text!r} is no level. Write debug, info, warning, error or critical.")
    return level


def print_logs(store: Store, run: Run, min_level: int, *, follow: bool, as_json: bool) -> None:
    """Print the log of a run; with `follow`, go on until the run has ended and all of it is told."""
    key = "flow_run_id" if run.kind == "flow" else "task_run_id"
    where = LogFilter(**{key: run.id, "min_level": min_level})  # type: ignore[arg-type]
    tell = _tell_json if as_json else _Teller(store)
    told = 0
    while True:
        ended = not follow or _has_ended(store, run)  # asked before reading: what comes after is not missed
        while records := store.logs(where, limit=_AT_ONCE, offset=told):
            tell(records)
            told += len(records)
        if ended:
            break
        world.sleep(_LOOK_AGAIN_SECONDS)
    if not told and not as_json:
        say("No lines were logged.")


def _has_ended(store: Store, run: Run) -> bool:
    now = store.flow_run(run.id) if run.kind == "flow" else store.task_run(run.id)
    return now.state is None or now.state.is_final()


def _tell_json(records: Sequence[LogRecord]) -> None:
    for record in records:
        sys.stdout.write(json.dumps(forms.log(record), ensure_ascii=False) + "\n")
    sys.stdout.flush()


class _Teller:
    """Prints lines for people: local time, level, whose it is, message. Names are looked up once each, many together.

    Rich takes fifty microseconds a line, so it is asked only where there is something to colour or to clean.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[UUID, str] = {}
        self._console = out()

    def __call__(self, records: Sequence[LogRecord]) -> None:
        self._look_up("task", {record.task_run_id for record in records})
        self._look_up("flow", {record.flow_run_id for record in records if record.task_run_id is None})
        for record in records:
            self._tell(record)

    def _look_up(self, kind: RunKind, run_ids: Set[UUID | None]) -> None:
        """Learn the names of runs; a line may outlive the run that wrote it, whose id then does."""
        unknown = frozenset(run_id for run_id in run_ids if run_id is not None and run_id not in self._names)
        if not unknown:
            return
        find = self._store.flow_runs if kind == "flow" else self._store.task_runs
        self._names |= {run_id: str(run_id) for run_id in unknown}
        self._names |= {run.id: run.name for run in find(RunFilter(ids=unknown))}

    def _tell(self, record: LogRecord) -> None:
        level = logging.getLevelName(record.level)
        style, at = _STYLES.get(level, ""), record.timestamp.astimezone().strftime("%H:%M:%S.%f")[:-3]
        head = f"{at} | {level:<7} | {self._whose(record)} - "
        if not style and record.message.replace("\n", "").isprintable():
            sys.stdout.write(f"{head}{record.message}\n")
        else:
            from rich.text import Text

            line = Text(head, style=style)
            line.append_text(Text.from_ansi(record.message))
            self._console.print(line, soft_wrap=True)

    def _whose(self, record: LogRecord) -> str:
        if record.task_run_id is not None:
            return f"Task run {self._names[record.task_run_id]!r}"
        if record.flow_run_id is not None:
            return f"Flow run {self._names[record.flow_run_id]!r}"
        return record.logger
