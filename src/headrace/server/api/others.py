"""Routes about log lines, and the server itself."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Body

from headrace._version import __version__
from headrace.client import searching
from headrace.client.schemas.filters import LogFilter
from headrace.core.records import LogRecord
from headrace.server.api.answers import (
    HealthAnswer,
    LogAnswer,
    Page,
    ReadyAnswer,
    VersionAnswer,
)
from headrace.server.api.finding import Served
from headrace.server.api.requests import LogLine, LogPage, LogsWanted, WhichLogs
from headrace.store.protocol import RunFilter

logs = APIRouter(prefix="/logs", tags=["Logs"])
server = APIRouter(tags=["Server"])


@logs.post("/filter")
def read_logs(world: Served, wanted: Annotated[LogsWanted, Body()] = LogsWanted()) -> list[LogAnswer]:
    """List the log lines that fit."""
    return _lines(world, wanted)


@logs.post("/count")
def count_logs(world: Served, wanted: Annotated[WhichLogs, Body()] = WhichLogs()) -> int:
    """Count the log lines that fit."""
    world.logs.flush()
    return searching.count_logs(world.store, _filter(wanted))


@logs.post("/paginate")
def paginate_logs(world: Served, wanted: Annotated[LogPage, Body()] = LogPage()) -> Page[LogAnswer]:
    """Return one page of the log lines that fit."""
    offset = min((wanted.page - 1) * wanted.limit, 2**31)
    part = LogsWanted(logs=wanted.logs, limit=wanted.limit, offset=offset, sort=wanted.sort)
    return Page.of(_lines(world, part), count_logs(world, wanted), wanted.limit, wanted.page)


def _lines(world: Served, wanted: LogsWanted) -> list[LogAnswer]:
    world.logs.flush()
    found = searching.logs(world.store, _filter(wanted), wanted.sort, wanted.limit, wanted.offset)
    return [LogAnswer.of(line) for line in found]


def _filter(wanted: WhichLogs) -> LogFilter | None:
    found: LogFilter | None = wanted.logs.as_filter() if wanted.logs is not None else None
    return found


@logs.post("/", status_code=201)
def create_logs(world: Served, lines: Annotated[list[LogLine], Body(max_length=10_000)]) -> None:
    """Keep log lines, in order."""
    world.store.append_logs([_record(line) for line in lines])


def _record(line: LogLine) -> LogRecord:
    at = line.timestamp if line.timestamp.tzinfo is not None else line.timestamp.replace(tzinfo=UTC)
    return LogRecord(at, line.level, line.message, line.name, line.flow_run_id, line.task_run_id)


@server.get("/health")
def health() -> HealthAnswer:
    """Say that the server answers."""
    return HealthAnswer(status="ok")


@server.get("/ready")
def ready(world: Served) -> ReadyAnswer:
    """Say that the server and its store answer."""
    world.store.count("flow", RunFilter(name="\0"))
    return ReadyAnswer(status="ok", store=world.store.location)


@server.get("/version")
def version() -> VersionAnswer:
    """Say which headrace this is."""
    return VersionAnswer(version=__version__)
