"""One flow run: `/runs/flow-run/{id}`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from headrace.client.retrying import command_for, is_served, why_not
from headrace.core.records import FlowRun
from headrace.core.state_types import StateType
from headrace.core.timeline import Row
from headrace.drive.world import World
from headrace.server.api.cursors import cursor_after, place_of
from headrace.server.api.finding import Served
from headrace.server.ui.artifacts import ArtifactCard, artifacts_of, of_flow_run
from headrace.server.ui.cards import Card, card, flow_cards, goes_on, plain, task_cards
from headrace.server.ui.crumbs import Crumb, way_to
from headrace.server.ui.details import Detail, details
from headrace.server.ui.history import Entry, entries
from headrace.server.ui.logs import Log, LogWanted, Wanted, log_of, text_of
from headrace.server.ui.outcome import traceback_of
from headrace.server.ui.page import HEADERS, Format, Page, respond
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.server.ui.tabs import Tab
from headrace.store.protocol import OLDEST, LogFilter, RunFilter
from headrace.store.story import story_of

router = pages()

#: How many rows a timeline has unless more are asked for, and then; how many runs a list, and how many failed task runs
#: are shown at once.
ROWS, MOST_ROWS, MOST, MOST_FAILED = 1000, 10_000, 50, 5
_ILL = frozenset({StateType.FAILED, StateType.CRASHED})
_Cursor = Annotated[str, Query(max_length=1000)]
_Rows = Annotated[int, Query(ge=1, le=MOST_ROWS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRunPage(Page):
    """A flow run: its timeline, and what the chosen `tab` is about.

    `left_out` is how many task runs the timeline has no row for, `more_rows` how many rows it may have if asked for
    them, None where it has these. `failed` are some task runs and subflow runs that failed, of a run that did not
    complete, `traceback` is its own. `again`: whoever serves its deployment can be asked to run it again; `command`
    does so elsewhere, None where it can't be run again. `copied`: it can be a test. `runs` are those that the tab
    lists, oldest first, `next` is the cursor of the rest of them.
    """

    template: ClassVar[str] = "flow_run"
    section: ClassVar[str] = "runs"

    run: Card
    way: Sequence[Crumb]
    rows: Sequence[Row]
    left_out: int
    more_rows: int | None
    failed: Sequence[Card]
    traceback: str | None
    again: bool
    command: str | None
    copied: bool
    tab: Tab
    counts: Mapping[str, int]
    log: Log | None = None
    runs: Sequence[Card] = ()
    next: str | None = None
    artifacts: Sequence[ArtifactCard] = ()
    parameters: Mapping[str, str]
    history: Sequence[Entry]
    details: Sequence[Detail]

    def feed(self) -> str | None:
        """Return where states of the run and of its task runs are told, while it goes on."""
        return URLS.feed(flow_run_id=self.run.id) if self.live else None


@router.get("/runs/flow-run/{id}")
def flow_run(
    world: Served,
    id: UUID,  # noqa: A002 - the path's own word
    log: Wanted,
    tab: Tab = "log",
    cursor: _Cursor = "",
    rows: _Rows = ROWS,
    format: Format = "html",  # noqa: A002 - the address's own word
) -> Response:
    """Show a flow run."""
    return respond(world, flow_run_page(world, id, tab, log, cursor, rows), format)


@router.get("/runs/flow-run/{id}/log.txt")
def flow_run_log(world: Served, id: UUID, log: Wanted) -> Response:  # noqa: A002
    """Return the log of a flow run and of its task runs as text."""
    run = world.store.flow_run(id)
    return StreamingResponse(
        text_of(world, LogFilter(flow_run_id=run.id), log),
        media_type="text/plain; charset=utf-8",
        headers={**HEADERS, "Content-Disposition": f'attachment; filename="flow-run-{run.id}.txt"'},
    )


def flow_run_page(
    world: World, run_id: UUID, tab: Tab, log: LogWanted, cursor: str = "", most_rows: int = ROWS
) -> FlowRunPage:
    """Return what the page of a flow run tells. Raises ObjectNotFound."""
    store, now = world.store, world.clock.now()
    run = store.flow_run(run_id)
    live = goes_on(run.state_type, run.state_name)
    story = story_of(store, run, now, most_rows, most_telling=most_rows)
    counts = {
        "task-runs": store.count("task", RunFilter(flow_run_id=run.id)),
        "subflow-runs": store.count("flow", RunFilter(flow_run_id=run.id)),
        "artifacts": store.count_artifacts(of_flow_run(run.id)),
    }
    return FlowRunPage(
        title=f"{run.flow_name} › {run.name}",
        now=now,
        live=live,
        icon=run.state_type or StateType.PENDING,
        run=card(run, now, counts={run.id: counts["task-runs"]}),
        way=way_to(store, run.parent_flow_run_id),
        rows=story.rows,
        left_out=story.left_out,
        more_rows=MOST_ROWS if story.left_out and most_rows < MOST_ROWS else None,
        failed=_failed(world, run),
        traceback=traceback_of(world, run) if run.state_type in _ILL else None,
        again=is_served(run),
        command=command_for(run) if why_not(run) is None else None,
        copied=run.entrypoint is not None and run.state_type in (StateType.COMPLETED, StateType.FAILED),
        tab=tab,
        counts=counts,
        log=log_of(world, LogFilter(flow_run_id=run.id), log, live=live) if tab == "log" else None,
        artifacts=artifacts_of(world, of_flow_run(run.id), MOST) if tab == "artifacts" else (),
        parameters=plain(run),
        history=entries(store.history(run.id)),
        details=details(run),
        **(_listed(world, run, tab, cursor) if tab in ("task-runs", "subflow-runs") else {}),
    )


def _failed(world: World, run: FlowRun) -> list[Card]:
    if run.state_type is StateType.COMPLETED:
        return []
    store, now = world.store, world.clock.now()
    found = store.task_runs(RunFilter(flow_run_id=run.id, state_types=_ILL), limit=MOST_FAILED)
    ids = frozenset(one.child_flow_run_id for one in found if one.child_flow_run_id is not None)
    subflows = {one.id: one for one in store.flow_runs(RunFilter(ids=ids))} if ids else {}
    # What failed in a subflow is to be seen on its own page, and not on that of the task run that stands for it.
    return [card(subflows.get(one.child_flow_run_id or one.id, one), now) for one in found]


def _listed(world: World, run: FlowRun, tab: Tab, cursor: str) -> dict[str, Any]:
    store, now, where = world.store, world.clock.now(), RunFilter(flow_run_id=run.id)
    after = place_of(cursor, OLDEST) if cursor else None
    lister: Any = store.task_runs if tab == "task-runs" else store.flow_runs
    found = lister(where, order=OLDEST, after=after, limit=MOST + 1)
    shown = found[:MOST]
    if tab == "task-runs":
        cards = task_cards(store, shown, now, placed=False)
    else:
        cards = flow_cards(store, shown, now, placed=False)
    return {"runs": cards, "next": cursor_after(shown[-1], OLDEST) if len(found) > MOST else None}
