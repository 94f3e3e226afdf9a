"""A timeline as markup: one row for each run, its bar drawn as SVG on a common axis.

The same rows as on a terminal (`headrace.core.timeline`), and the same rule: nothing is told by colour alone. Waits are
lines, each kind dashed in its own way; attempts are blocks; one that failed is hatched and has a cross below its end.
Needs `timeline.css`, and once on each page the `DEFINITIONS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal
from uuid import UUID

from headrace.core.looks import LOOKS
from headrace.core.state_types import StateType
from headrace.core.timeline import Row, Segment, seconds_text

#: Shapes that bars refer to.
DEFINITIONS = """<svg class="definitions" aria-hidden="true" width="0" height="0"><defs>
<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect class="hatch-back" width="5" height="5"/><rect class="hatch-line" width="2" height="5"/></pattern>
<path id="tip" d="M0 0 L-6 -3.5 V3.5 Z"/>
<path id="cross" d="M-3 -3 L3 3 M-3 3 L3 -3"/>
<path id="fault" d="M-4.5 0 H4.5 L0 6.5 Z"/>
</defs></svg>"""
#: How many rows are laid out together, where they come into sight.
CHUNK = 100
_DEEPEST = 8
#: Steps of an axis, in seconds: whole ones of each unit.
_STEPS = [
    *(m * 10**e for e in range(-6, 1) for m in (1, 2, 5)),
    *(10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(h * 3600 for h in (1, 2, 3, 6, 12)),
]
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Mark:
    """Something to be seen on a bar: a fault that struck at `start`, or a wait for slots from there to `end`."""

    kind: Literal["fault", "slot"]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Axis:
    """What the bars are drawn on: from 0 to `span`, in seconds, or, where no time passed, in steps of the history."""

    span: float
    unit: Literal["seconds", "steps"] = "seconds"

    def percent(self, value: float) -> str:
        """Return where a value is on the axis."""
        share = min(max(value / self.span, 0.0), 1.0) if self.span else 0.0
        return f"{share * 100:.5f}".rstrip("0").rstrip(".") + "%"

    def ticks(self) -> list[tuple[float, str]]:
        """Return round values, four to ten of them, with what to write there."""
        if self.unit == "steps":
            return [(0.0, "begin"), (self.span, "end")]
        if not self.span:
            return [(0.0, "0 s")]
        step = next((step for step in _STEPS if self.span / step <= 6), None) or _days(self.span)
        count = int(self.span / step + 1e-9)
        return [(n * step, _round_text(n * step)) for n in range(count + 1)]


def _round_text(seconds: float) -> str:
    """Write a round number of seconds in one unit where that will do: ``15m``."""
    return re.sub(r" 00[smh]$", "", seconds_text(seconds))


def _days(span: float) -> float:
    step = _DAY
    while span / step > 6:
        step *= 2
    return step


def axis(axis: Axis) -> str:
    """Draw the axis: its ticks, with their labels."""
    ticks = axis.ticks()
    parts = [
        f'<svg x="{axis.percent(at)}" overflow="visible"><line y1="14" y2="22"/>'
        f'<text y="10" class="{_place(at, axis.span)}">{escape(text)}</text></svg>'
        for at, text in ticks
    ]
    return f'<svg class="ticks" aria-hidden="true" width="100%" height="22">{"".join(parts)}</svg>'


def _place(at: float, span: float) -> str:
    """Say how the label of a tick lies, so that none leaves the page."""
    share = at / span if span else 0.0
    return "first" if share < 0.04 else "last" if share > 0.93 else ""


def timeline(
    rows: Sequence[Row],
    axis: Axis,
    body: Callable[[int, Row], str],
    marks: Mapping[UUID, Sequence[Mark]] | None = None,
    prefix: str = "run-",
) -> str:
    """Draw rows, each a `details` element with the id `<prefix><number>`, whose inside is what `body` returns."""
    marks = marks or {}
    drawn = [
        _row(number, row, axis, body(number, row), marks.get(row.id, ()), prefix) for number, row in enumerate(rows)
    ]
    return "\n".join(_chunk(drawn[first : first + CHUNK]) for first in range(0, len(drawn), CHUNK))


def _chunk(rows: Sequence[str]) -> str:
    return f'<div class="chunk{" full" if len(rows) == CHUNK else ""}">\n{"".join(rows)}</div>'


def _row(number: int, row: Row, axis: Axis, body: str, marks: Sequence[Mark], prefix: str) -> str:
    depth = min(row.depth, _DEEPEST)
    return f"""<details class="run {row.kind} d{depth}" id="{prefix}{number}">
