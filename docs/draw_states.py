"""Draw the diagram of states from the table in `headrace.core.transitions`.

Places of boxes and bends of arrows are ours; which arrows there are is the table's. An arrow that ends, or begins, at a
frame stands for one to, or from, each box in it. An arrow that the table has and this file has no bend for is drawn
straight, so a new one is never left out.

Write the file with ``python docs/draw_states.py``; a test proves that the one in the repository is up to date.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from headrace.core.looks import LOOKS
from headrace.core.state_types import TERMINAL, StateType
from headrace.core.transitions import TRANSITIONS

FILE = Path(__file__).parent / "states.svg"

Point = tuple[float, float]
#: An arrow between two places, each a state type, a frame, or None: the beginning.
Arrow = tuple["StateType | str | None", "StateType | str | None"]

S, P, R, PA, CG = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING
CO, F, CR, CA = StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED

WAY, ENDS = "on the way", "ended"
FRAMES: dict[str, frozenset[StateType]] = {WAY: frozenset({S, P, R, PA}), ENDS: TERMINAL}
#: Left, top, width, height.
FRAME_AT: dict[str, tuple[float, float, float, float]] = {WAY: (56, 30, 568, 356), ENDS: (864, 30, 190, 356)}

WIDTH, HEIGHT = 1078, 404
BOX_WIDTH, BOX_HEIGHT = 134, 50
#: The middle of each box.
AT: dict[StateType, Point] = {
    S: (160, 112),
    P: (160, 304),
    PA: (340, 208),
    R: (528, 208),
    CG: (744, 112),
    CO: (948, 84),
    F: (948, 166),
    CR: (948, 248),
    CA: (948, 330),
}
#: From, first bend, second bend, to: a cubic curve for each arrow that a straight line would draw badly.
CURVES: dict[Arrow, tuple[Point, Point, Point, Point]] = {
    (None, S): ((28, 208), (28, 130), (44, 112), (93, 112)),
    (None, P): ((28, 208), (28, 286), (44, 304), (93, 304)),
    (S, P): ((146, 137), (146, 180), (146, 236), (146, 279)),
    (P, S): ((174, 279), (174, 236), (174, 180), (174, 137)),
    (S, R): ((227, 110), (390, 110), (500, 128), (514, 183)),
    (R, S): ((542, 183), (528, 100), (400, 96), (227, 96)),
    (P, R): ((227, 318), (400, 318), (520, 300), (528, 233)),
    (P, PA): ((227, 296), (290, 290), (318, 270), (326, 233)),
    (PA, S): ((326, 183), (318, 150), (290, 132), (227, 126)),
    (R, PA): ((461, 198), (445, 198), (423, 198), (407, 198)),
    (PA, R): ((407, 218), (423, 218), (445, 218), (461, 218)),
    (S, S): ((120, 87), (112, 48), (168, 48), (160, 87)),
    (P, P): ((120, 329), (112, 368), (168, 368), (160, 329)),
    (R, R): ((595, 198), (620, 186), (620, 230), (595, 218)),
    (CO, CO): ((1015, 72), (1048, 62), (1048, 106), (1015, 96)),
    (WAY, CG): ((624, 112), (640, 112), (660, 112), (677, 112)),
    (WAY, ENDS): ((624, 290), (700, 290), (780, 290), (864, 290)),
    (ENDS, S): ((864, 56), (640, 36), (330, 36), (190, 87)),
    (CG, ENDS): ((811, 112), (830, 112), (846, 112), (864, 112)),
}

STYLE = """
  text { font: 500 14px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; text-anchor: middle; fill: #1f2328; }
  .label { font-size: 12px; font-weight: 400; fill: #59636e; }
  .box { stroke-width: 2; fill: #ffffff; }
  .frame { fill: none; stroke: #8c959f; stroke-width: 1.2; stroke-dasharray: 5 4; }
  .arrow { fill: none; stroke: #6e7781; stroke-width: 1.6; }
  .tip, .begin { fill: #6e7781; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .label { fill: #9198a1; }
    .box { fill: #161b22; }
    .frame { stroke: #6e7681; }
    .arrow { stroke: #9198a1; }
    .tip, .begin { fill: #9198a1; }
  }
"""


def arrows() -> list[Arrow]:
    """Return the arrows to draw: those of the table, drawn together where whole frames are joined."""
    left = {(before, after) for before, afters in TRANSITIONS.items() for after in afters}
    bundled: list[Arrow] = []
    for arrow in _bundles():
        stands_for = set(expanded(arrow))
        if stands_for <= left:
            left -= stands_for
            bundled.append(arrow)
    order = [None, *StateType]
    return [*sorted(left, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))), *bundled]


def _bundles() -> Iterator[Arrow]:
    """Yield arrows that may stand for several, the widest first."""
    yield (WAY, ENDS)
    for state_type in StateType:
        for frame, members in FRAMES.items():
            if state_type not in members:
                yield (frame, state_type)
                yield (state_type, frame)


def expanded(arrow: Arrow) -> Iterable[tuple[StateType | None, StateType]]:
    """Yield the transitions that an arrow stands for."""
    before, after = arrow
    for first in _members(before):
        for second in _members(after):
            assert second is not None, "no arrow leads to the beginning"
            yield first, second


def _members(place: StateType | str | None) -> Iterable[StateType | None]:
    return FRAMES[place] if isinstance(place, str) and not isinstance(place, StateType) else (place,)


def svg() -> str:
    """Return the whole picture."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title">',
        '<title id="title">The types of state of a run, and which may follow which</title>',
        f"<style>{STYLE}</style>",
        *(_frame(name) for name in FRAMES),
        '<circle class="begin" cx="28" cy="208" r="7"/>',
        *(_arrow(arrow) for arrow in arrows()),
        *(_box(state_type) for state_type in AT),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _frame(name: str) -> str:
    left, top, width, height = FRAME_AT[name]
    return (
        f'<rect class="frame" x="{left}" y="{top}" width="{width}" height="{height}" rx="12"/>'
        f'<text class="label" x="{left + width / 2}" y="{top - 9}">{name}</text>'
    )


def _box(state_type: StateType) -> str:
    x, y = AT[state_type]
    left, top = x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2
    box = (
        f'<rect class="box" style="stroke: {LOOKS[state_type].colour}" x="{left}" y="{top}" '
        f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>'
    )
    return f'{box}<text x="{x}" y="{y + 5}">{state_type.value}</text>'


def _arrow(arrow: Arrow) -> str:
    start, bend, other_bend, end = CURVES.get(arrow) or _straight(arrow)
    path = f"M{_xy(start)} C{_xy(bend)} {_xy(other_bend)} {_xy(end)}"
    return f'<path class="arrow" d="{path}"/>{_tip(other_bend, end)}'


def _straight(arrow: Arrow) -> tuple[Point, Point, Point, Point]:
    """Return a line between two boxes, from the edge of one to the edge of the other."""
    (x, y), (to_x, to_y) = (_middle(place) for place in arrow)
    length = math.hypot(to_x - x, to_y - y) or 1.0
    across, down = (to_x - x) / length, (to_y - y) / length
    edge = min(BOX_WIDTH / 2 / abs(across or 1e-9), BOX_HEIGHT / 2 / abs(down or 1e-9))
    start, end = (x + across * edge, y + down * edge), (to_x - across * edge, to_y - down * edge)
    return start, start, (end[0] - across, end[1] - down), end


def _middle(place: StateType | str | None) -> Point:
    if place is None:
        return (28, 208)
    if isinstance(place, StateType):
        return AT[place]
    left, top, width, height = FRAME_AT[place]
    return left + width / 2, top + height / 2


def _tip(bend: Point, end: Point) -> str:
    """Return the head of an arrow that comes from a bend."""
    angle = math.atan2(end[1] - bend[1], end[0] - bend[0])
    wings = [(end[0] - 9 * math.cos(angle + turn), end[1] - 9 * math.sin(angle + turn)) for turn in (0.4, -0.4)]
    return f'<path class="tip" d="M{_xy(end)} L{_xy(wings[0])} L{_xy(wings[1])} Z"/>'


def _xy(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


if __name__ == "__main__":
    FILE.write_text(svg(), encoding="utf-8")
