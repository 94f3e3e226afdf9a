"""What came first: told by the order of recording where that is known, else by timestamps."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.store.memory import MemoryStore
from headrace.store.protocol import Store
from headrace.testing import Runs
from headrace.testing.ordering import Course, Instant, Stretch, overlaps

ZERO = datetime(2026, 1, 1, tzinfo=UTC)


def instant(seconds: float, place: int | None = None) -> Instant:
    return Instant(ZERO + timedelta(seconds=seconds), place)


@task
def work() -> None: ...


def test_the_memory_store_knows_in_which_order_it_took_states(
    fake_clock: VirtualClock, runs: Runs, run_store: Store
) -> None:
    """Of all runs together, proposed states included."""
    store = run_store
    assert isinstance(store, MemoryStore)

    @flow
    def around() -> None:
        work()
        work()

    around()
    outer, first, second = (store.places(run.id) for run in (runs.flow("around"), *runs.tasks("work")))
    assert sorted([*outer, *first, *second]) == list(range(9))
    assert outer[1] < min(first) < max(first) < min(second) < max(second) < outer[2]
    run = runs.flow("around")
    store.propose("flow", run.id, State(StateType.COMPLETED, "RolledBack"))
    assert store.places(run.id) == (*outer, 9)
    assert store.places(UUID(int=0)) == ()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (instant(0, 1), instant(0, 2), True),
        (instant(0, 2), instant(0, 1), False),
        (instant(5, 1), instant(0, 2), True),
        (instant(0), instant(1), True),
        (instant(1), instant(0), False),
        (instant(0.0005), instant(0), True),
        (instant(0.002), instant(0, 7), False),
    ],
)
def test_places_tell_more_than_timestamps(one: Instant, other: Instant, expected: bool) -> None:
    """Without them, what is a millisecond apart may have come either way."""
    assert one.precedes(other) is expected


def test_stretches_overlap_where_neither_was_over_before_the_other() -> None:
    """From the later beginning to the earlier end; None while both last."""
    first = Stretch(instant(0, 0), instant(10, 5))
    inside, after = Stretch(instant(2, 1), instant(4, 2)), Stretch(instant(10, 6), None)
    open_ended = Stretch(instant(3, 2), None)
    assert first.overlap(inside) == (ZERO + timedelta(seconds=2), ZERO + timedelta(seconds=4))
    assert first.overlap(after) is None
    assert after.overlap(first) is None
    assert after.overlap(open_ended) == (ZERO + timedelta(seconds=10), None)


TICKS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), max_size=12)


@given(TICKS, st.booleans())
def test_all_overlaps_are_found_and_no_others(ticks: list[tuple[int, int]], with_places: bool) -> None:
    """As if each stretch of one group were compared with each of every other."""
    groups: list[list[tuple[int, Course]]] = [[], [], []]
    for who, (group, begin) in enumerate(ticks):
        end = begin + 1 + (who * 7) % 3
        places = (begin * 100 + who, end * 100 + who) if with_places else (None, None)
        stretch = Stretch(instant(begin, places[0]), instant(end, places[1]))
        groups[group].append((who, Course(stretch.begin, stretch.end, (stretch,))))
    found = Counter(frozenset((one, other)) for one, other, *_ in overlaps(groups))
    expected = Counter(
        frozenset((one, other))
        for place, some in enumerate(groups)
        for others in groups[place + 1 :]
        for one, mine in some
        for other, its in others
        if mine.stretches[0].overlap(its.stretches[0])
    )
    assert found == expected
