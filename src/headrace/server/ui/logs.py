"""The log of a run: a part of it on a page, all of it as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from logging import getLevelName
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query

from headrace.core.records import LogRecord
from headrace.drive.world import World
from headrace.store.protocol import LogFilter, RunFilter

Level = Literal["debug", "info", "warning", "error"]
LEVELS: Mapping[str, int] = {"debug": 0, "info": 20, "warning": 30, "error": 40}
LogOrder = Literal["oldest", "newest", "tail"]
LOG_ORDERS: Mapping[LogOrder, str] = {"oldest": "Oldest first", "newest": "Newest first", "tail": "The last lines"}
#: How many lines a page has, and how many are read at a time for the text.
MOST = 200
_AT_A_TIME = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWanted:
    """Which part of a log: lines of this level and above. Parts count from 0.

    The `order` is that of time, or the newest first; "tail" are the last lines, in order of time. Where none is named,
    the last lines are shown of a run that goes on, and the first of one that has ended.
    """

    level: Level
    order: LogOrder | None
    part: int


def _wanted(
    level: Level = "debug", order: LogOrder | None = None, part: Annotated[int, Query(ge=0, le=1_000_000)] = 0
) -> LogWanted:
    return LogWanted(level=level, order=order, part=part)


Wanted = Annotated[LogWanted, Depends(_wanted)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line; `task_run_id` and `run_name` say of which task run, where it is of one."""

    at: datetime
    level: int
    level_name: str
    message: str
    task_run_id: UUID | None
    run_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A part of a log, in an order. `more`: there are further lines after these, or before them of a tail."""

    wanted: LogWanted
    order: LogOrder
    lines: Sequence[LogLine]
    more: bool


def log_of(world: World, where: LogFilter, wanted: LogWanted, *, live: bool) -> Log:
    """Return a part of the log of a run; `live`: it goes on."""
    world.logs.flush()
    order: LogOrder = wanted.order or ("tail" if live else "oldest")
    found = world.store.logs(
        where._replace(min_level=LEVELS[wanted.level]),
        limit=MOST + 1,
        offset=wanted.part * MOST,
        newest_first=order != "oldest",
    )
    shown = found[:MOST][:: -1 if order == "tail" else 1]
    names = _names(world, shown) if where.task_run_id is None else {}
    return Log(wanted=wanted, order=order, lines=[_line(one, names) for one in shown], more=len(found) > MOST)


def text_of(world: World, where: LogFilter, wanted: LogWanted) -> Iterator[str]:
    """Yield all lines of a log as text, in order of time."""
    world.logs.flush()
    chosen, first = where._replace(min_level=LEVELS[wanted.level]), 0
    while found := world.store.logs(chosen, limit=_AT_A_TIME, offset=first):
        names = _names(world, found)
        yield "".join(_text(_line(one, names)) for one in found)
        first += len(found)


def _names(world: World, lines: Sequence[LogRecord]) -> dict[UUID, str]:
    ids = frozenset(line.task_run_id for line in lines if line.task_run_id is not None)
    return {run.id: run.name for run in world.store.task_runs(RunFilter(ids=ids))} if ids else {}


def _line(line: LogRecord, names: Mapping[UUID, str]) -> LogLine:
    return LogLine(
        at=line.timestamp,
        level=line.level,
        level_name=getLevelName(line.level),
        message=line.message,
        task_run_id=line.task_run_id,
        run_name=names.get(line.task_run_id) if line.task_run_id is not None else None,
    )


def _text(line: LogLine) -> str:
    at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"{at} {line.level_name:<8} {f'{line.run_name}: ' if line.run_name else ''}{line.message}\n"
