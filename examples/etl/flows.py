"""Extract, transform, load: from a shop that is down now and then into SQLite.

python examples/etl/flows.py
headrace run examples/etl/flows.py:etl -p pages=6 -p database=orders.db
"""

import sqlite3
import urllib.error
import urllib.request
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from headrace import flow, task, unmapped
from headrace.tasks import exponential_backoff
from shop import open_shop, plan_outages

# The shop is on this machine: whatever proxy the environment names would not find it.
open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Order(BaseModel):
    id: int
    customer: str
    placed_on: date
    cents: int


def download(url: str) -> bytes:
    try:
        with open_url(url) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection open
        raise


def is_worth_another_try(task, task_run, state) -> bool:
    """A shop that is down comes back; a page that does not exist will not begin to."""
    error = state.data
    return not (isinstance(error, urllib.error.HTTPError) and error.code == 404)


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
    connection = sqlite3.connect(database)
    try:
        with connection:  # one transaction
            connection.execute(
                "CREATE TABLE IF NOT EXISTS orders "
                "(id INTEGER PRIMARY KEY, customer TEXT, placed_on TEXT, cents INTEGER)"
            )
            connection.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?)", rows)
    finally:
        connection.close()
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
