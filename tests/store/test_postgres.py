"""What is PostgreSQL's own: connections that break, writers side by side, addresses, schemas."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.exceptions import NotAStore, StoreError, StoreTooNew
from headrace.store.memory import MemoryStore
from headrace.store.postgres import PostgresStore
from headrace.store.protocol import ConcurrencyLimit, Granted, SlotRequest, Store
from pytest_headrace.machines import StoresAgree

from .making import COMPLETED, PENDING, RUNNING, T0, at, enter, flow_run, names, new_id, record, task_run
from .postgres_server import Server


@pytest.fixture
def pg(postgres_url: str) -> Iterator[PostgresStore]:
    """An empty store."""
    store = PostgresStore(postgres_url, connections=3)
    yield store
    store.close()


def side_by_side(*work: Callable[[], Any]) -> None:
    """Do some work in threads that begin together; raise what any of them raises."""
    start, errors = threading.Barrier(len(work)), []

    def run(one: Callable[[], Any]) -> None:
        start.wait()
        try:
            one()
        except Exception as error:  # to be raised where the test sees it
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_it_agrees_with_memory_whatever_is_done(postgres: Server) -> None:
    """The machine that all stores have to pass."""
    used: list[str] = []

    def opened(folder: Path) -> Store:
        used.append(postgres.schema())
        return PostgresStore(used[-1], connections=1)

    class PostgresAgrees(StoresAgree):
        stores: ClassVar[Any] = {"memory": lambda folder: MemoryStore(), "postgres": opened}

        def teardown(self) -> None:
            super().teardown()
            postgres.drop(used.pop())

    run_state_machine_as_test(
        PostgresAgrees, settings=settings(max_examples=8, stateful_step_count=25, deadline=None, database=None)
    )


def test_of_those_who_move_a_run_at_once_one_wins(pg: PostgresStore, postgres_url: str) -> None:
    """The others are told what stands, and write nothing."""
    other = PostgresStore(postgres_url, connections=1)
    run = record(pg, task_run(), PENDING, RUNNING)
    answers: list[State | None] = []

    def end(store: PostgresStore, mine: Run) -> None:
        answers.append(store.transition(mine, enter(mine, COMPLETED)))

    side_by_side(*(partial(end, store, store.task_run(run.id)) for store in (pg, other)))
    other.close()
    assert [answer and answer.name for answer in sorted(answers, key=bool)] == [None, "Completed"]
    assert names(pg.history(run.id)) == ["Pending", "Running", "Completed"]


def test_states_from_outside_are_proposed_one_after_the_other(pg: PostgresStore, postgres_url: str) -> None:
    """However many ask at once: the table of transitions holds."""
    other = PostgresStore(postgres_url, connections=1)
    run = record(pg, flow_run(), PENDING, RUNNING)
    asked = [State(StateType.CANCELLING), State(StateType.CANCELLED), State(StateType.CANCELLED)]
    side_by_side(
        *(
            lambda store=store, state=state: store.propose("flow", run.id, state)
            for store, state in zip((pg, other, pg), asked, strict=True)
        )
    )
    other.close()
    states = names(pg.history(run.id))
    assert states in (["Pending", "Running", "Cancelling", "Cancelled"], ["Pending", "Running", "Cancelled"])
    assert pg.flow_run(run.id).history_length == len(states)


def test_slots_are_never_given_to_more_than_there_are(pg: PostgresStore, postgres_url: str) -> None:
    """Two processes that ask at once are answered one after the other."""
    other = PostgresStore(postgres_url, connections=1)
    pg.put_limit(ConcurrencyLimit("x", 3))
    answers = []

    def ask(store: PostgresStore) -> None:
        for _ in range(5):
            request = SlotRequest(
                ticket=new_id(), names=("x",), occupy=1, lease_seconds=60, rate=False, holder="me", holder_run_id=None
            )
            answers.append(store.request_slots(request, T0))

    side_by_side(lambda: ask(pg), lambda: ask(other))
    other.close()
    assert sum(isinstance(answer, Granted) for answer in answers) == 3
    assert len(pg.leases("x", at(1))) == 10


def test_new_names_that_come_at_once_get_one_number(pg: PostgresStore, postgres_url: str) -> None:
    """Though neither writer has seen the other's."""
    other = PostgresStore(postgres_url, connections=1)

    def write(store: PostgresStore) -> None:
        for number in range(20):
            record(store, task_run("run", f"task-{number}"), PENDING, State(StateType.RUNNING, f"Odd-{number}"))

    side_by_side(lambda: write(pg), lambda: write(other))
    other.close()
    assert set(pg.tally("task").values()) == {2}


