"""Runs as bars of a chart: each at its time, as high as it is long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headrace.core.records import FlowRun
from headrace.core.state_types import StateType
from headrace.server.ui.cards import lasted

#: How many bars have room beside each other.
SLOTS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A flow run on a chart. `slot` counts from 0, at the left; `height` is its share of the longest one's.

    `duration` is in seconds, None for a run that has not begun.
    """

    id: UUID
    name: str
    state_type: StateType | None
    state_name: str
    created: datetime
    duration: float | None
    slot: int
    height: float


def bars(runs: Sequence[FlowRun], since: datetime, now: datetime) -> list[Bar]:
    """Return at most `SLOTS` runs, given in order of creation, as bars between two moments.

    Bars that would stand in one place stand beside each other, so that none hides another.
    """
    lengths = [lasted(run, now) for run in runs]
    longest = max((length for length in lengths if length is not None), default=0.0) or 1.0
    span = (now - since).total_seconds() or 1.0
    places = _slots([(run.created - since).total_seconds() / span for run in runs])
    return [
        Bar(
            id=run.id,
            name=run.name,
            state_type=run.state_type,
            state_name=run.state_name or "",
            created=run.created,
            duration=length,
            slot=slot,
            height=(length or 0.0) / longest,
        )
        for run, length, slot in zip(runs, lengths, places, strict=True)
    ]


def _slots(shares: Sequence[float]) -> list[int]:
    """Give each share of the width, in rising order, a slot of its own, as near to its place as there is room."""
    taken, free = [0] * len(shares), SLOTS - 1
    for number in reversed(range(len(shares))):
        wanted = min(int(shares[number] * SLOTS), free)
        taken[number] = max(wanted, number)
        free = taken[number] - 1
    return taken
