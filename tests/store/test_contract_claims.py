"""What every store promises of runs that are scheduled for the background: each goes to one claimer at a time."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest

from headrace.core.records import TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound
from headrace.store.protocol import Claimed, Idle, Store

from .making import FAILED, PENDING, T0, at, enter, flow_run, names, new_id, record, task_run

SCHEDULED = State(StateType.SCHEDULED)


def scheduled(store: Store, queue: str = "q", call: bytes = b"call", **given: object) -> TaskRun:
    """Schedule a run."""
    run = task_run(**given)
    store.schedule(run, enter(run, SCHEDULED), queue, call)
    return run


def claimed(store: Store, *queues: str, seconds: float = 0, lease: float = 30) -> tuple[UUID, Claimed | Idle]:
    """Claim at T0 plus some seconds, under a fresh id; return that, and the answer."""
    claim = new_id()
    return claim, store.claim(queues or ("q",), claim, lease, at(seconds))


def test_a_scheduled_run_is_recorded_as_any_other(store: Store) -> None:
    """With its state and history."""
    run = scheduled(store, parameters={"x": 1})
    stored = store.task_run(run.id)
    assert (stored.parameters, names(store.history(run.id))) == ({"x": 1}, ["Scheduled"])
    assert store.transition(run, enter(run, PENDING)) is None


def test_runs_are_claimed_in_the_order_in_which_they_were_scheduled(store: Store) -> None:
    """Over all queues that are asked for, each with its call; nobody gets one that another has."""
    first, _, third = scheduled(store, "a", b"\0one"), scheduled(store, "other"), scheduled(store, "b", b"three")
    last = scheduled(store, "a")
    assert claimed(store, "a", "b")[1] == Claimed(first.id, b"\0one")
    assert claimed(store, "a", "b")[1] == Claimed(third.id, b"three")
    assert claimed(store, "a", "b")[1] == Claimed(last.id, b"call")
    assert claimed(store, "a", "b")[1] == Idle(at(30))


def test_there_is_nothing_to_claim_in_an_empty_store(store: Store) -> None:
    """Nor in no queues."""
    assert claimed(store)[1] == Idle()
    scheduled(store)
    assert store.claim((), new_id(), 30, T0) == Idle()


def test_a_run_whose_lease_has_run_out_is_given_again(store: Store) -> None:
    """First of all, as it came first; whoever had it holds nothing any more."""
    first, second = scheduled(store), scheduled(store)
    lost, _ = claimed(store, lease=10)
    assert claimed(store, seconds=9.9)[1] == Claimed(second.id, b"call")
    assert claimed(store, seconds=9.9)[1] == Idle(at(10))
    again, answer = claimed(store, seconds=10)
    assert answer == Claimed(first.id, b"call")
    assert store.renew_claims([lost, again], 30, at(11)) == {again}
    assert (store.dismiss(lost), store.dismiss(again)) == (False, True)


def test_a_lease_that_is_renewed_does_not_run_out(store: Store) -> None:
    """Even if it had, where nobody was quicker."""
    scheduled(store)
    claim, _ = claimed(store, lease=10)
    assert store.renew_claims([claim, new_id()], 10, at(9)) == {claim}
    assert claimed(store, seconds=18)[1] == Idle(at(19))
    assert store.renew_claims([claim], 10, at(20)) == {claim}
    assert claimed(store, seconds=29)[1] == Idle(at(30))


def test_what_is_dismissed_is_not_given_again(store: Store) -> None:
    """Its record stays."""
    run = scheduled(store)
    claim, _ = claimed(store)
    assert store.dismiss(claim)
    assert claimed(store, seconds=100)[1] == Idle()
    assert store.task_run(run.id).id == run.id
    assert not store.dismiss(claim)


@pytest.mark.parametrize("kind", ["task", "flow"])
def test_a_run_that_is_deleted_is_scheduled_no_longer(store: Store, kind: str) -> None:
    """Alone, or with its flow run."""
    parent = record(store, flow_run())
    run = scheduled(store, flow_run_id=parent.id)
    kept = scheduled(store)
    store.delete("task", run.id) if kind == "task" else store.delete("flow", parent.id)
    assert claimed(store)[1] == Claimed(kept.id, b"call")
    assert claimed(store)[1] == Idle(at(30))
    with pytest.raises(ObjectNotFound):
        store.task_run(run.id)


def test_a_run_is_scheduled_once(store: Store) -> None:
    """An id that is taken is refused, and nothing is put into a queue."""
    run = record(store, task_run())
    twin = task_run(id=run.id)
    with pytest.raises(ObjectAlreadyExists):
        store.schedule(twin, enter(twin, SCHEDULED), "q", b"")
    assert claimed(store)[1] == Idle()


def test_a_run_is_scheduled_with_its_states(store: Store) -> None:
    """As with `create`."""
    run = task_run()
    with pytest.raises(ValueError, match="at least one"):
        store.schedule(run, [], "q", b"")


def test_the_state_of_a_run_does_not_matter_to_claims(store: Store) -> None:
    """A run that somebody has ended is given as well: its claimer looks, and dismisses it."""
    run = scheduled(store)
    store.propose("task", run.id, FAILED)
    assert claimed(store)[1] == Claimed(run.id, b"call")


def test_many_who_claim_at_once_get_each_run_once(store: Store) -> None:
    """From threads, or connections, of their own."""
    runs = [scheduled(store).id for _ in range(30)]
    got: list[UUID] = []

    def claim_all() -> None:
        while isinstance(answer := claimed(store)[1], Claimed):
            got.append(answer.run_id)

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == sorted(runs)
