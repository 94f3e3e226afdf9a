"""A project of somebody's, in which pytest is run inside pytest."""

from __future__ import annotations

import pytest

import headrace
import headrace.testing
from tests.plugin.sessions import INI

# What an inner run is the first to import is forgotten with it, and imported a second time by the next: there would be
# two modules `headrace.flows`, of which an attribute of the package holds one and `sys.modules` the other.
for package in (headrace, headrace.testing):
    for name in package.__all__:
        getattr(package, name)

PIPELINES = """
import asyncio, time
from headrace import flow, get_run_logger, task

@task(retries=2, retry_delay_seconds=[10, 20], task_run_name="fetch-{page}")
def fetch(page, failures=2):
    from headrace import runtime
    get_run_logger().info("fetching %s", page)
    if runtime.task_run.run_count <= failures:
        raise ConnectionError("down")
    return page * 2

@flow
def ingest(pages=("a",), failures=2):
    return [future.result() for future in fetch.map(list(pages), failures=failures)]

@flow
def greet(name="marvin"):
    return f"hello {name}"

@task
async def nap(seconds):
    await asyncio.sleep(seconds)

@flow
async def rest(seconds=3600):
    await nap(seconds)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """An empty project with a module `pipelines`, whose warnings are errors."""
    pytester.makeini(INI)
    pytester.makepyfile(pipelines=PIPELINES)
    pytester.syspathinsert()
    return pytester
