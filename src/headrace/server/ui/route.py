"""A page's route: what goes wrong is told as a page too, in the words that the API has for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from headrace.core.state_types import StateType
from headrace.drive.world import World
from headrace.exceptions import ObjectNotFound, StoreError
from headrace.server.api.errors import answer_refusal
from headrace.server.ui.page import Page, respond

_TITLES = {
    400: "That can't be shown",
    403: "Not from there",
    404: "Not found",
    409: "That can't be done",
    503: "The store does not answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TroublePage(Page):
    """A page that can't be shown, and why."""

    template: ClassVar[str] = "trouble"

    detail: str


class PageRoute(APIRoute):
    """A route that answers with pages, whatever goes wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except ObjectNotFound as error:
                return _trouble(request, 404, str(error))
            except StoreError as error:
                return _trouble(request, 503, str(error))
            except HTTPException as error:
                return _trouble(request, error.status_code, str(error.detail))
            except RequestValidationError as error:
                said = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:3])
                return _trouble(request, 400, said)

        return handled


def pages() -> APIRouter:
    """Return a router for pages, which are no part of the API that the OpenAPI document describes."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def install_trouble(app: FastAPI) -> None:
    """Let an app tell people by a page, too, that there is nothing at an address; programs hear it as everywhere."""

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if not _by_a_person(request):
            return await answer_refusal(request, error)
        return _trouble(request, error.status_code, f"There is nothing to be seen at {request.url.path}.")

    app.add_exception_handler(HTTPException, told)


def _by_a_person(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def _trouble(request: Request, status: int, detail: str) -> Response:
    world: World = request.app.state.world
    now = world.clock.now()
    title = _TITLES.get(status, _TITLES[400])
    form = request.query_params.get("format")
    page = TroublePage(title=title, now=now, detail=detail, icon=StateType.FAILED)
    return respond(world, page, "json" if form == "json" else "html", status)
