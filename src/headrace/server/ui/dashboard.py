"""The dashboard: `/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import ClassVar, Literal

from fastapi import Response

from headrace.core.state_types import StateType
from headrace.drive.world import World
from headrace.server.api.finding import Served
from headrace.server.ui.bars import SLOTS, Bar, bars
from headrace.server.ui.cards import Card, flow_cards, goes_on
from headrace.server.ui.groups import GROUPS, Tab
from headrace.server.ui.page import Format, Page, respond
from headrace.server.ui.ranges import RANGES, Range
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.server.ui.wanted import Text
from headrace.store.conditions import AllOf, Between, Condition, Known, Not, Tagged, one_of
from headrace.store.protocol import NEWEST

router = pages()

#: How many runs are listed, at most, and how many parts the trend of task runs has.
MOST, PARTS = 60, 24
_Tally = Mapping[tuple[StateType, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The listed runs of one flow, the newest first."""

    flow: str
    runs: Sequence[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRuns:
    """How task runs do: how many there are, how many run, and which shares, in percent, completed and failed.

    The trends are how many of those that were created in each part of the range are in such a state now.
    """

    total: int
    running: int
    completed: float
    failed: float
    completed_trend: Sequence[int]
    failed_trend: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardPage(Page):
    """How all does: of the runs that were created since a moment.

    They have the `tag`, if one is given; without `subflows`, flow runs that others started are left out. `counts` are
    of flow runs, by tab; `bars` are the newest of them, from `bars_since` on. `groups` are those of the chosen tab by
    flow, `listed` of them. `empty`: nothing has been recorded at all.
    """

    template: ClassVar[str] = "dashboard"
    section: ClassVar[str] = "dashboard"

    range: Range
    since: datetime
    tag: str
    subflows: bool
    total: int
    counts: Mapping[Tab, int]
    bars: Sequence[Bar]
    bars_since: datetime
    longest: float
    tab: Tab
    groups: Sequence[Group]
    listed: int
    task_runs: TaskRuns
    empty: bool
    store: str

    def feed(self) -> str | None:
        """Return where any state of any run is told."""
        return URLS.feed()


@router.get("/")
def dashboard(
    world: Served,
    range: Range = "24h",  # noqa: A002 - the address's own word
    tab: Tab | None = None,
    tag: Text = "",
    subflows: Literal["show", "hide"] = "show",
    format: Format = "html",  # noqa: A002
) -> Response:
    """Show the dashboard."""
    return respond(world, dashboard_page(world, range, tab, tag.strip(), subflows == "show"), format)


def dashboard_page(world: World, of: Range, tab: Tab | None, tag: str = "", subflows: bool = True) -> DashboardPage:
    """Return what the dashboard tells. Without a tab it is that of failed runs, or else the first that has any."""
    store, now = world.store, world.clock.now()
    since = now - timedelta(hours=RANGES[of][1])
    tagged = (Tagged(tag),) if tag else ()
    alone = () if subflows else (Not(Known("parent_flow_run_id")),)
    recent = AllOf((Between("created", least=since), *tagged, *alone))
    tally = store.tally("flow", recent)
    counts = {name: _sum(tally, types) for name, types in GROUPS.items()}
    with_any: list[Tab] = [name for name in GROUPS if counts[name]]
    chosen = tab or (with_any[0] if with_any else "failed")
    newest = store.flow_runs(recent, order=NEWEST, limit=SLOTS)
    drawn_since = since if len(newest) < SLOTS else newest[-1].created
    drawn = bars(newest[::-1], drawn_since, now)
    groups = _groups(world, AllOf((recent, one_of("state_type", GROUPS[chosen]))), now) if counts[chosen] else []
    end = now + timedelta(microseconds=1)
    task_tallies = store.tallies("task", AllOf(tagged), since, end, PARTS)
    return DashboardPage(
        title="Dashboard",
        now=now,
        live=any(goes_on(*state) for state in chain(tally, *task_tallies)),
        icon=_worst(counts),
        range=of,
        since=since,
        tag=tag,
        subflows=subflows,
        total=sum(tally.values()),
        counts=counts,
        bars=drawn,
        bars_since=drawn_since,
        longest=max((bar.duration or 0.0 for bar in drawn), default=0.0),
        tab=chosen,
        groups=groups,
        listed=sum(len(group.runs) for group in groups),
        task_runs=_task_runs(task_tallies),
        empty=not tally and not any(task_tallies) and not store.flow_runs(limit=1) and not store.task_runs(limit=1),
        store=store.location,
    )


def _sum(tally: _Tally, types: frozenset[StateType]) -> int:
    return sum(count for (type_, _), count in tally.items() if type_ in types)


def _worst(counts: Mapping[Tab, int]) -> StateType:
    if counts["failed"]:
        return StateType.FAILED
    return StateType.RUNNING if counts["running"] else StateType.COMPLETED


def _groups(world: World, where: Condition, now: datetime) -> list[Group]:
    found = world.store.flow_runs(where, order=NEWEST, limit=MOST)
    by_flow: dict[str, list[Card]] = {}
    for card in flow_cards(world.store, found, now, counted=False):
        by_flow.setdefault(card.definition, []).append(card)
    return [Group(flow=flow, runs=runs) for flow, runs in by_flow.items()]


def _task_runs(tallies: Sequence[_Tally]) -> TaskRuns:
    total = sum(sum(tally.values()) for tally in tallies)
    completed, failed, running = (
        [_sum(tally, types) for tally in tallies]
        for types in (GROUPS["completed"], GROUPS["failed"], frozenset({StateType.RUNNING}))
    )
    return TaskRuns(
        total=total,
        running=sum(running),
        completed=100 * sum(completed) / (total or 1),
        failed=100 * sum(failed) / (total or 1),
        completed_trend=completed,
        failed_trend=failed,
    )
