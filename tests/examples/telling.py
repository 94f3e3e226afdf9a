"""Run as a program of its own: print the histories of an example, as the seed has it.

    python telling.py EXAMPLE

Where the example asks a server of its own, which is on another port each time, something in this process answers.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from headrace import flow, get_run_logger, task
from headrace.store.protocol import ConcurrencyLimit
from headrace.testing import Simulation, simulate

EXAMPLES = Path(__file__).parents[2] / "examples"


def hello(flows: Any, simulation: Simulation) -> None:
    """As it is."""
    flows.my_flow()
    flows.my_other_flow()


def etl(flows: Any, simulation: Simulation) -> None:
    """From a shop that is down now and then, and takes its time."""
    shop = importlib.import_module("shop")
    failures_left = shop.plan_outages(seed=3)

    def download(url: str) -> bytes:
        page = int(parse_qs(urlsplit(url).query)["page"][0])
        time.sleep(page / 10)
        if failures_left[page] > 0:
            failures_left[page] -= 1
            raise ConnectionError("503 Closed for a moment")
        return json.dumps(shop.orders_of(page)).encode()

    flows.download = download
    flows.etl(pages=6, database=Path("orders.db"), url="http://shop.test")


def crawler(flows: Any, simulation: Simulation) -> None:
    """With three requests at a time, each a second, one of them in vain."""
    website = importlib.import_module("website")
    simulation.store.put_limit(ConcurrencyLimit(name="example-website", limit=3))
    failures_left = {"/mills": 1}

    async def download(url: str) -> str:
        path = urlsplit(url).path
        await asyncio.sleep(1)
        if failures_left.pop(path, 0):
            raise ConnectionError("503 Service Unavailable")
        page: str = website.page(path)
        return page

    flows.download = download
    asyncio.run(flows.crawl("http://site.test/"))


def fan_out(flows: Any, simulation: Simulation) -> None:
    """Its worker processes are threads here, or, where the simulation says so, processes."""
    flows.count_primes(below=2_000, stretch=200)


@task(retries=3, retry_delay_seconds=[1, 2, 3], retry_jitter_factor=0.5, tags={"slow"})
def shaky(n: int) -> set[str]:
    """Fail twice, in an order that jitter decides."""
    from headrace.runtime import task_run

    time.sleep(0.5)
    get_run_logger().info("%s of %s at %s", task_run.run_count, n, time.time())
    if task_run.run_count <= n % 3:
        raise ConnectionError("down")
    return {f"item-{n}", "item"}


@flow(log_prints=True)
def jittery() -> None:
    """Print as soon as one is there."""
    from headrace.futures import as_completed

    for future in as_completed(shaky.map(range(12))):
        print(future.task_run_id, sorted(future.result()))


def jitter(flows: Any, simulation: Simulation) -> None:
    """No example: what else could differ, jitter, ids in the log, the order in which threads end."""
    simulation.store.put_limit(ConcurrencyLimit(name="tag:slow", limit=5))
    jittery()


def main(name: str) -> None:
    """Print the history of one; "fan_out in processes" is with real ones."""
    example, _, with_processes = name.partition(" in ")
    sys.path.insert(0, str(EXAMPLES / example))
    flows = importlib.import_module("flows") if (EXAMPLES / example).is_dir() else None
    with simulate(seed=7, real_processes=bool(with_processes)) as simulation:
        TOLD[example](flows, simulation)
        sys.stdout.write(simulation.runs.history().to_json())


TOLD = {one.__name__: one for one in (hello, etl, crawler, fan_out, jitter)}

if __name__ == "__main__":
    main(sys.argv[1])
