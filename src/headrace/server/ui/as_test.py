"""A flow run as a test: `/runs/flow-run/{id}/as-test`, and the file itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from fastapi import Response
from starlette.exceptions import HTTPException

from headrace.client.as_test import NotATest, copy_as_test
from headrace.core.state_types import StateType
from headrace.drive.world import World
from headrace.server.api.finding import Served
from headrace.server.ui.cards import Card, card
from headrace.server.ui.crumbs import Crumb, way_to
from headrace.server.ui.page import HEADERS, Format, Page, respond
from headrace.server.ui.route import pages

router = pages()


@dataclass(frozen=True, slots=True, kw_only=True)
class AsTestPage(Page):
    """A flow run as the text of a pytest file."""

    template: ClassVar[str] = "as_test"
    section: ClassVar[str] = "runs"

    run: Card
    way: Sequence[Crumb]
    text: str


@router.get("/runs/flow-run/{id}/as-test")
def as_test(world: Served, id: UUID, format: Format = "html") -> Response:  # noqa: A002 - the path's own words
    """Show a flow run as a test."""
    text = _text(world, id)
    run, now = world.store.flow_run(id), world.clock.now()
    page = AsTestPage(
        title=f"{run.name} as a test",
        now=now,
        icon=run.state_type or StateType.PENDING,
        run=card(run, now),
        way=way_to(world.store, run.id),
        text=text,
    )
    return respond(world, page, "html" if format == "live" else format)


@router.get("/runs/flow-run/{id}/test.py")
def as_test_file(world: Served, id: UUID) -> Response:  # noqa: A002
    """Return a flow run as a file of Python."""
    text, name = _text(world, id), f"test_run_{str(id).replace('-', '_')}.py"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/x-python; charset=utf-8", headers=headers)


def _text(world: World, run_id: UUID) -> str:
    try:
        return copy_as_test(world, run_id)
    except NotATest as error:
        raise HTTPException(409, str(error)) from None
