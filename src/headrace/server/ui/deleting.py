"""Deleting runs, one or several that were selected: first a page that asks, `/runs/delete`, then the deed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from starlette.exceptions import HTTPException

from headrace.core.state_types import StateType
from headrace.drive.world import World
from headrace.exceptions import ObjectNotFound
from headrace.server.api.finding import Served
from headrace.server.ui.acts import FromHere, go
from headrace.server.ui.cards import Card, flow_cards, goes_on, task_cards
from headrace.server.ui.page import Format, Page, respond
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.store.protocol import RunFilter, RunKind

router = pages()

#: How many runs are deleted at a time.
MOST = 200
Ids = Annotated[Sequence[UUID], Query(alias="id", max_length=MOST)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePage(Page):
    """Ask whether runs are to be deleted, with all that goes with them.

    `task_runs` is how many go with flow runs, `subflow_runs` how many that they started stay; `running` of the runs
    have not ended. `back` is the page to go to when it is done.
    """

    template: ClassVar[str] = "delete"
    section: ClassVar[str] = "runs"

    kind: RunKind
    runs: Sequence[Card]
    task_runs: int
    subflow_runs: int
    running: int
    back: str


@router.get("/runs/delete")
def ask_to_delete(
    world: Served,
    ids: Ids = (),
    kind: RunKind = "flow",
    back: str = "",
    format: Format = "html",  # noqa: A002 - the address's own word
) -> Response:
    """Ask whether runs are to be deleted."""
    if not ids:
        raise HTTPException(400, "Nothing was selected: tick the runs that are to be deleted.")
    return respond(world, _page(world, kind, ids, _within(back)), "html" if format == "live" else format)


async def _form(request: Request) -> dict[str, list[str]]:
    return parse_qs((await request.body()).decode(errors="replace"))


@router.post("/runs/delete")
def delete(world: Served, form: Annotated[dict[str, list[str]], Depends(_form)], here: FromHere) -> Response:
    """Remove runs with their histories and log lines, flow runs with their task runs; runs of subflows stay."""
    kind: RunKind = "task" if form.get("kind") == ["task"] else "flow"
    try:
        ids = [UUID(one) for one in form.get("id", [])]
    except ValueError as error:
        raise HTTPException(400, f"That is the id of no run: {error}.") from None
    gone = [world.store.delete(kind, one) for one in ids]
    if not any(gone):
        raise ObjectNotFound(f"There is no {kind} run {', '.join(map(str, ids))} in the store.")
    return go(_within(form.get("back", [""])[0]))


def _within(back: str) -> str:
    """Return an address that is that of a list of runs, and no other: it came from a form."""
    return back if back.startswith("/runs?") else URLS.runs()


def _page(world: World, kind: RunKind, ids: Sequence[UUID], back: str) -> DeletePage:
    store, now, where = world.store, world.clock.now(), RunFilter(ids=frozenset(ids))
    lister: Any = store.flow_runs if kind == "flow" else store.task_runs
    found = lister(where)
    if not found:
        raise ObjectNotFound(f"There is no {kind} run {', '.join(map(str, ids))} in the store.")
    cards = flow_cards(store, found, now) if kind == "flow" else task_cards(store, found, now)
    of_each = [RunFilter(flow_run_id=run.id) for run in found] if kind == "flow" else []
    one = len(found) == 1
    return DeletePage(
        title=f"Delete {found[0].name}?" if one else f"Delete {len(found)} {kind} runs?",
        now=now,
        icon=found[0].state_type if one else StateType.COMPLETED,
        kind=kind,
        runs=cards,
        task_runs=sum(card.task_runs or 0 for card in cards),
        subflow_runs=sum(store.count("flow", where) for where in of_each),
        running=sum(goes_on(run.state_type, run.state_name) for run in found),
        back=back,
    )
