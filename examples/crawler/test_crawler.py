"""The crawler against a real website, and against one that takes a second per page, on a clock that jumps."""

import asyncio

import pytest

import flows
from flows import crawl
from headrace.store.protocol import ConcurrencyLimit
from website import LINKS, open_website, page

pytestmark = pytest.mark.asyncio


async def test_every_page_is_visited_once_nearest_first(runs):
    """The pages that the start links to come before those that they link to."""
    with open_website() as home:
        visited = await crawl(home)
    paths = [url.removeprefix(home.rstrip("/")) for url in visited]
    assert paths[:4] == ["/", "/rivers", "/mills", "/locks"]
    assert sorted(paths) == sorted({"/", *(link for links in LINKS.values() for link in links)})
    assert len(runs.tasks("get")) == len(paths)


async def test_no_more_pages_are_visited_than_asked_for():
    """`most` bounds the crawl, in the middle of a level too."""
    with open_website() as home:
        assert len(await crawl(home, most=6)) == 6


async def test_a_page_out_of_order_is_asked_for_again(runs, fake_clock):
    """The others go on meanwhile."""
    with open_website(outages={"/mills": 1}) as home:
        await crawl(home)
    assert runs.task("get /mills").states == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    assert runs.task("get /rivers").retry_delays == []


async def test_at_most_three_pages_are_asked_for_at_once(run_store, fake_clock, monkeypatch):
    """Ten pages of a second each: one, then three, then three and three."""
    run_store.put_limit(ConcurrencyLimit(name="example-website", limit=3))
    at_once, most_at_once = 0, 0

    async def slow_download(url):
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        await asyncio.sleep(1)
        at_once -= 1
        return page(url.removeprefix("http://site.test"))

    monkeypatch.setattr(flows, "download", slow_download)
    assert len(await crawl("http://site.test/")) == 10
    assert most_at_once == 3
    assert fake_clock == 4
