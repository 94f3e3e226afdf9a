"""What can be done about a flow run from its page: forms, sent by POST. (Deleting is in `deleting.py`.)

The guards refuse what says that it comes from another site. A form must say where it comes from, too, as every browser
does: what does not is refused here.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from headrace.client.retrying import ask_for_retry
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.activities import propose
from headrace.exceptions import NotRetriable
from headrace.server.api.finding import Served
from headrace.server.ui.page import HEADERS
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages

router = pages()


def _from_here(request: Request) -> None:
    if "sec-fetch-site" not in request.headers and "origin" not in request.headers:
        raise HTTPException(
            403, "A form must say which page it comes from, by the header Origin. Programs use the API under /api."
        )


FromHere = Annotated[None, Depends(_from_here)]


@router.post("/runs/flow-run/{id}/cancel")
def cancel(world: Served, id: UUID, here: FromHere) -> Response:  # noqa: A002 - the path's own word
    """Ask a flow run to stop; its process notices within a second."""
    propose(world, id, State(StateType.CANCELLING, timestamp=world.clock.now(), message="Cancelled in the browser."))
    return go(URLS.run("flow", id))


@router.post("/runs/flow-run/{id}/record-cancelled")
def record_cancelled(world: Served, id: UUID, here: FromHere) -> Response:  # noqa: A002
    """Record a flow run as Cancelled that was asked to stop, and whose process is gone."""
    propose(world, id, State(StateType.CANCELLED, timestamp=world.clock.now(), message="Cancelled in the browser."))
    return go(URLS.run("flow", id))


@router.post("/runs/flow-run/{id}/retry")
def retry(world: Served, id: UUID, here: FromHere) -> Response:  # noqa: A002
    """Ask whoever serves the deployment of a flow run to run it again."""
    try:
        ask_for_retry(world, id)
    except NotRetriable as error:
        raise HTTPException(409, str(error)) from None
    return go(URLS.run("flow", id))


def go(address: str) -> Response:
    """Lead to a page after something was done."""
    return RedirectResponse(address, 303, headers=HEADERS)
