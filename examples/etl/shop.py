"""A small shop on this machine that serves its orders as JSON, and is down now and then."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qs, urlparse

ORDERS_PER_PAGE = 5
CUSTOMERS = ["Ada", "Grace", "Edsger", "Barbara", "Donald"]


def plan_outages(seed: int, pages: int = 10) -> dict[int, int]:
    """Say for each page how many requests fail before it is served; the same seed gives the same plan."""
    chance = Random(seed)
    return {page: chance.choice([0, 0, 1, 2]) for page in range(1, pages + 1)}


def orders_of(page: int) -> list[dict[str, object]]:
    """Return the orders on a page; each page has as many."""
    first = (page - 1) * ORDERS_PER_PAGE + 1
    return [
        {
            "id": number,
            "customer": CUSTOMERS[number % len(CUSTOMERS)],
            "placed_on": f"2026-03-{number % 28 + 1:02}",
            "cents": 1000 + 25 * number,
        }
        for number in range(first, first + ORDERS_PER_PAGE)
    ]


@contextmanager
def open_shop(*, outages: Mapping[int, int] | None = None, pages: int = 10) -> Iterator[str]:
    """Serve orders on a free port of the loopback interface, and give the address."""
    failures_left = Counter(outages or {})

    class Till(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = int(parse_qs(urlparse(self.path).query).get("page", ["1"])[0])
            if failures_left[page] > 0:
                failures_left[page] -= 1
                self.send_error(503, "Closed for a moment")
            elif page > pages:
                self.send_error(404, "No such page")
            else:
                self._send(json.dumps(orders_of(page)).encode())

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing: the flow's own log tells the story."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Till) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
