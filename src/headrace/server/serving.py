"""Serving the app: where it listens, who may reach it, and the note by which other commands find it."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from headrace.drive.world import World
from headrace.exceptions import ConfigurationError
from headrace.settings import current_settings

#: For how long a server that ends waits for those who do not take what they asked for.
_PATIENCE_SECONDS = 3


class Running(NamedTuple):
    """A server that was started from this home directory."""

    pid: int
    url: str
    store: str


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_reach(host: str, auth: str | None) -> None:
    """Raise ConfigurationError where others could reach the server and would not have to say who they are."""
    if auth is None and not is_loopback(host):
        raise ConfigurationError(
            f"Listening on {host} lets others reach the server, and nothing would keep them from reading and changing "
            "runs. Set HEADRACE_SERVER_API_AUTH_STRING to a user:password or a token that they must send, or listen on "
            "127.0.0.1."
        )


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 picks a free one. Raises ConfigurationError where that can't be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"Port {port} on {host} is taken, perhaps by a server that runs already (`headrace server status`). "
                "Choose another with --port."
            ) from None
        raise ConfigurationError(f"The server can't listen on {host}:{port}: {error.strerror or error}.") from None


def url_of(listener: socket.socket) -> str:
    """Return the address at which a browser reaches what listens here."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(world: World, listener: socket.socket, auth: str | None, *, ui: bool = True) -> None:
    """Serve the store of a world until the process is told to end; without `ui` the API alone."""
    import uvicorn

    from headrace.server.app import create_app
    from headrace.server.guards import LOOPBACK

    host = listener.getsockname()[0]
    app = create_app(world, hosts=LOOPBACK if is_loopback(host) else (), auth=auth, ui=ui)
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=_PATIENCE_SECONDS,
    )
    # uvicorn delivers the signal that ended it once more, when all is closed: then there is nothing left but to leave.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _noted(Running(os.getpid(), url_of(listener), world.store.location)), suppress(KeyboardInterrupt):
        server = uvicorn.Server(config)
        app.state.is_ending = lambda: server.should_exit  # feeds end then; else it would wait for their readers
        server.run(sockets=[listener])


def running() -> Running | None:
    """Return the server that was started from this home directory, if its process lives."""
    try:
        told = Running(**json.loads(_note().read_text(encoding="utf-8")))
        os.kill(told.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return told


@contextmanager
def _noted(server: Running) -> Iterator[None]:
    note = _note()
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(server._asdict()), encoding="utf-8")
    try:
        yield
    finally:
        if running() == server:
            with suppress(OSError):
                note.unlink()


def _note() -> Path:
    return current_settings().home / "server.json"
