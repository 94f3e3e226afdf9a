"""The list of runs: `/runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import Response

from headrace.core.state_types import StateType
from headrace.drive.world import World
from headrace.server.api.cursors import cursor_after, place_of
from headrace.server.api.finding import Served
from headrace.server.ui.cards import Card, flow_cards, goes_on, task_cards
from headrace.server.ui.page import Format, Page, respond
from headrace.server.ui.plot import MOST as MOST_DOTS
from headrace.server.ui.plot import Plot, plot
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.server.ui.wanted import RunsWanted, Wanted
from headrace.store.protocol import NEWEST, RunKind

router = pages()

#: How many runs a page holds.
MOST = 30
_OTHER: Mapping[RunKind, RunKind] = {"flow": "task", "task": "flow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCount:
    """How many runs are in states of a type. `chosen`: the list shows these alone."""

    type: StateType
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsPage(Page):
    """The runs that are wanted: a part of the list, and how many there are of each kind and in each state.

    `plot` is of the newest runs that are wanted, whatever the order of the list, and of the first part of it alone.
    `empty`: nothing has been recorded at all, in the store that is called `store`. `next` is the cursor of the list's
    next part, None at its end.
    """

    template: ClassVar[str] = "runs"
    section: ClassVar[str] = "runs"

    wanted: RunsWanted
    counts: Mapping[RunKind, int]
    states: Sequence[StateCount]
    found: int
    plot: Plot | None
    cards: Sequence[Card]
    next: str | None
    empty: bool
    store: str

    def feed(self) -> str | None:
        """Return where any state of any run is told."""
        return URLS.feed()


@router.get("/runs")
def runs(world: Served, wanted: Wanted, format: Format = "html") -> Response:  # noqa: A002 - the address's own word
    """Show the list of runs."""
    return respond(world, runs_page(world, wanted), format)


def runs_page(world: World, wanted: RunsWanted) -> RunsPage:
    """Return what the list of runs tells."""
    store, now, kind = world.store, world.clock.now(), wanted.kind
    tally = store.tally(kind, wanted.condition(of_state=False))
    other = _OTHER[kind]
    counts = {kind: sum(tally.values()), other: store.count(other, wanted.condition(of_state=False, kind=other))}
    shown, rest = _part(world, wanted)
    return RunsPage(
        title="Flow runs" if kind == "flow" else "Task runs",
        now=now,
        live=any(goes_on(*state) for state in tally),
        icon=next((type_ for type_, _ in tally if type_ is StateType.RUNNING), StateType.COMPLETED),
        wanted=wanted,
        counts={"flow": counts["flow"], "task": counts["task"]},
        states=_states(tally, wanted),
        found=sum(count for state, count in tally.items() if not wanted.state or _is(wanted.state, *state)),
        plot=_plot(world, wanted) if not wanted.cursor else None,
        cards=flow_cards(store, shown, now) if kind == "flow" else task_cards(store, shown, now),
        next=rest,
        empty=not any(counts.values()) and not wanted.filtered,
        store=store.location,
    )


def _part(world: World, wanted: RunsWanted) -> tuple[list[Any], str | None]:
    order = wanted.order
    after = place_of(wanted.cursor, order) if wanted.cursor else None
    lister: Any = world.store.flow_runs if wanted.kind == "flow" else world.store.task_runs
    found = lister(wanted.condition(), order=order, after=after, limit=MOST + 1)
    shown = found[:MOST]
    return shown, cursor_after(shown[-1], order) if len(found) > MOST else None


def _plot(world: World, wanted: RunsWanted) -> Plot | None:
    lister: Any = world.store.flow_runs if wanted.kind == "flow" else world.store.task_runs
    found = lister(wanted.condition(), order=NEWEST, limit=MOST_DOTS + 1)
    return plot(found[:MOST_DOTS], world.clock.now(), len(found) <= MOST_DOTS)


def _states(tally: Mapping[tuple[StateType, str], int], wanted: RunsWanted) -> list[StateCount]:
    counts: dict[StateType, int] = {}
    for (type_, _), count in tally.items():
        counts[type_] = counts.get(type_, 0) + count
    asked = wanted.state.upper()
    return [
        StateCount(type=type_, count=counts.get(type_, 0), chosen=asked == type_)
        for type_ in StateType
        if type_ in counts or asked == type_
    ]


def _is(asked: str, type_: StateType, name: str) -> bool:
    return asked.upper() == type_ or asked == name
