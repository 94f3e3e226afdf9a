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

from headrace.core.states import StateType
from headrace.server.ui.rendering import render

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


def respond(page: Page, form: Literal["html", "json", "live"] = "html", status: int = 200) -> Response:
    """Return a page in one of its forms."""
    if form == "json":
        return JSONResponse(to_jsonable_python(page), status_code=status, headers=HEADERS)
    template = f"_live_{page.template}.html" if form == "live" else f"{page.template}.html"
    return HTMLResponse(render(template, page), status_code=status, headers=HEADERS)
