"""The app: the API and the pages, guarded, over the store of one world."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from headrace._version import __version__
from headrace.drive.world import World
from headrace.server.api import artifacts, events, flow_runs, limits, others, reporting, task_runs, variables
from headrace.server.api.errors import INVALID, REFUSED, install_errors
from headrace.server.document import page as document
from headrace.server.guards import LOOPBACK, Guards
from headrace.server.ui.app import pages
from headrace.server.ui.route import install_trouble

_DESCRIPTION = """
What was recorded of flow runs and task runs, and what can be done about it.

Lists are asked for by `POST …/filter`: a filter for each kind of thing around, an order, and a part: at most 200 at a
time, further ones by the `cursor` that the header `X-Next-Cursor` of the last answer gave, which costs the same however
deep the list is, or by `offset`. Moments are ISO 8601 in UTC, times are in seconds. Every error has one shape.
"""


def create_app(world: World, *, hosts: Collection[str] = LOOPBACK, auth: str | None = None, ui: bool = True) -> FastAPI:
    """Return the app that serves the store of a world.

    `hosts` are the names and addresses that it answers for; none: whichever it is asked by. `auth` is what every
    request must authenticate with; None: nothing, which is only safe where nobody else can reach it. Without `ui` there
    are no pages, the API alone.
    """
    app = FastAPI(
        title="headrace",
        version=__version__,
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation,
        separate_input_output_schemas=False,
    )
    app.state.world = world
    app.include_router(_api())
    app.include_router(document.router)
    install_errors(app)
    if ui:
        app.include_router(pages())
        install_trouble(app)
    app.add_middleware(Guards, hosts=hosts, auth=auth)
    return app


def _api() -> APIRouter:
    api = APIRouter(prefix="/api", responses={**REFUSED, **INVALID})
    runs = (flow_runs.flows, flow_runs.router, task_runs.router, others.logs)
    things = (limits.router, artifacts.router, variables.router, events.router, others.server)
    for router in (*runs, *things, reporting.router):
        api.include_router(router)
    return api


def _operation(route: APIRoute) -> str:
    return route.name
