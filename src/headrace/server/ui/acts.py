"""What can be done about a flow run from its page: forms, sent by POST.

The guards refuse what says that it comes from another site. A form must say where it comes from, too, as every browser
does: what does not is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from headrace.core.states import State, StateType
from headrace.drive.activities import propose
from headrace.exceptions import ObjectNotFound
from headrace.server.api.finding import Served
from headrace.server.ui.cards import Card, card, goes_on
from headrace.server.ui.page import HEADERS, Format, Page, respond
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.store.protocol import RunFilter

router = pages()


def _from_here(request: Request) -> None:
    if "sec-fetch-site" not in request.headers and "origin" not in request.headers:
        raise HTTPException(
            403, "A form must say which page it comes from, by the header Origin. Programs use the API under /api."
        )


FromHere = Annotated[None, Depends(_from_here)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePage(Page):
    """Ask whether a flow run is to be deleted, with all that goes with it."""

    template: ClassVar[str] = "delete"
    section: ClassVar[str] = "runs"

    run: Card
    subflow_runs: int
    runs_still: bool


@router.post("/runs/flow-run/{id}/cancel")
def cancel(world: Served, id: UUID, here: FromHere) -> Response:  # noqa: A002 - the path's own word
    """Ask a flow run to stop; its process notices within a second."""
    propose(world, id, State(StateType.CANCELLING, timestamp=world.clock.now(), message="Cancelled in the browser."))
    return _go(URLS.run("flow", id))


@router.post("/runs/flow-run/{id}/record-cancelled")
def record_cancelled(world: Served, id: UUID, here: FromHere) -> Response:  # noqa: A002
    """Record a flow run as Cancelled that was asked to stop, and whose process is gone."""
    propose(world, id, State(StateType.CANCELLED, timestamp=world.clock.now(), message="Cancelled in the browser."))
    return _go(URLS.run("flow", id))


@router.get("/runs/flow-run/{id}/delete")
def ask_to_delete(world: Served, id: UUID, format: Format = "html") -> Response:  # noqa: A002
    """Ask whether a flow run is to be deleted."""
    store, now = world.store, world.clock.now()
    run = store.flow_run(id)
    page = DeletePage(
        title=f"Delete {run.name}?",
        now=now,
        run=card(run, now, counts={run.id: store.count("task", RunFilter(flow_run_id=run.id))}),
        subflow_runs=store.count("flow", RunFilter(flow_run_id=run.id)),
        runs_still=goes_on(run.state_type, run.state_name),
        icon=run.state_type or StateType.PENDING,
    )
    return respond(page, "html" if format == "live" else format)


@router.post("/runs/flow-run/{id}/delete")
def delete(world: Served, id: UUID, here: FromHere) -> Response:  # noqa: A002
    """Remove a flow run with its task runs, histories and log lines; runs of subflows stay."""
    if not world.store.delete("flow", id):
        raise ObjectNotFound(f"There is no flow run {id} in the store.")
    return _go(URLS.runs())


def _go(address: str) -> Response:
    return RedirectResponse(address, 303, headers=HEADERS)
