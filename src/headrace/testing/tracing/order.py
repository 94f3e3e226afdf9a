"""The order in which things happened in a scene.

What the store in memory took tells it: states, and before which of them lines were logged and faults struck. Of other
stores only moments are known; what happened at the same moment is then sorted by run.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from headrace.core.records import LogRecord
from headrace.core.timeline import one_line
from headrace.pages.trace import Position
from headrace.testing.faults.strikes import Strike
from headrace.testing.lookups import without_traceback
from headrace.testing.tracing.material import NO_TIME, Material, moment, owner

_LONGEST = 160
#: The number of a state in its run's history, a stroke, or a line of a log.
_What = int | Strike | LogRecord


class _Event(NamedTuple):
    """Something that happened, with what it is sorted by: its place in the order, where that is known, its moment."""

    place: float
    at: datetime
    run_id: UUID | None
    what: _What


class Order:
    """All positions of a scene, and what has which: states, strokes of stubs and faults, lines of logs."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self.positions: list[Position] = []
        self.states: dict[tuple[UUID, int], int] = {}
        self.strokes: list[tuple[int, Strike]] = []
        self.lines: list[tuple[int, LogRecord]] = []
        for event in sorted(self._events(), key=lambda event: (event.place, event.at)):
            self._take(event)

    @property
    def last(self) -> int:
        """The last position."""
        return max(len(self.positions) - 1, 0)

    def at(self, second: float) -> int:
        """Return the last position that is not after a second."""
        return max(bisect_right(self.positions, second + NO_TIME, key=lambda position: position.at) - 1, 0)

    def _take(self, event: _Event) -> None:
        latest = self.positions[-1].at if self.positions else 0.0
        at = max(self._material.second(event.at), latest)
        if not isinstance(event.what, LogRecord) or (self.positions and at - latest > NO_TIME):
            self.positions.append(Position(at, self._material.row(event.run_id), self._said(event)))
        if isinstance(event.what, LogRecord):
            self.lines.append((self.last, event.what))
        elif isinstance(event.what, Strike):
            self.strokes.append((self.last, event.what))
        else:
            assert event.run_id is not None, "a state is one of a run"
            self.states[event.run_id, event.what] = self.last

    def _events(self) -> Iterator[_Event]:
        """Yield all that happened. What stands for a subflow is told by that."""
        material, in_order = self._material, self._material.scene.in_order
        for row in material.rows:
            states = material.histories[row.id]
            places = material.store.places(row.id) if in_order else [0] * len(states)
            for number, (state, place) in enumerate(zip(states, places, strict=True)):
                yield _Event(place, moment(state), row.id, number)
        for strike in material.scene.strikes:
            # Between the last state that was there already, whose place is one less than their number, and the next.
            before = strike.after - 0.75 if strike.after is not None and in_order else 0
            yield _Event(before, strike.at, strike.run_id, strike)
        for count, line in material.logs:
            yield _Event(count - 0.5 if in_order else 0, line.timestamp, owner(line), line)

    def _said(self, event: _Event) -> str:
        who = self._material.name(event.run_id)
        if isinstance(event.what, Strike):
            return f"{who or one_line(event.what.run)}: {_short(event.what.what)}"
        if isinstance(event.what, LogRecord):
            return f"{who} says: {_short(without_traceback(event.what.message))}"
        assert event.run_id is not None, "a state is one of a run"
        states, because = self._material.histories[event.run_id], self._material.because[event.run_id]
        before = f"{states[event.what - 1].name} → " if event.what else ""
        return f"{who}: {before}{states[event.what].name}, {because[event.what]}"


def _short(text: str) -> str:
    line = one_line(" ".join(text[: 2 * _LONGEST].split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
