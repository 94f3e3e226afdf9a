"""All pages, to be taken into an app."""

from __future__ import annotations

from fastapi import APIRouter

from headrace.server.ui import (
    acts,
    as_test,
    concurrency,
    dashboard,
    deleting,
    flow_run,
    flows,
    runs,
    static,
    task_run,
    things,
)


def pages() -> APIRouter:
    """Return the routes of all pages."""
    router = APIRouter()
    for part in (static, dashboard, runs, flow_run, task_run, acts, as_test, deleting, flows, concurrency, things):
        router.include_router(part.router)
    return router
