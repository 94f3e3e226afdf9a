"""The rows of a timeline as trees, whose branches can be folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from headrace.core.state_types import StateType
from headrace.core.timeline import Row

#: Up to how many rows all subflows are open at first; of more, those that did not complete.
_FEW = 60


@dataclass(slots=True)
class Node:
    """A row, its number, and the rows that lie within it. The run of the whole page has none: they follow it."""

    number: int
    row: Row
    within: list[Node] = field(default_factory=list)
    opened: bool = True


def forest(rows: Sequence[Row]) -> list[Node]:
    """Return the rows as trees: the first, and what it started, each with what that started."""
    top: list[Node] = []
    around: list[Node] = []
    for number, row in enumerate(rows):
        node = Node(number, row)
        del around[max(row.depth - 1, 0) :]
        (around[-1].within if around else top).append(node)
        if row.depth:
            around.append(node)
    _open(top, few=len(rows) <= _FEW)
    return top


def _open(nodes: Sequence[Node], few: bool) -> None:
    for node in nodes:
        node.opened = few or node.row.state_type is not StateType.COMPLETED
        _open(node.within, few)
