"""Extract, transform, load: from a shop that is down now and then into SQLite.

Try it:

    python examples/etl/flows.py
    headrace run examples/etl/flows.py:etl -p pages=6 -p database=orders.db
"""

import sqlite3
from contextlib import ExitStack, closing
from datetime import date
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, TypeAdapter

from headrace import flow, task, unmapped
from headrace.tasks import exponential_backoff
from shop import open_shop, plan_outages


class Order(BaseModel):
    id: int
    customer: str
    placed_on: date
    cents: int


class NoSuchPage(Exception):
    """The shop answers, and says that there is no such page."""


def download(url: str) -> bytes:
    address = urlsplit(url)
    with closing(HTTPConnection(address.netloc)) as connection:
        connection.request("GET", f"{address.path}?{address.query}")
        response = connection.getresponse()
        body = response.read()
        if response.status == 404:
            raise NoSuchPage(url)
        if response.status != 200:
            raise ConnectionError(f"{response.status} {response.reason}")
        return body


def is_worth_another_try(task, task_run, state) -> bool:
    """A shop that is down comes back; a page that does not exist will not begin to."""
    return not isinstance(state.data, NoSuchPage)


@task(
    task_run_name="fetch-page-{page}",
    retries=3,
    retry_delay_seconds=exponential_backoff(1),  # 1, 2, 4 seconds
    retry_condition_fn=is_worth_another_try,
    timeout_seconds=10,
)
def fetch(url: str, page: int) -> bytes:
    return download(f"{url}/orders?page={page}")


@task
def parse(body: bytes) -> list[Order]:
    return TypeAdapter(list[Order]).validate_json(body)


@task(retries=1)
def load(pages: list[list[Order]], database: Path) -> int:
    """Put all orders into the database, or none; an order that is there already is replaced."""
    database.parent.mkdir(parents=True, exist_ok=True)
    rows = [(order.id, order.customer, str(order.placed_on), order.cents) for page in pages for order in page]
    with closing(sqlite3.connect(database)) as connection, connection:  # closed, and one transaction
        connection.execute(
            "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, customer TEXT, placed_on TEXT, cents INTEGER)"
        )
        connection.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?)", rows)
    return len(rows)


@flow(log_prints=True)
def etl(pages: int = 4, database: Path = Path(".demo/orders.db"), url: str | None = None) -> int:
    """Load `pages` pages of orders. Without a `url` they come from a shop that is opened for this run."""
    with ExitStack() as stack:
        if url is None:
            url = stack.enter_context(open_shop(outages=plan_outages(seed=3)))
        bodies = fetch.map(unmapped(url), range(1, pages + 1))
        loaded = load(parse.map(bodies), database)
    print(f"{loaded} orders are in {database}")
    return loaded


if __name__ == "__main__":
    etl()
