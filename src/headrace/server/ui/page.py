"""What all pages share: their context, and how it becomes an answer, as HTML or as JSON.

Every page has three forms, at one address: HTML; JSON (`?format=json`), the same context for programs; and the part of
the page that changes (`?format=live`), which the script fetches again while something runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from fastapi import Query
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic_core import to_jsonable_python

from headrace.core.state_types import StateType
from headrace.drive.world import World
from headrace.exceptions import StoreError
from headrace.server.ui.rendering import URLS, render

Format = Annotated[Literal["html", "json", "live"], Query()]

#: A page loads its own style, script and icon, and sends forms to where it comes from; nothing else.
#: The policy of referrers is not stricter, because browsers would then hide from us where a form comes from.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page tells. `live` says that something goes on, and that it will look different soon.

    `icon` is the state that the page's icon is of.
    """

    template: ClassVar[str]
    section: ClassVar[str] = ""

    title: str
    now: datetime
    live: bool = False
    icon: StateType = StateType.COMPLETED

    def feed(self) -> str | None:
        """Return where it is told that what the page shows has changed; None where nothing will."""
        return None


def respond(world: World, page: Page, form: Literal["html", "json", "live"] = "html", status: int = 200) -> Response:
    """Return a page in one of its forms."""
    if form == "json":
        return JSONResponse(to_jsonable_python(page), status_code=status, headers=HEADERS)
    if form == "live":
        return HTMLResponse(render(f"_live_{page.template}.html", page), status_code=status, headers=HEADERS)
    text = render(f"{page.template}.html", page, sections(world))
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def sections(world: World) -> list[tuple[str, str]]:
    """Return the pages that all others lead to, with their addresses; of what there is none of, no page."""
    found = [
        ("dashboard", URLS.dashboard()),
        ("runs", URLS.runs()),
        ("flows", URLS.flows()),
        ("concurrency", URLS.concurrency()),
    ]
    try:
        if world.store.artifacts(limit=1):
            found.append(("artifacts", URLS.artifacts()))
        if world.store.variables(limit=1):
            found.append(("variables", URLS.variables()))
    except StoreError:
        pass  # the page says so
    return found
