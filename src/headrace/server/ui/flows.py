"""The flows that ran lately: `/flows`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar
from uuid import UUID

from fastapi import Response

from headrace.core.records import FlowRun
from headrace.core.states import TERMINAL, StateType
from headrace.drive.world import World
from headrace.server.api.finding import Served
from headrace.server.ui.cards import Card, card, goes_on, lasted
from headrace.server.ui.page import Format, Page, respond
from headrace.server.ui.route import pages
from headrace.store.protocol import NEWEST

router = pages()

#: How many runs are looked at, and how many of them each flow shows.
MOST, STRIP = 1000, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """A flow, by its runs among the newest of all: how many, which share of those that ended completed (in percent),
    and their median duration in seconds; None where none has ended. `strip` are the latest, the oldest first.
    """

    id: UUID
    name: str
    runs: int
    completed: float | None
    median: float | None
    strip: Sequence[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsPage(Page):
    """The flows of the newest runs, `looked_at` of which there were; the flow that ran last comes first."""

    template: ClassVar[str] = "flows"
    section: ClassVar[str] = "flows"

    flows: Sequence[FlowRow]
    looked_at: int
    all: bool
    store: str


@router.get("/flows")
def flows(world: Served, format: Format = "html") -> Response:  # noqa: A002 - the address's own word
    """Show the flows that ran lately."""
    return respond(flows_page(world), format)


def flows_page(world: World) -> FlowsPage:
    """Return what the page of flows tells."""
    found = world.store.flow_runs(order=NEWEST, limit=MOST)
    by_flow: dict[UUID, list[FlowRun]] = {}
    for run in found:
        by_flow.setdefault(run.flow_id, []).append(run)
    return FlowsPage(
        title="Flows",
        now=world.clock.now(),
        live=any(goes_on(run.state_type, run.state_name) for run in found),
        flows=[_row(world, runs) for runs in by_flow.values()],
        looked_at=len(found),
        all=len(found) < MOST,
        store=world.store.location,
    )


def _row(world: World, runs: Sequence[FlowRun]) -> FlowRow:
    now = world.clock.now()
    ended = [run for run in runs if run.state_type in TERMINAL]
    lengths = [length for run in ended if (length := lasted(run, now)) is not None]
    completed = sum(run.state_type is StateType.COMPLETED for run in ended)
    return FlowRow(
        id=runs[0].flow_id,
        name=runs[0].flow_name,
        runs=len(runs),
        completed=100 * completed / len(ended) if ended else None,
        median=median(lengths) if lengths else None,
        strip=[card(run, now) for run in reversed(runs[:STRIP])],
    )