def test_what_a_rolled_back_transaction_named_is_known_afterwards(pg: PostgresStore) -> None:
    """Its names were given their numbers apart."""
    odd = State(StateType.RUNNING, "Odd")
    run = task_run()
    states = enter(run, PENDING, odd)
    with pytest.raises(AttributeError):
        pg.create(run, [*states[:-1], None])  # type: ignore[list-item]
    pg.create(run, states)
    assert names(pg.history(run.id)) == ["Pending", "Odd"]


def test_a_connection_that_was_closed_is_replaced(pg: PostgresStore, postgres: Server) -> None:
    """The work is done on a new one, and nobody notices."""
    run = record(pg, task_run(), PENDING)
    postgres.break_connections()
    assert pg.transition(run, enter(run, RUNNING)) is None
    postgres.break_connections()
    record(pg, task_run("another", "task-unheard-of"))
    assert pg.count("task") == 2


def test_a_forked_child_opens_connections_of_its_own(pg: PostgresStore) -> None:
    """And leaves those of its parent alone."""
    run = record(pg, task_run(), PENDING)
    child = os.fork()
    if child == 0:
        try:
            pg.transition(run, enter(run, RUNNING))
            pg.close()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(pg.history(run.id)) == ["Pending", "Running"]


def test_text_that_is_none_to_a_database_is_escaped(pg: PostgresStore) -> None:
    """NUL and lone surrogates."""
    run = record(pg, task_run("a\0b\udc80"), PENDING)
    assert pg.task_run(run.id).name == "a\\x00b\\udc80"


@pytest.mark.parametrize("url", ["nonsense", "host=x nonsense=1"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    """And what would be one is told."""
    with pytest.raises(ValueError, match=r"is no address of a PostgreSQL database .*: write postgresql://user@host"):
        PostgresStore(url)


def test_a_server_that_does_not_run_is_named_without_the_password(tmp_path: Path) -> None:
    """With what to look at."""
    store = PostgresStore(f"postgresql://me:secret@/runs?host={tmp_path}")
    with pytest.raises(StoreError, match=r"can't be reached: .*See whether the server runs") as caught:
        store.count("task")
    assert "secret" not in str(caught.value)
    assert store.location == f"postgresql://{tmp_path}/runs"


def test_a_store_that_was_closed_says_so(pg: PostgresStore) -> None:
    """It is not opened again behind one's back."""
    pg.close()
    pg.close()
    with pytest.raises(StoreError, match="was closed; make a new PostgresStore"):
        pg.count("task")


def test_a_newer_schema_and_strange_tables_are_left_alone(postgres_url: str) -> None:
    """As with files."""
    store = PostgresStore(postgres_url)
    record(store, task_run())
    store.close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("INSERT INTO migrations VALUES (999, 'from the future', '9')")
    with pytest.raises(StoreTooNew, match=r"has schema version 999, and this headrace knows up to \d+"):
        PostgresStore(postgres_url).count("task")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("DROP TABLE task_run_state")
    with pytest.raises(NotAStore, match=r"a table 'migrations' of somebody else's. It was left as it is"):
        PostgresStore(postgres_url).count("task")


def test_two_who_open_an_empty_database_at_once_make_one_schema(postgres_url: str) -> None:
    """Each step is applied once."""
    stores = [PostgresStore(postgres_url, connections=1) for _ in range(4)]
    side_by_side(*(lambda store=store: record(store, task_run()) for store in stores))
    assert stores[0].count("task") == 4
    for store in stores:
        store.close()
    with psycopg.connect(postgres_url) as connection:
        versions = [row[0] for row in connection.execute("SELECT version FROM migrations ORDER BY 1").fetchall()]
    assert versions == list(range(1, len(versions) + 1))


def test_a_pool_that_is_used_up_says_so(postgres_url: str) -> None:
    """After the time that it was given."""
    store = PostgresStore(postgres_url, connections=1, wait_seconds=0.05)

    def inside(execute: Any) -> None:
        with pytest.raises(StoreError, match=r"All 1 connections to the run store .* were in use, .* for 0.05 s"):
            store.count("task")

    store._link.write(inside)
    store.close()


def test_lengths_of_time_are_compared_as_such(pg: PostgresStore) -> None:
    """Whole microseconds, not what the database makes of an interval."""
    from headrace.store.conditions import Between

    run = task_run()
    pg.create(run, [*enter(run, PENDING, RUNNING), *enter(run, COMPLETED, now=at(0.000_003))])
    assert pg.count("task", Between("total_run_time", least=timedelta(microseconds=2))) == 1
    assert pg.count("task", Between("total_run_time", least=timedelta(microseconds=3))) == 0
