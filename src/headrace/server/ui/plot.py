"""Runs as dots: when each started, and how long it took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.server.ui.cards import lasted
from headrace.store.protocol import RunKind

#: How many runs a plot has.
MOST = 500
#: What is shorter is drawn as if it took so long, in seconds.
_SHORTEST = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A run on a plot: where it is, from 0 at the left and at the bottom to 1. `duration` is in seconds."""

    id: UUID
    kind: RunKind
    name: str
    state_type: StateType | None
    state_name: str
    start: datetime
    duration: float
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A line across a plot: how long runs on it took, in seconds, and how high it is, from 0 to 1."""

    seconds: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Runs by their start, from `since` to `until`, and by their duration, each tick ten times that below it.

    `all`: these are all runs that there are to show, and not only the newest of them.
    """

    dots: Sequence[Dot]
    ticks: Sequence[Tick]
    since: datetime
    until: datetime
    all: bool


def plot(runs: Sequence[Run], now: datetime, all_: bool) -> Plot | None:
    """Return runs as a plot; None where fewer than two of them have started."""
    begun = [(run, run.start_time, max(lasted(run, now) or 0.0, 0.0)) for run in runs if run.start_time is not None]
    if len(begun) < 2:
        return None
    since, until = min(start for _, start, _ in begun), max(start for _, start, _ in begun)
    heights = [_height(length) for _, _, length in begun]
    low, high = math.floor(min(heights)), math.ceil(max(heights))
    high = max(high, low + 1)
    width = (until - since).total_seconds() or 1.0
    dots = [
        Dot(
            id=run.id,
            kind=run.kind,
            name=run.name,
            state_type=run.state_type,
            state_name=run.state_name or "",
            start=start,
            duration=length,
            x=(start - since).total_seconds() / width,
            y=(height - low) / (high - low),
        )
        for (run, start, length), height in zip(begun, heights, strict=True)
    ]
    ticks = [Tick(seconds=10.0**power, y=(power - low) / (high - low)) for power in range(low, high + 1)]
    return Plot(dots=dots, ticks=ticks, since=since, until=until, all=all_)


def _height(seconds: float) -> float:
    return math.log10(max(seconds, _SHORTEST))
