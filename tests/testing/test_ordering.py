"""What came first: told by the order of recording where that is known, else by timestamps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.core.states import State, StateType
from headrace.store.memory import MemoryStore
from headrace.store.protocol import Store
from headrace.testing import Runs
from headrace.testing.ordering import Instant, Stretch

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
