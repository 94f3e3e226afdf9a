"""What every store promises of concurrency limits: who gets slots, when, and for how long."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from headrace.store.protocol import (
    ConcurrencyLimit,
    Granted,
    Impossible,
    Lease,
    Queued,
    SlotAnswer,
    SlotRequest,
    Store,
)

from .making import T0, at, new_id


def limited(store: Store, name: str = "db", limit: int = 1, decay: float = 0.0, active: bool = True) -> None:
    """Put a limit."""
    store.put_limit(ConcurrencyLimit(name=name, limit=limit, slot_decay_per_second=decay, active=active))


def ask(
    store: Store,
    ticket: UUID,
    now: datetime = T0,
    *names: str,
    occupy: int = 1,
    lease: float = 60,
    rate: bool = False,
) -> SlotAnswer:
    """Ask for slots, of the limit `db` if none is named."""
    request = SlotRequest(
        ticket=ticket, names=names or ("db",), occupy=occupy, lease_seconds=lease, holder="tests", rate=rate
    )
    return store.request_slots(request, now)


def taken(store: Store, now: datetime = T0, name: str = "db") -> float:
    """Return how many slots are taken."""
    limit = store.limit(name, now)
    assert limit is not None
    return limit.active_slots


def test_a_limit_is_read_as_it_was_put(store: Store) -> None:
    """By name or all of them, in the order of names; replaced by putting it again, and gone when deleted."""
    limited(store, "b", 5)
    limited(store, "a", 2, decay=0.5, active=False)
    a = ConcurrencyLimit(name="a", limit=2, slot_decay_per_second=0.5, active=False)
    assert store.limits(T0) == [a, ConcurrencyLimit(name="b", limit=5)]
    limited(store, "b", 7)
    assert store.limit("b", T0) == ConcurrencyLimit(name="b", limit=7)
    assert [store.delete_limit("b"), store.delete_limit("b")] == [True, False]
    assert store.limit("b", T0) is None


@pytest.mark.parametrize("wrong", [{"limit": -1}, {"decay": -0.1}, {"decay": float("inf")}, {"decay": float("nan")}])
def test_a_senseless_limit_is_refused(store: Store, wrong: dict[str, float]) -> None:
    """The error names the limit, and nothing is put."""
    with pytest.raises(ValueError, match="'db'"):
        limited(store, **wrong)
    assert store.limits(T0) == []


def test_slots_are_granted_until_there_are_none_left(store: Store) -> None:
    """The next one waits, and is told what for."""
    limited(store, limit=3)
    one, two = new_id(), new_id()
    assert ask(store, one, occupy=2) == Granted()
    assert ask(store, two, occupy=2, lease=30) == Queued("db", retry_at=at(60))
    assert taken(store) == 2
    assert store.leases("db", T0) == [
        Lease(one, "db", 2, "tests", None, T0, at(60)),
        Lease(two, "db", 2, "tests", None, T0, at(30), waiting=True),
    ]


def test_released_slots_go_to_who_came_first(store: Store) -> None:
    """Not to who asks first: a ticket that arrived earlier keeps its place."""
    limited(store)
    holder, first, second = new_id(), new_id(), new_id()
    ask(store, holder)
    for ticket in (first, second):
        assert isinstance(ask(store, ticket, at(1)), Queued)
    store.release_slots(holder, at(2))
    assert ask(store, second, at(3)) == Queued("db", retry_at=at(61))
    assert ask(store, first, at(3)) == Granted()
    assert [lease.ticket for lease in store.leases("db", at(3))] == [first, second]


def test_a_small_wish_does_not_overtake_a_large_one(store: Store) -> None:
    """What would fit waits behind what does not, or the large one might starve."""
    limited(store, limit=2)
    holder, large, small = new_id(), new_id(), new_id()
    ask(store, holder)
    ask(store, large, occupy=2)
    assert isinstance(ask(store, small), Queued)
    store.release_slots(large, at(1))
    assert ask(store, small, at(1)) == Granted()


def test_a_ticket_holds_once(store: Store) -> None:
    """Asking again with a ticket that holds is granted, takes no more, and renews."""
    limited(store, limit=2)
    ticket = new_id()
    assert [ask(store, ticket, at(seconds)) for seconds in (0, 50)] == [Granted(), Granted()]
    assert taken(store, at(100)) == 1
    assert taken(store, at(110)) == 0


def test_a_lease_expires_unless_it_is_renewed(store: Store) -> None:
    """At its last moment exactly; and what was lost is not among those renewed."""
    limited(store, limit=2)
    kept, lost = new_id(), new_id()
    ask(store, kept)
    ask(store, lost)
    assert store.renew_slots([kept, new_id()], 60, at(59)) == {kept}
    assert taken(store, at(60)) == 1
    assert store.renew_slots([kept, lost], 60, at(60)) == {kept}
    assert [lease.ticket for lease in store.leases("db", at(61))] == [kept]


def test_a_waiting_ticket_is_not_renewed(store: Store) -> None:
    """Only asking again keeps a place."""
    limited(store)
    waiting = new_id()
    ask(store, new_id())
    ask(store, waiting)
    assert store.renew_slots([waiting], 60, at(1)) == set()


def test_a_place_is_lost_when_nobody_asks(store: Store) -> None:
    """A ticket of a dead process blocks the queue for its `lease_seconds` and no longer."""
    limited(store)
    holder, dead, alive = new_id(), new_id(), new_id()
    ask(store, holder)
    ask(store, dead, lease=10)
    ask(store, alive, at(1))
    store.release_slots(holder, at(2))
    assert ask(store, alive, at(2)) == Queued("db", retry_at=at(10))
    assert ask(store, alive, at(10)) == Granted()


def test_asking_again_keeps_the_place(store: Store) -> None:
    """And moves its end, not its beginning."""
    limited(store)
    ask(store, new_id(), lease=1000)
    waiting, later = new_id(), new_id()
    ask(store, waiting, at(0))
    ask(store, later, at(5))
    ask(store, waiting, at(50))
    lease = store.leases("db", at(61))[1]
    assert (lease.ticket, lease.since, lease.expires_at) == (waiting, at(0), at(110))


def test_an_expired_lease_makes_room(store: Store) -> None:
    """`retry_at` is its expiry, and asking then is granted."""
    limited(store)
    ask(store, new_id(), lease=7)
    ticket = new_id()
    answer = ask(store, ticket, at(1))
    assert answer == Queued("db", retry_at=at(7))
    assert ask(store, ticket, at(6.999999)) == Queued("db", retry_at=at(7))
    assert ask(store, ticket, at(7)) == Granted()


def test_slots_of_several_limits_are_taken_all_or_none(store: Store) -> None:
    """One that is full holds up the others, which stay free of it."""
    limited(store, "a", 5)
    limited(store, "b", 1)
    ask(store, new_id(), T0, "b")
    assert ask(store, new_id(), T0, "a", "b") == Queued("b", retry_at=at(60))
    assert taken(store, name="a") == 0
    assert ask(store, new_id(), T0, "a", "a") == Queued("a", retry_at=at(60))


def test_limits_that_are_missing_or_not_active_are_passed_over(store: Store) -> None:
    """Missing ones are named; a ticket that took nothing can be renewed all the same."""
    limited(store, "off", 0, active=False)
    ticket = new_id()
    assert ask(store, ticket, T0, "off", "none", occupy=3) == Granted(missing=("none",))
    assert taken(store, name="off") == 0
    assert store.renew_slots([ticket], 60, at(1)) == {ticket}
    limited(store, "full")
    ask(store, new_id(), T0, "full")
    assert ask(store, new_id(), T0, "none", "full") == Queued("full", at(60), missing=("none",))


def test_what_can_never_be_granted_is_said_at_once(store: Store) -> None:
    """Above the limit, or a rate of a limit without decay; no place is kept."""
    limited(store, limit=2)
    too_much = ask(store, new_id(), T0, "db", "none", occupy=3)
    assert isinstance(too_much, Impossible)
    assert (too_much.name, too_much.limit, too_much.missing) == ("db", 2, ("none",))
    rate = ask(store, new_id(), rate=True)
    assert isinstance(rate, Impossible)
    assert "slot_decay_per_second" in rate.reason
    assert store.leases("db", T0) == []


def test_less_than_one_slot_is_refused(store: Store) -> None:
    """That is a mistake of the caller."""
    limited(store)
    with pytest.raises(ValueError, match="1 or more"):
        ask(store, new_id(), occupy=0)


def test_a_rate_comes_back_by_decay(store: Store) -> None:
    """So many slots a second, exactly, and nothing is to be released."""
    limited(store, limit=2, decay=0.1)
    assert ask(store, new_id(), occupy=2, rate=True) == Granted()
    ticket = new_id()
    assert ask(store, ticket, at(1), rate=True) == Queued("db", retry_at=at(10))
    assert taken(store, at(1)) == 1.9
    assert ask(store, ticket, at(9.999999), rate=True) == Queued("db", retry_at=at(10))
    assert ask(store, ticket, at(10), rate=True) == Granted()
    assert store.leases("db", at(10)) == []
    assert taken(store, at(10)) == 2.0
    assert taken(store, at(1000)) == 0.0


def test_many_thirds_make_a_whole(store: Store) -> None:
    """No rounding creeps in, however often a rate is taken."""
    limited(store, limit=1, decay=3)
    now = T0
    for _ in range(30):
        assert ask(store, new_id(), now, rate=True) == Granted()
        answer = ask(store, ticket := new_id(), now, rate=True)
        assert isinstance(answer, Queued)
        assert answer.retry_at is not None
        store.release_slots(ticket, now)
        now = answer.retry_at
    assert now == at(10.00002)  # thirty times a third of a second, each rounded up to a microsecond


def test_rates_in_a_queue_are_told_their_turns(store: Store) -> None:
    """Each counts those ahead as if they had taken theirs."""
    limited(store, limit=1, decay=1)
    ask(store, new_id(), rate=True)
    tickets = [new_id() for _ in range(3)]
    assert [ask(store, ticket, rate=True) for ticket in tickets] == [Queued("db", at(n)) for n in (1, 2, 3)]
    for seconds, ticket in enumerate(tickets, 1):
        assert ask(store, ticket, at(seconds), rate=True) == Granted()


def test_leases_on_a_rate_limit_do_not_decay(store: Store) -> None:
    """They are held until they are released; a rate beside them waits for both."""
    limited(store, limit=3, decay=1)
    holder = new_id()
    ask(store, holder, occupy=2)
    ask(store, new_id(), rate=True)
    assert taken(store, at(0.5)) == 2.5
    assert taken(store, at(30)) == 2.0
    assert ask(store, new_id(), at(0.5), occupy=2, rate=True) == Queued("db", at(60))
    store.release_slots(holder, at(2))
    assert taken(store, at(2)) == 0.0


def test_releasing_twice_does_nothing(store: Store) -> None:
    """Nor does releasing what was never taken."""
    limited(store)
    ticket = new_id()
    ask(store, ticket)
    for gone in (ticket, ticket, new_id()):
        store.release_slots(gone, T0)
    assert taken(store) == 0


def test_a_replaced_limit_keeps_what_is_taken(store: Store) -> None:
    """Room that was added is there at once; without decay the level of rates is dropped."""
    limited(store)
    ask(store, new_id())
    limited(store, limit=2)
    assert ask(store, new_id()) == Granted()
    limited(store, limit=1)
    assert taken(store) == 2
    limited(store, "rate", 5, decay=0.001)
    ask(store, new_id(), T0, "rate", rate=True)
    limited(store, "rate", 6, decay=0.001)
    assert taken(store, name="rate") == 1
    limited(store, "rate", 6)
    assert taken(store, name="rate") == 0


def test_a_deleted_limit_takes_its_leases(store: Store) -> None:
    """What the same ticket holds of other limits it goes on holding."""
    limited(store, "a")
    limited(store, "b")
    both, one = new_id(), new_id()
    ask(store, both, T0, "a", "b")
    ask(store, one, T0, "a")
    store.delete_limit("a")
    limited(store, "a")
    assert taken(store, name="a") == 0
    assert taken(store, name="b") == 1
    assert store.leases("a", T0) == []
    assert ask(store, one, T0, "a") == Granted()
