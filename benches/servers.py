"""A server in a process of its own, as users start one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen


@contextmanager
def serving(home: Path, store: str, *, ui: bool = False) -> Iterator[str]:
    """Serve the store at this address, and yield the address of the API; with `ui`, of the pages too."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, "HEADRACE_HOME": str(home)}
    words = ["server", "start", *([] if ui else ["--no-ui"]), "--port", str(port), "--store", store]
    command = [sys.executable, "-m", "headrace", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"{url}/ready", process)
        yield url
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postgres(settings: Sequence[str] = ()) -> Iterator[str | None]:
    """Yield the address of an empty store in a PostgreSQL server of our own; None where there is none to be found."""
    from tests.store.postgres_server import programs, running  # what starts a server is there

    if programs() is None:
        print("PostgreSQL is not installed", file=sys.stderr)
        yield None
        return
    with running(settings) as server:
        yield server.schema()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError("The server ended before it served.")
        try:
            urlopen(url, timeout=1).close()
        except (URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The server did not begin to serve within half a minute.")
