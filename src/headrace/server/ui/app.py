"""All pages, to be taken into an app."""

from __future__ import annotations

from fastapi import APIRouter

from headrace.server.ui import acts, flow_run, runs, static, task_run


def pages() -> APIRouter:
    """Return the routes of all pages."""
    router = APIRouter()
    for part in (static.router, runs.router, flow_run.router, task_run.router, acts.router):
        router.include_router(part)
    return router
