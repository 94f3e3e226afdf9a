"""The page ``/api/docs``. It needs no script, and loads nothing."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from headrace.pages.assets import asset, policy
from headrace.server.document.reading import read

router = APIRouter(include_in_schema=False)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("headrace.server.document"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    return asset("base.css") + (files("headrace.server.document") / "document.css").read_text(encoding="utf-8")


@router.get("/api/docs")
def read_docs(request: Request) -> HTMLResponse:
    """Return the page."""
    openapi = request.app.openapi()
    page = _environment().get_template("document.html").render(document=read(openapi), style=_style())
    return HTMLResponse(page, headers={"Content-Security-Policy": policy("", _style())})


@router.get("/docs")
def redirect_to_docs() -> RedirectResponse:
    """Lead to the page, from where it is looked for as well."""
    return RedirectResponse("/api/docs")
