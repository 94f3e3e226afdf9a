"""The flow against a real server that fails by plan. The retries wait on a clock that jumps, so nothing is slow."""

import sqlite3
import time
from contextlib import closing
from datetime import date

import pytest

import flows
from flows import Order, etl, parse
from shop import ORDERS_PER_PAGE, open_shop, orders_of, plan_outages


@pytest.fixture
def database(tmp_path):
    return tmp_path / "orders.db"


def rows_of(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT id, customer, placed_on, cents FROM orders ORDER BY id").fetchall()


def test_every_order_of_every_page_is_loaded(database):
    """What is in the database is what the shop has."""
    with open_shop() as url:
        assert etl(pages=2, database=database, url=url) == 2 * ORDERS_PER_PAGE
    assert rows_of(database) == [tuple(order.values()) for page in (1, 2) for order in orders_of(page)]


def test_a_page_that_fails_twice_is_fetched_at_the_third_attempt(database, runs, fake_clock):
    """The waits double, and only the page in trouble waits."""
    with open_shop(outages={2: 2}) as url:
        etl(pages=2, database=database, url=url)
    troubled = runs.task("fetch-page-2")
    assert troubled.states == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Retrying",
        "AwaitingRetry",
        "Retrying",
        "Completed",
    ]
    assert troubled.retry_delays == [1, 2]
    assert runs.task("fetch-page-1").states == ["Pending", "Running", "Completed"]
    assert fake_clock == 3
    assert len(rows_of(database)) == 2 * ORDERS_PER_PAGE


def test_a_shop_that_stays_closed_fails_the_flow_and_loads_nothing(database, runs, fake_clock):
    """After three retries the page is given up; what needs it never runs."""
    with open_shop(outages={1: 99}) as url:
        state = etl(pages=1, database=database, url=url, return_state=True)
    assert state.is_failed()
    assert runs.task("fetch-page-1").retry_delays == [1, 2, 4]
    assert runs.task("parse").states == ["Pending", "NotReady"]
    assert not database.exists()


def test_a_page_that_does_not_exist_is_not_asked_for_again(database, runs):
    """`retry_condition_fn` tells what comes back from what won't."""
    with open_shop(pages=1) as url:
        etl(pages=2, database=database, url=url, return_state=True)
    assert runs.task("fetch-page-2").states == ["Pending", "Running", "Failed"]


def test_a_page_that_hangs_is_given_up_after_ten_seconds_and_tried_again(database, runs, fake_clock, monkeypatch):
    """A time-out counts as a failed attempt; the ten seconds pass on the clock alone."""
    answers = iter([lambda: time.sleep(60), lambda: b"[]"])
    monkeypatch.setattr(flows, "download", lambda url: next(answers)())
    etl(pages=1, database=database, url="http://shop.test")
    assert runs.task("fetch-page-1").states == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    assert fake_clock == 10 + 1


def test_loading_a_page_again_replaces_its_orders(database):
    """The flow may run twice on the same day."""
    with open_shop() as url:
        etl(pages=1, database=database, url=url)
        etl(pages=1, database=database, url=url)
    assert len(rows_of(database)) == ORDERS_PER_PAGE


def test_a_task_can_be_called_on_its_own():
    """Without a flow around it, it is a function whose run is recorded."""
    body = b'[{"id": 1, "customer": "Ada", "placed_on": "2026-03-02", "cents": 1025}]'
    assert parse(body) == [Order(id=1, customer="Ada", placed_on=date(2026, 3, 2), cents=1025)]


def test_without_a_url_the_flow_opens_a_shop_of_its_own(database, runs, fake_clock):
    """The same seed plans the same outages, so the demonstration is the same each time."""
    etl(pages=4, database=database)
    failures = [len(runs.task(f"fetch-page-{page}").retry_delays) for page in range(1, 5)]
    assert failures == [plan_outages(seed=3)[page] for page in range(1, 5)] == [0, 0, 1, 2]
