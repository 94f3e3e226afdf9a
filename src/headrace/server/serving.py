"""Serving the app: where it listens, who may reach it, and the note by which other commands find it."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from headrace.clock import Clock
from headrace.drive.lost import record_lost
from headrace.drive.world import World, store_at
from headrace.exceptions import ConfigurationError
from headrace.settings import current_settings
from headrace.store.file_locks import locked

#: How often to try to lock the note of a server, and how long to wait in between, in seconds.
_STEPS, _STEP_SECONDS = 50, 0.02
#: How often it is looked for runs whose processes are gone, in seconds.
_LOST_SECONDS = 2.0
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
    server_here = Running(os.getpid(), url_of(listener), world.store.location)
    is_pair = auth is not None and ":" in auth
    reports = store_at(f"{server_here.url}/api", auth if is_pair else None, None if is_pair else auth)
    with noted(server_here, world.clock), lost_recorded(world, World(reports)), suppress(KeyboardInterrupt):
        server = uvicorn.Server(config)
        app.state.is_ending = lambda: server.should_exit  # feeds end then; else it would wait for their readers
        server.run(sockets=[listener])


@contextmanager
def lost_recorded(world: World, reports: World | None = None) -> Iterator[None]:
    """Look in the block, now and then, whether runs have lost their processes, and record that.

    `reports` is the world of those who report to this server from its own home directory: what they have left behind
    may not have been delivered yet.
    """
    ends = threading.Event()

    def look() -> None:
        while not ends.wait(_LOST_SECONDS):
            record_lost(world)
            if reports is not None:
                record_lost(reports)

    record_lost(world)
    thread = threading.Thread(target=look, name="headrace-lost", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
        if reports is not None:
            reports.close()


def running() -> Running | None:
    """Return the server that was started from this home directory, if it runs.

    Its process has the note locked: a number of a process may be another's by now, or still be there when it is dead.
    Where files can't be locked the number has to do.
    """
    try:
        with _note().open("rb") as note:
            told = Running(**json.loads(note.read()))
            is_free = locked(note.fileno(), shared=True)
        if is_free is None:
            os.kill(told.pid, 0)
        elif is_free:
            return None
    except (OSError, ValueError, TypeError):
        return None
    return told


def check_alone() -> None:
    """Raise ConfigurationError where a server runs already."""
    already = running()
    if already is not None:
        raise ConfigurationError(f"A server runs already, at {already.url}. `headrace server stop` ends it.")


@contextmanager
def noted(server: Running, clock: Clock) -> Iterator[None]:
    """Let other commands find a server in the block. Raises ConfigurationError where another was quicker."""
    path = _note()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as note:
        for _ in range(_STEPS):
            if locked(note.fileno()) is not False:
                break
            check_alone()
            clock.sleep(_STEP_SECONDS)  # who only looks has it locked for a moment as well
        note.truncate(0)
        note.write(json.dumps(server._asdict()).encode())
        note.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def _note() -> Path:
    return current_settings().home / "server.json"
