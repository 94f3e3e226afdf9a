"""What came first: when runs were running, and in which order.

On a virtual clock much happens at the same moment, and the states of a run are a microsecond apart even where no time
passes: timestamps alone do not tell what came first. The memory store knows in which order it took all states; of other
stores only the timestamps are read, to the millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from typing import TypeVar

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import World

Who = TypeVar("Who")

_TOLERANCE = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, and its place in the order of all that was recorded, where that is known."""

    at: datetime
    place: int | None

    def precedes(self, other: Instant) -> bool:
        """Say whether this came before the other, as far as can be told."""
        if self.place is not None and other.place is not None:
            return self.place < other.place
        return self.at <= other.at + _TOLERANCE


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a run was running. `end` is None while it lasts."""

    begin: Instant
    end: Instant | None

    @property
    def key(self) -> tuple[int, datetime]:
        """What stretches of one store are sorted by, so that who began first comes first."""
        return (self.begin.place or 0, self.begin.at)

    def was_over_before(self, other: Stretch) -> bool:
        """Say whether this ended before the other began."""
        return self.end is not None and self.end.precedes(other.begin)

    def overlap(self, other: Stretch) -> tuple[datetime, datetime | None] | None:
        """Return from when until when both were running (None: both still are); None where they never were at once."""
        if self.was_over_before(other) or other.was_over_before(self):
            return None
        ends = [stretch.end.at for stretch in (self, other) if stretch.end is not None]
        begin = max(self.begin.at, other.begin.at)
        return begin, max(min(ends), begin) if ends else None


@dataclass(frozen=True, slots=True)
class Course:
    """What of a run tells the order of things. `begin` is None for a run that never ran, `end` for one that goes on."""

    begin: Instant | None
    end: Instant | None
    stretches: tuple[Stretch, ...]


def course(world: World, run: Run) -> Course:
    """Read when a run was running, and when it ended."""
    states = world.store.history(run.id)
    instants = _instants(world, run, states)
    stretches = [
        Stretch(here, after)
        for state, here, after in zip_longest(states, instants, instants[1:])
        if state.type is StateType.RUNNING
    ]
    ends = (instant for state, instant in zip(states, instants, strict=True) if state.is_final())
    return Course(stretches[0].begin if stretches else None, next(ends, None), tuple(stretches))


def overlaps(
    groups: Sequence[Sequence[tuple[Who, Course]]],
) -> Iterator[tuple[Who, Who, datetime, datetime | None]]:
    """Yield who of one group was running at the same time as somebody of another, since when and until when."""
    stretches = [
        (stretch, group, who)
        for group, some in enumerate(groups)
        for who, course in some
        for stretch in course.stretches
    ]
    stretches.sort(key=lambda entry: entry[0].key)
    for place, (mine, group, one) in enumerate(stretches):
        for its, other_group, other in islice(stretches, place + 1, None):
            if mine.was_over_before(its):
                break  # and so before all that began later
            both = mine.overlap(its) if group != other_group else None
            if both is not None:
                yield one, other, *both


def _instants(world: World, run: Run, states: Sequence[State]) -> list[Instant]:
    asked = getattr(world.store, "places", None)
    places: Sequence[int | None] = asked(run.id) if asked is not None else [None] * len(states)
    return [Instant(_moment(state), place) for state, place in zip(states, places, strict=False)]


def _moment(state: State) -> datetime:
    assert state.timestamp is not None, "a recorded state has its moment"
    return state.timestamp
