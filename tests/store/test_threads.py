"""Many threads and one store; interrupts at any point."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from headrace.exceptions import ObjectAlreadyExists
from headrace.store.connection import Connection
from headrace.store.protocol import ConcurrencyLimit, Granted, LogFilter, LogRecord, SlotRequest, Store
from headrace.store.sqlite import SqliteStore

from .making import (
    CANCELLING,
    COMPLETED,
    PENDING,
    RUNNING,
    T0,
    enter,
    flow_run,
    names,
    new_id,
    record,
    task_run,
)

THREADS = 6


def together(do: Callable[[int], object]) -> list[object]:
    """Do something in several threads that begin at once; return what they return."""
    start = threading.Barrier(THREADS)

    def one(number: int) -> object:
        start.wait()
        return do(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_threads_write_and_read_at_once(store: Store) -> None:
    """Every run of every thread has its whole history."""

    def work(number: int) -> None:
        for _ in range(30):
            run = record(store, task_run(f"thread-{number}"), PENDING, RUNNING)
            store.append_logs([LogRecord(T0, 20, "line", f"log.{number}", None, run.id)])
            assert store.transition(run, enter(run, COMPLETED)) is None
            assert names(store.history(run.id)) == ["Pending", "Running", "Completed"]
            assert store.task_run(run.id).name == f"thread-{number}"

    together(work)
    assert store.count("task") == THREADS * 30
    assert len(store.logs(LogFilter())) == THREADS * 30


def test_of_many_that_finish_one_run_one_wins(store: Store) -> None:
    """All others are told what stands."""
    run = record(store, flow_run(), PENDING, RUNNING)
    copies = [store.flow_run(run.id) for _ in range(THREADS)]
    answers = together(lambda number: store.transition(copies[number], enter(copies[number], COMPLETED)))
    assert answers.count(None) == 1
    assert names(store.history(run.id)) == ["Pending", "Running", "Completed"]


def test_of_many_that_create_one_run_one_wins(store: Store) -> None:
    """The id is taken once."""
    run_id = new_id()

    def create(_: int) -> bool:
        try:
            record(store, flow_run(id=run_id))
        except ObjectAlreadyExists:
            return False
        return True

    assert together(create).count(True) == 1


def test_slots_are_never_given_twice(store: Store) -> None:
    """However many ask at once."""
    store.put_limit(ConcurrencyLimit(name="db", limit=2))
    wishes = [SlotRequest(ticket=new_id(), names=("db",)) for _ in range(THREADS)]
    answers = together(lambda number: store.request_slots(wishes[number], T0))
    assert answers.count(Granted()) == 2
    assert store.limit("db", T0).active_slots == 2


class _Interrupting:
    """Stands in for a cursor's `execute`, and interrupts before or after the n-th statement."""

    def __init__(self, link: Connection, statement: int, after: bool) -> None:
        self.execute = link._ready()
        self.left = statement
        self.after = after

    def __call__(self, sql: str, parameters: object = ()) -> object:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KeyboardInterrupt
        cursor = self.execute(sql, parameters)
        if self.left == 0:
            raise KeyboardInterrupt
        return cursor


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("statement", range(1, 5))
def test_an_interrupt_leaves_all_or_nothing(sqlite: SqliteStore, statement: int, after: bool) -> None:
    """Wherever in a transaction it hits; and the store goes on at once."""
    record(sqlite, task_run(), PENDING, RUNNING, COMPLETED)  # so that every name has its number
    run = record(sqlite, task_run(), PENDING, RUNNING)
    states = enter(run, COMPLETED)
    link = sqlite._link
    whole, link._execute = link._execute, _Interrupting(link, statement, after)
    with pytest.raises(KeyboardInterrupt):
        sqlite.transition(run, states)
    link._execute = whole
    committed = statement == 4 and after
    assert len(sqlite.history(run.id)) == (3 if committed else 2)
    assert sqlite.task_run(run.id).state_name == ("Completed" if committed else "Running")
    assert sqlite.propose("task", run.id, CANCELLING).name == ("Completed" if committed else "Cancelling")


def test_a_name_from_a_transaction_that_failed_is_not_remembered(sqlite: SqliteStore) -> None:
    """The number it had been given went with the transaction."""
    run = record(sqlite, flow_run())
    for _ in range(2):
        with pytest.raises(ObjectAlreadyExists):
            record(sqlite, flow_run(id=run.id, flow_name="new"))
    other = record(sqlite, flow_run(flow_name="other"))
    new = record(sqlite, flow_run(flow_name="new"))
    assert [sqlite.flow_run(each.id).flow_name for each in (other, new)] == ["other", "new"]


def test_a_transaction_left_open_by_a_second_interrupt_is_undone(sqlite: SqliteStore) -> None:
    """An interrupt may hit while the first one is being answered."""
    run = record(sqlite, flow_run())
    sqlite._link._execute("BEGIN IMMEDIATE")
    sqlite._link._execute("DELETE FROM flow_run")
    assert sqlite.flow_run(run.id).name == run.name
