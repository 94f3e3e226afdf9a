"""A small website on this machine: pages that link to one another, and are out of order now and then."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LINKS = {
    "/": ["/rivers", "/mills", "/locks"],
    "/rivers": ["/rivers/source", "/rivers/delta", "/"],
    "/mills": ["/mills/wheel", "/mills/headrace", "/mills/tailrace"],
    "/locks": ["/locks/gate", "/mills/headrace"],
}


def page(path: str) -> str:
    """Return the HTML of a page."""
    links = "".join(f'<li><a href="{link}">{link}</a></li>' for link in LINKS.get(path, []))
    return f"<!doctype html><title>About {path}</title><ul>{links}</ul>"


@contextmanager
def open_website(outages: Mapping[str, int] | None = None) -> Iterator[str]:
    """Serve the pages on a free port of the loopback interface, and give the address.

    `outages` says how many requests for a path fail before it is served.
    """
    failures_left = Counter(outages or {})

    class Desk(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if failures_left[self.path] > 0:
                failures_left[self.path] -= 1
                self.send_error(503)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page(self.path).encode())

        def log_message(self, *args: object) -> None:
            """Say nothing: the flow's own log tells the story."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
