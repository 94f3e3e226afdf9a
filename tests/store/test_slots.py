"""The arithmetic of slots, with drawn numbers: what a request is told is exact."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from headrace.store import slots
from headrace.store.memory import MemoryStore
from headrace.store.protocol import ConcurrencyLimit, Granted, Queued, SlotRequest

from .making import T0, new_id

MICROSECOND = timedelta(microseconds=1)
decays = st.sampled_from([0.1, 1 / 3, 3.0, 1e-4, 2.5, 100.0]) | st.floats(1e-6, 1e6)
takings = st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.floats(0, 20)), min_size=1, max_size=8)


@given(limit=st.integers(1, 5), decay=decays, takings=takings, occupy=st.integers(1, 5), rate=st.booleans())
@example(limit=1, decay=0.1, takings=[(1, True, 0.0)], occupy=1, rate=True)
def test_who_comes_back_when_told_is_granted_and_not_a_microsecond_earlier(
    limit: int, decay: float, takings: list[tuple[int, bool, float]], occupy: int, rate: bool
) -> None:
    """`retry_at` is the first moment at which there is room, when nobody else does anything."""
    store = MemoryStore()
    store.put_limit(ConcurrencyLimit(name="db", limit=limit, slot_decay_per_second=decay))
    now = T0
    for taken, by_rate, pause in takings:
        other = SlotRequest(ticket=new_id(), names=("db",), occupy=taken, rate=by_rate, lease_seconds=5 + pause)
        if isinstance(store.request_slots(other, now), Queued):
            store.release_slots(other.ticket, now)
        now += timedelta(seconds=pause)
    mine = SlotRequest(ticket=new_id(), names=("db",), occupy=min(occupy, limit), rate=rate, lease_seconds=1e8)
    answer = store.request_slots(mine, now)
    if answer == Granted():
        return
    assert isinstance(answer, Queued)
    assert answer.retry_at is not None
    assert answer.retry_at > now
    early = answer.retry_at - MICROSECOND
    if early >= now:
        assert isinstance(store.request_slots(mine, early), Queued)
    assert store.request_slots(mine, answer.retry_at) == Granted()


@given(decay=decays, steps=st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 3)), max_size=50))
def test_a_level_is_never_below_zero_and_stays_small_to_write(decay: float, steps: list[tuple[int, int]]) -> None:
    """Fractions do not grow with use: their denominators divide that of the decay times a million."""
    limit = slots.put(ConcurrencyLimit(name="db", limit=9, slot_decay_per_second=decay), None)
    now = T0
    for pause, occupy in steps:
        now += pause * MICROSECOND
        limit = limit.taken_by_rate(occupy, now)
        assert limit.level >= occupy
        assert len(str(limit.level)) < 100


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    """Processes may differ in what time it is; a level never rises by that, and never falls twice."""
    limit = slots.put(ConcurrencyLimit(name="db", limit=9, slot_decay_per_second=1), None)
    limit = limit.taken_by_rate(5, T0 + timedelta(seconds=10)).taken_by_rate(1, T0)
    assert limit.level_at == T0 + timedelta(seconds=10)
    assert limit.level_now(T0) == 6


def test_a_moment_beyond_the_calendar_is_unknown() -> None:
    """A decay so slow that no date can say when."""
    store = MemoryStore()
    store.put_limit(ConcurrencyLimit(name="db", limit=1, slot_decay_per_second=1e-300))
    asked = [SlotRequest(ticket=new_id(), names=("db",), rate=True) for _ in range(2)]
    assert [store.request_slots(request, T0) for request in asked] == [Granted(), Queued("db", None)]
