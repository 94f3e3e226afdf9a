"""What depends on what, as arrows over the rows of a timeline.

An arrow goes down from the end of one bar and right to the beginning of the other. All are in one drawing that lies
over the rows, whose heights are known: places along the axis are shares of it, so zooming needs nothing drawn anew.
Where an end of an arrow is folded away, the row that it is folded into stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from headrace.core.state_types import StateType
from headrace.core.timeline import Row
from headrace.pages.forest import Node
from headrace.pages.timeline import Axis

#: How many are drawn; a row is so many pixels high, and a bar ends so many from its middle.
MOST, HEIGHT, HALF = 1500, 32, 7


class _Place(NamedTuple):
    """Where a row is: `y` is the middle of the row, in pixels, that is seen of it at first."""

    row: Row
    number: int
    y: float


def arrows(nodes: Sequence[Node], axis: Axis) -> str:
    """Draw the arrows between the rows of a forest; nothing where nothing depends on anything."""
    places: dict[UUID, _Place] = {}
    rows = _seen(nodes, places, 0)
    drawn = "".join(_arrow(*ends, axis) for ends in islice(_ends(places), MOST))
    if not drawn:
        return ""
    svg = f'<svg width="100%" height="{rows * HEIGHT}">{drawn}</svg>'
    return f'<div class="arrows" aria-hidden="true"><div>{svg}</div></div>'


def _seen(nodes: Sequence[Node], places: dict[UUID, _Place], rows: int, folded: float | None = None) -> int:
    """Note where rows are that come after so many others; return how many are seen then."""
    for node in nodes:
        y = rows * HEIGHT + HEIGHT / 2 if folded is None else folded
        places[node.row.id] = _Place(node.row, node.number, y)
        rows += folded is None
        rows = _seen(node.within, places, rows, folded if node.opened else y)
    return rows


def _ends(places: dict[UUID, _Place]) -> Iterator[tuple[_Place, _Place]]:
    for after in places.values():
        for one in after.row.upstream:
            before = places.get(one)
            if before is not None and before.number != after.number:
                yield before, after


def _arrow(before: _Place, after: _Place, axis: Axis) -> str:
    end, begin = _extent(before.row)[1] or 0.0, _extent(after.row)[0]
    begin = end if begin is None else begin
    x, to = axis.percent(end), axis.percent(begin)
    start = before.y + (HALF if after.y > before.y else -HALF)
    across = "" if x == to else f'<line x1="{x}" x2="{to}" y1="{after.y:g}" y2="{after.y:g}"/>'
    hidden = ' display="none"' if before.y == after.y else ""
    return (
        f'<g data-from="{before.number}" data-to="{after.number}"{hidden}>'
        f'<line x1="{x}" x2="{x}" y1="{start:g}" y2="{after.y:g}"/>{across}'
        f'<use href="#tip" x="{to}" y="{after.y:g}"/></g>'
    )


def _extent(row: Row) -> tuple[float | None, float | None]:
    """Return where the bar of a run begins and ends, from its first attempt on; (None, None) where it has none."""
    attempts = (segment for segment in row.segments if segment.type is StateType.RUNNING)
    if first := next(attempts, None):
        return first.start, row.segments[-1].end
    return row.offset, None if row.offset is None else row.offset + (row.duration or 0.0)
