"""The flows that have runs: `/flows`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query, Response

from headrace.core.state_types import TERMINAL, StateType
from headrace.drive.world import World
from headrace.server.api.finding import Served
from headrace.server.ui.cards import Card, card, goes_on
from headrace.server.ui.page import Format, Page, respond
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.store.conditions import one_of
from headrace.store.protocol import NEWEST, SeenFlow

router = pages()

#: How many flows a page has, and how many of its latest runs each shows.
MOST, STRIP = 50, 20
Part = Annotated[int, Query(ge=0, le=1_000_000)]
_Tally = Mapping[tuple[StateType, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """A flow: how many runs it has, and which share of those that ended completed, in percent.

    `strip` are its latest runs, the oldest first, and `median` is the duration of those that ended, in seconds. What
    speaks of runs that ended is None where none has.
    """

    id: UUID
    name: str
    latest: datetime
    runs: int
    going: int
    completed: float | None
    median: float | None
    strip: Sequence[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsPage(Page):
    """A part of the flows, the one that ran last first. Parts count from 0; `more`: others follow."""

    template: ClassVar[str] = "flows"
    section: ClassVar[str] = "flows"

    flows: Sequence[FlowRow]
    part: int
    more: bool
    store: str

    def feed(self) -> str | None:
        """Return where any state of any run is told."""
        return URLS.feed()


@router.get("/flows")
def flows(world: Served, part: Part = 0, format: Format = "html") -> Response:  # noqa: A002 - the address's own word
    """Show the flows."""
    return respond(world, flows_page(world, part), format)


def flows_page(world: World, part: int) -> FlowsPage:
    """Return what the page of flows tells."""
    now = world.clock.now()
    found = world.store.flows(limit=MOST + 1, offset=part * MOST)
    rows = [_row(world, flow, now) for flow in found[:MOST]]
    return FlowsPage(
        title="Flows",
        now=now,
        live=any(row.going for row in rows),
        flows=rows,
        part=part,
        more=len(found) > MOST,
        store=world.store.location,
    )


def _row(world: World, flow: SeenFlow, now: datetime) -> FlowRow:
    of_flow = one_of("flow_id", [flow.id])
    tally = world.store.tally("flow", of_flow)
    strip = [card(run, now) for run in reversed(world.store.flow_runs(of_flow, order=NEWEST, limit=STRIP))]
    lengths = [run.duration for run in strip if run.state_type in TERMINAL and run.duration is not None]
    return FlowRow(
        id=flow.id,
        name=flow.name,
        latest=flow.latest,
        runs=sum(tally.values()),
        going=sum(count for state, count in tally.items() if goes_on(*state)),
        completed=_completed(tally),
        median=median(lengths) if lengths else None,
        strip=strip,
    )


def _completed(tally: _Tally) -> float | None:
    ended = sum(count for (type_, _), count in tally.items() if type_ in TERMINAL)
    well = sum(count for (type_, _), count in tally.items() if type_ is StateType.COMPLETED)
    return 100 * well / ended if ended else None
