"""One task run: `/runs/task-run/{id}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from fastapi import Response
from fastapi.responses import StreamingResponse

from headrace.core.records import TaskRun
from headrace.core.state_types import StateType
from headrace.core.timeline import Row
from headrace.drive.world import World
from headrace.server.api.finding import Served
from headrace.server.ui.cards import Card, card, goes_on, plain
from headrace.server.ui.crumbs import Crumb, way_to
from headrace.server.ui.details import Detail, details
from headrace.server.ui.history import Entry, entries
from headrace.server.ui.logs import Log, LogWanted, Wanted, log_of, text_of
from headrace.server.ui.outcome import Result, result_of, traceback_of
from headrace.server.ui.page import HEADERS, Format, Page, respond
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.store.protocol import LogFilter, RunFilter, Store
from headrace.store.story import story_of

router = pages()

#: How many runs a parameter's value is said to come from, at most.
_MOST_UPSTREAM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A task run that a parameter's value came from; without a name where it is not stored any more."""

    id: UUID
    name: str | None
    state_type: StateType | None
    state_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRunPage(Page):
    """A task run: its timeline, which has one row, its history, what it was given and where that came from.

    `stands_for` is the subflow run that it stands for, if it does. `result` is of one that completed, `traceback` of
    one that did not, as far as they are known.
    """

    template: ClassVar[str] = "task_run"
    section: ClassVar[str] = "runs"

    run: Card
    way: Sequence[Crumb]
    stands_for: Crumb | None
    result: Result | None
    traceback: str | None
    rows: Sequence[Row]
    history: Sequence[Entry]
    inputs: Mapping[str, Sequence[Upstream]]
    parameters: Mapping[str, str]
    log: Log
    details: Sequence[Detail]

    def feed(self) -> str | None:
        """Return where states of the flow run that it is part of are told, while the run goes on."""
        around = self.way[-1].id if self.way else None
        return URLS.feed(flow_run_id=around) if self.live else None


@router.get("/runs/task-run/{id}")
def task_run(world: Served, id: UUID, log: Wanted, format: Format = "html") -> Response:  # noqa: A002
    """Show a task run."""
    return respond(world, task_run_page(world, id, log), format)


@router.get("/runs/task-run/{id}/log.txt")
def task_run_log(world: Served, id: UUID, log: Wanted) -> Response:  # noqa: A002
    """Return the log of a task run as text."""
    run = world.store.task_run(id)
    return StreamingResponse(
        text_of(world, LogFilter(task_run_id=run.id), log),
        media_type="text/plain; charset=utf-8",
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="task-run-{run.id}.txt"'},
    )


def task_run_page(world: World, run_id: UUID, log: LogWanted) -> TaskRunPage:
    """Return what the page of a task run tells. Raises ObjectNotFound."""
    store, now = world.store, world.clock.now()
    run = store.task_run(run_id)
    live = goes_on(run.state_type, run.state_name)
    return TaskRunPage(
        title=run.name,
        now=now,
        live=live,
        icon=run.state_type or StateType.PENDING,
        run=card(run, now),
        way=way_to(store, run.flow_run_id),
        stands_for=next(iter(way_to(store, run.child_flow_run_id)[-1:]), None),
        result=result_of(world, run.state),
        traceback=traceback_of(world, run) if run.state_type is not StateType.COMPLETED else None,
        rows=story_of(store, run, now).rows,
        history=entries(store.history(run.id)),
        inputs=dict(_inputs(store, run)),
        parameters=plain(run),
        log=log_of(world, LogFilter(task_run_id=run.id), log, live=live),
        details=details(run),
    )


def _inputs(store: Store, run: TaskRun) -> Iterator[tuple[str, list[Upstream]]]:
    wanted = {name: list(ids)[:_MOST_UPSTREAM] for name, ids in run.task_inputs.items() if ids}
    ids = frozenset(one for some in wanted.values() for one in some)
    known = {one.id: one for one in store.task_runs(RunFilter(ids=ids))} if ids else {}
    for name, some in wanted.items():
        yield name, [_upstream(one, known.get(one)) for one in some]


def _upstream(run_id: UUID, run: TaskRun | None) -> Upstream:
    return Upstream(
        id=run_id,
        name=run.name if run is not None else None,
        state_type=run.state_type if run is not None else None,
        state_name=(run.state_name or "") if run is not None else "",
    )
