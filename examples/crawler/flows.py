"""A crawler that follows every link, and asks for at most so many pages at once.

Try it:

    headrace concurrency-limit create example-website 3
    headrace run examples/crawler/flows.py:crawl -p most=20
"""

import asyncio
import re
from contextlib import ExitStack
from urllib.parse import urljoin, urlsplit

from headrace import flow, task
from headrace.concurrency.asyncio import concurrency
from website import open_website


async def download(url: str) -> str:
    """Ask for a page in the plainest way that HTTP knows. Raises ConnectionError for all but "200"."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(f"GET {address.path} HTTP/1.0\r\nHost: {address.netloc}\r\n\r\n".encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    if " 200 " not in head.splitlines()[0]:
        raise ConnectionError(head.splitlines()[0])
    return body


@task(
    task_run_name=lambda parameters: f"get {urlsplit(parameters['url']).path}",
    retries=2,
    retry_delay_seconds=1,
)
async def get(url: str) -> str:
    async with concurrency("example-website"):  # waits for a slot, first come, first served
        return await download(url)


def links_in(html: str, url: str) -> list[str]:
    return [urljoin(url, link) for link in re.findall(r'href="([^"]*)"', html)]


@flow(log_prints=True)
async def crawl(start: str | None = None, most: int = 50) -> list[str]:
    """Visit up to `most` pages, those fewest links away first; return their addresses in that order.

    Without a `start` the pages are those of a small website that is opened for this run.
    """
    with ExitStack() as stack:
        frontier = [start or stack.enter_context(open_website(outages={"/mills": 1}))]
        visited: list[str] = []
        while frontier:
            visited += frontier
            pages = {url: get.submit(url) for url in frontier}  # all at once: the limit spaces them out
            found = [link for url, page in pages.items() for link in links_in(await page, url)]
            new = [link for link in dict.fromkeys(found) if link not in visited]
            frontier = new[: most - len(visited)]
    print(f"Visited {len(visited)} pages")
    return visited


if __name__ == "__main__":
    asyncio.run(crawl())