<summary class="line">{cells(row)}<span class="bar" aria-hidden="true">{bar(row, axis, marks)}</span></summary>
{body}</details>
"""


def cells(row: Row, address: str | None = None) -> str:
    """Write what there is to read of a row: its name, which leads to the address if there is one, state and times."""
    start, took = seconds_text(row.offset), seconds_text(row.duration)
    name = f"<b>{escape(row.name)}</b>"
    name = f'<a href="{escape(address)}">{name}</a>' if address else name
    return (
        f'<span class="name"><span class="unseen">{row.kind} run </span>{name}{_definition(row)}</span>'
        f"{state(row.state_type, row.state_name)}"
        f'<span class="n attempts"><span class="unseen">attempts: </span>{row.attempts}</span>'
        f'<span class="n start"><span class="unseen">start: </span>{start}</span>'
        f'<span class="n took"><span class="unseen">took: </span>{took}</span>'
    )


def _definition(row: Row) -> str:
    """Return the name of the flow or task where that of the run does not tell it."""
    return "" if row.definition in row.name else f" <small>{escape(row.definition)}</small>"


def state(type_: StateType | None, name: str) -> str:
    """Write a state: its sign and its name, in its colour."""
    if type_ is None:
        return '<span class="state"><i aria-hidden="true"></i><b></b></span>'
    sign = LOOKS[type_].symbol
    return f'<span class="state s-{type_}"><i aria-hidden="true">{sign}</i><b>{escape(name)}</b></span>'


def bar(row: Row, axis: Axis, marks: Sequence[Mark] = ()) -> str:
    """Draw one bar: waits first, attempts over them, and what else there is to see on top."""
    return f'<svg width="100%" height="28">{"".join(_shapes(row, axis, marks))}</svg>'


def _shapes(row: Row, axis: Axis, marks: Sequence[Mark]) -> Iterator[str]:
    attempts = [segment for segment in row.segments if segment.type is StateType.RUNNING]
    for segment in row.segments:
        if segment.type is not StateType.RUNNING and segment.end > segment.start:
            yield _wait(segment, axis)
    for segment in attempts:
        yield _attempt(segment, axis, row.kind)
    for mark in marks:
        if mark.kind == "slot":
            x, width = axis.percent(mark.start), axis.percent(mark.end - mark.start)
            yield f'<rect class="held" x="{x}" y="9" width="{width}" height="10"/>'
            yield _line("slot", mark.start, mark.end, axis)
    for segment in attempts:
        if segment.failing:
            yield f'<use class="cross" href="#cross" x="{axis.percent(segment.end)}" y="24"/>'
    for mark in marks:
        if mark.kind == "fault":
            yield f'<use class="fault" href="#fault" x="{axis.percent(mark.start)}" y="0"/>'


def _wait(segment: Segment, axis: Axis) -> str:
    named = _named(segment)
    name = {"slot": "slot", "SCHEDULED": "wait due s-SCHEDULED"}.get(named, f"wait s-{segment.type}")
    return _line(name, segment.start, segment.end, axis)


def _line(name: str, start: float, end: float, axis: Axis) -> str:
    return f'<line class="{name}" x1="{axis.percent(start)}" x2="{axis.percent(end)}" y1="14" y2="14"/>'


def _attempt(segment: Segment, axis: Axis, kind: str) -> str:
    # One that took no time is as wide as its outline; a width of nothing would not be drawn at all. Those of flows are
    # narrow: what they span is drawn below them.
    x, width = axis.percent(segment.start), axis.percent(segment.end - segment.start)
    shown = "0.1" if width == "0%" else width
    y, height = (11, 6) if kind == "flow" else (7, 14)
    name = "attempt failing" if segment.failing else "attempt"
    return f'<rect class="{name}" x="{x}" y="{y}" width="{shown}" height="{height}"/>'


_LEGEND = {
    "PENDING": ('<line class="wait s-PENDING" x1="0" x2="22" y1="14" y2="14"/>', "pending"),
    "SCHEDULED": ('<line class="wait due s-SCHEDULED" x1="0" x2="22" y1="14" y2="14"/>', "waits to begin"),
    "retry": ('<line class="wait s-SCHEDULED" x1="0" x2="22" y1="14" y2="14"/>', "waits for a retry"),
    "slot": ('<line class="slot" x1="0" x2="22" y1="14" y2="14"/>', "waits for a slot"),
    "PAUSED": ('<line class="wait s-PAUSED" x1="0" x2="22" y1="14" y2="14"/>', "paused"),
    "CANCELLING": ('<line class="wait s-CANCELLING" x1="0" x2="22" y1="14" y2="14"/>', "asked to stop"),
    "RUNNING": ('<rect class="attempt" x="1" y="7" width="20" height="14"/>', "attempt"),
    "failing": (
        '<rect class="attempt failing" x="1" y="7" width="20" height="14"/>'
        '<use class="cross" href="#cross" x="21" y="24"/>',
        "failed attempt",
    ),
    "fault": ('<use class="fault" href="#fault" x="11" y="11"/>', "stub or fault"),
}


def legend(rows: Sequence[Row], marks: Mapping[UUID, Sequence[Mark]] | None = None) -> str:
    """Explain the shapes that occur."""
    seen = {_named(segment) for row in rows for segment in row.segments}
    seen |= {mark.kind for some in (marks or {}).values() for mark in some}
    entries = [
        f'<li><svg aria-hidden="true" width="22" height="28">{shape}</svg>{said}</li>'
        for name, (shape, said) in _LEGEND.items()
        if name in seen
    ]
    return f'<ul class="legend" aria-label="Legend">{"".join(entries)}</ul>'


def _named(segment: Segment) -> str:
    if segment.name == "AwaitingConcurrencySlot":
        return "slot"
    if segment.name == "AwaitingRetry":
        return "retry"
    return "failing" if segment.failing else segment.type.value
