"""The timeline of one run: its rows as a tree, what depends on what as arrows, the axis and the legend around them.

What a flow run started lies within it and can be folded away. Each name leads to the page of its run. The script
`timeline.js` adds zooming; without it all is there, drawn for the rows as they are folded at first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.core.timeline import Row
from headrace.pages import timeline
from headrace.pages.arrows import arrows
from headrace.pages.forest import Node, forest
from headrace.pages.timeline import CHUNK, Axis

_DEEPEST = 8


def chart(rows: Sequence[Row], address: Callable[[Row], str]) -> str:
    """Draw the timeline of the run whose row is the first; `address` tells where the page of a run is."""
    axis = Axis(max([segment.end for row in rows for segment in row.segments], default=0.0))
    nodes = forest(rows)
    words = "".join(f"<span>{word}</span>" for word in ("run", "state"))
    words += "".join(f'<span class="n">{word}</span>' for word in ("attempts", "start", "took"))
    return (
        f'<div class="chart" data-span="{axis.span}"><div class="rows" tabindex="0" role="region" '
        f'aria-label="Timeline, {len(rows)} rows"><div class="head">{words}'
        f'<div class="axis">{timeline.axis(axis)}</div></div>'
        f'<div class="laid">{_chunks([_drawn(node, axis, address) for node in nodes])}{arrows(nodes, axis)}</div>'
        f'</div><div class="pan" hidden><div><i></i></div></div></div>{timeline.legend(rows)}'
    )


def _chunks(drawn: Sequence[str]) -> str:
    parts = (drawn[first : first + CHUNK] for first in range(0, len(drawn), CHUNK))
    return "".join(f'<div class="chunk{" full" if len(part) == CHUNK else ""}">{"".join(part)}</div>' for part in parts)


def _drawn(node: Node, axis: Axis, address: Callable[[Row], str]) -> str:
    row, within = node.row, node.within
    bar = f'<span class="bar" aria-hidden="true">{timeline.bar(row, axis)}</span>'
    line = timeline.cells(row, address(row)) + bar
    name = f'class="run {row.kind} d{min(row.depth, _DEEPEST)}{" opened" if within and node.opened else ""}"'
    if not within:
        return f'<div {name} id="row-{node.number}"><div class="line">{line}</div></div>\n'
    inside = "".join(_drawn(one, axis, address) for one in within)
    opened = " open" if node.opened else ""
    return f'<details {name} id="row-{node.number}"{opened}><summary class="line">{line}</summary>{inside}</details>\n'
