"""What can be asked about runs of either kind: lists, counts, pages, one run, its history; and to remove one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import GenericAlias
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Response

from headrace.exceptions import ObjectNotFound
from headrace.server.api import finding
from headrace.server.api.answers import Page, StateAnswer
from headrace.server.api.errors import NOT_FOUND
from headrace.server.api.finding import NEXT, Served
from headrace.server.api.requests import Which
from headrace.store.protocol import RunKind


@dataclass(frozen=True, slots=True)
class RunRoutes:
    """Makes the routes of one kind: what is asked with, and what a run is answered as."""

    kind: RunKind
    wanted: Any
    page: Any
    answer: Any
    #: What goes when a run is removed.
    goes: str

    def add_to(self, router: APIRouter) -> None:
        """Add the routes."""
        run, runs, answer = f"{self.kind}_run", f"{self.kind}_runs", self.answer
        found, told = f"the {self.kind} runs that fit", f"a {self.kind} run"

        def add(method: str, path: str, name: str, what: str, endpoint: Callable[..., Any], **options: Any) -> None:
            router.add_api_route(path, endpoint, methods=[method], name=name, description=what, **options)

        listing = f"List {found}; the header X-Next-Cursor says where the list goes on."
        add("POST", "/filter", f"read_{runs}", listing, self._filter(), response_model=GenericAlias(list, answer))
        add("POST", "/count", f"count_{runs}", f"Count {found}.", self._count(), response_model=int)
        page, paging = Page.__class_getitem__(answer), f"Return one page of {found}."
        add("POST", "/paginate", f"paginate_{runs}", paging, self._paginate(), response_model=page)
        of_one: dict[str, Any] = {"responses": NOT_FOUND}
        add("GET", "/{id}", f"read_{run}", f"Return one {self.kind} run.", self._read, response_model=answer, **of_one)
        removing = f"Remove {told} with {self.goes}."
        add("DELETE", "/{id}", f"delete_{run}", removing, self._delete, status_code=204, **of_one)
        states = f"Return all states of {told}, in order."
        add("GET", "/{id}/history", f"read_{run}_history", states, self._history, **of_one)

    def _filter(self) -> Callable[..., Any]:
        def endpoint(world: Served, response: Response, wanted: Any = self.wanted()) -> Any:
            runs, rest = finding.find(world, self.kind, wanted)
            if rest is not None:
                response.headers[NEXT] = rest
            return [self.answer.of(run) for run in runs]

        return _asked_with(self.wanted, endpoint)

    def _count(self) -> Callable[..., Any]:
        def endpoint(world: Served, wanted: Any = Which()) -> int:
            return finding.count(world, self.kind, wanted)

        return _asked_with(Which, endpoint)

    def _paginate(self) -> Callable[..., Any]:
        def endpoint(world: Served, wanted: Any = self.page()) -> Any:
            runs, count = finding.page(world, self.kind, wanted)
            return Page.of([self.answer.of(run) for run in runs], count, wanted.limit, wanted.page)

        return _asked_with(self.page, endpoint)

    def _read(self, world: Served, id: UUID) -> Any:  # noqa: A002 - the path's own word
        return self.answer.of(finding.one(world, self.kind, id))

    def _delete(self, world: Served, id: UUID) -> None:  # noqa: A002
        if not world.store.delete(self.kind, id):
            raise ObjectNotFound(f"There is no {self.kind} run {id} in the store.")

    def _history(self, world: Served, id: UUID) -> list[StateAnswer]:  # noqa: A002
        return [StateAnswer.of(state) for state in world.store.history(finding.one(world, self.kind, id).id)]


def _asked_with(shape: Any, endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Let an endpoint be asked with this shape: FastAPI learns it from the annotation."""
    endpoint.__annotations__["wanted"] = Annotated[shape, Body()]
    return endpoint
