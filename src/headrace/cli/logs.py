"""Lines of a run's log, printed as they were on the console of the run, and followed while it lasts."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import typer

from headrace.cli import as_json as forms
from headrace.cli import world
from headrace.cli.look import out, say
from headrace.core.records import Run
from headrace.exceptions import ObjectNotFound
from headrace.store.protocol import LogFilter, LogRecord

if TYPE_CHECKING:
    from headrace.store.protocol import Store

_STYLES = {"DEBUG": "dim", "INFO": "", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
_LOOK_AGAIN_SECONDS = 0.3


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
        records = store.logs(where, offset=told)
        for record in records:
            tell(record)
        told += len(records)
        if ended:
            break
        world.sleep(_LOOK_AGAIN_SECONDS)
    if not told and not as_json:
        say("No lines were logged.")


def _has_ended(store: Store, run: Run) -> bool:
    now = store.flow_run(run.id) if run.kind == "flow" else store.task_run(run.id)
    return now.state is None or now.state.is_final()


def _tell_json(record: LogRecord) -> None:
    sys.stdout.write(json.dumps(forms.log(record), ensure_ascii=False) + "\n")
    sys.stdout.flush()


class _Teller:
    """Prints lines for people: local time, level, whose it is, message. Names are looked up once each."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[UUID, str] = {}
        self._console = out()

    def __call__(self, record: LogRecord) -> None:
        from rich.text import Text

        level = logging.getLevelName(record.level)
        at = record.timestamp.astimezone().strftime("%H:%M:%S.%f")[:-3]
        line = Text(f"{at} | {level:<7} | {self._whose(record)} - ", style=_STYLES.get(level, ""))
        line.append_text(Text.from_ansi(record.message))
        self._console.print(line, soft_wrap=True)

    def _whose(self, record: LogRecord) -> str:
        if record.task_run_id is not None:
            return f"Task run {self._name(record.task_run_id, self._store.task_run)!r}"
        if record.flow_run_id is not None:
            return f"Flow run {self._name(record.flow_run_id, self._store.flow_run)!r}"
        return record.logger

    def _name(self, run_id: UUID, find: Callable[[UUID], Run]) -> str:
        if run_id not in self._names:
            try:
                self._names[run_id] = find(run_id).name
            except ObjectNotFound:  # a line may outlive the run that wrote it
                self._names[run_id] = str(run_id)
        return self._names[run_id]
