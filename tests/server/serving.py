"""A server in a thread of this process, for what only a real connection can show."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from headrace.drive.world import World
from headrace.server.app import create_app
from headrace.server.serving import listening, url_of


@contextmanager
def served(store: Any, auth: str | None, port: int = 0, **options: Any) -> Iterator[str]:
    """Serve a store from this process, and yield the address of its API; `options` are uvicorn's."""
    listener = listening("127.0.0.1", port)
    app = create_app(World(store), auth=auth, ui=False)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", **options))
    app.state.is_ending = lambda: server.should_exit
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"{url_of(listener)}/api"
    finally:
        server.should_exit = True
        thread.join()
