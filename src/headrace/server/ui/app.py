"""All pages, to be taken into an app."""

from __future__ import annotations

from fastapi import APIRouter

from headrace.server.ui import runs, static


def pages() -> APIRouter:
    """Return the routes of all pages."""
    router = APIRouter()
    for part in (static.router, runs.router):
        router.include_router(part)
    return router
