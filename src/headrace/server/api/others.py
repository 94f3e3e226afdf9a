"""Routes about log lines, concurrency limits, and the server itself."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Body

from headrace._version import __version__
from headrace.client import searching
from headrace.client.schemas.filters import LogFilter
from headrace.core.records import LogRecord
from headrace.exceptions import ObjectNotFound
from headrace.server.api.answers import (
    HealthAnswer,
    LeaseAnswer,
    LimitAnswer,
    LogAnswer,
    Page,
    ReadyAnswer,
    VersionAnswer,
)
from headrace.server.api.errors import NOT_FOUND
from headrace.server.api.finding import Served
from headrace.server.api.requests import LimitWanted, LogLine, LogPage, LogsWanted, WhichLogs
from headrace.store.protocol import ConcurrencyLimit, RunFilter

logs = APIRouter(prefix="/logs", tags=["Logs"])
limits = APIRouter(prefix="/v2/concurrency_limits", tags=["Concurrency limits"])
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


@limits.post("/filter")
def read_limits(world: Served) -> list[LimitAnswer]:
    """List the concurrency limits, by name."""
    return [LimitAnswer.of(limit) for limit in world.store.limits(world.clock.now())]


@limits.put("/")
def put_limit(world: Served, wanted: LimitWanted) -> LimitAnswer:
    """Create a limit, or change one; slots that are taken stay taken."""
    world.store.put_limit(ConcurrencyLimit(wanted.name, wanted.limit, wanted.active, wanted.slot_decay_per_second))
    return _limit(world, wanted.name)


@limits.get("/{name}", responses=NOT_FOUND)
def read_limit(world: Served, name: str) -> LimitAnswer:
    """Return one limit, as it stands."""
    return _limit(world, name)


@limits.get("/{name}/leases", responses=NOT_FOUND)
def read_leases(world: Served, name: str) -> list[LeaseAnswer]:
    """List who holds slots of a limit, and who waits for them."""
    _limit(world, name)
    return [LeaseAnswer.of(lease) for lease in world.store.leases(name, world.clock.now())]


@limits.delete("/{name}", status_code=204, responses=NOT_FOUND)
def delete_limit(world: Served, name: str) -> None:
    """Remove a limit, with what is held of it."""
    if not world.store.delete_limit(name):
        raise ObjectNotFound(f"There is no concurrency limit {name!r}.")


def _limit(world: Served, name: str) -> LimitAnswer:
    found = world.store.limit(name, world.clock.now())
    if found is None:
        raise ObjectNotFound(f"There is no concurrency limit {name!r}.")
    return LimitAnswer.of(found)


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
