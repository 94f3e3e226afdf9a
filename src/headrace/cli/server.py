"""`headrace server`: start the server, find it, stop it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli import world
from headrace.cli.look import busy, note, print_json, say
from headrace.cli.options import Yes, flag, json_flag
from headrace.exceptions import ConfigurationError

if TYPE_CHECKING:
    from headrace.server.serving import Running
    from headrace.store.protocol import OwnStore

app = typer.Typer(name="server", help="Serve runs to browsers and programs.", no_args_is_help=True)

#: How long to wait for a server that starts, or ends, in seconds; and how often to look.
_PATIENCE, _STEP = 20.0, 0.05

Host = typer.Option("--host", metavar="ADDRESS", help="Where to listen; by default the setting, 127.0.0.1.")
Port = typer.Option("--port", metavar="PORT", min=0, max=65535, help="By default the setting, 4200; 0: any free one.")
Background = flag("--background", help="Return as soon as it serves; `headrace server stop` ends it.")
NoUi = flag("--no-ui", help="Serve the API alone, without pages.")
Store = typer.Option(
    "--store", metavar="URL", help="Another store: sqlite:///path/to/file.db or postgresql://user@host/name."
)


@app.command(epilog="Example: headrace server start --port 4300 --background")
def start(
    host: Annotated[str | None, Host] = None,
    port: Annotated[int | None, Port] = None,
    store: Annotated[str | None, Store] = None,
    background: Annotated[bool, Background] = False,
    no_ui: Annotated[bool, NoUi] = False,
) -> None:
    """Serve pages for the browser, and the API under /api, until Ctrl-C."""
    from headrace.settings import current_settings, temporary_settings

    serving = _serving()
    settings = current_settings()
    chosen, auth = host or settings.server_api_host, settings.server_api_auth_string
    serving.check_reach(chosen, auth)
    serving.check_alone()
    if background:
        _start_in_background(chosen, settings.server_api_port if port is None else port, store, no_ui)
        return
    given = {} if store is None else {"server_database_connection_url": store}
    with temporary_settings(given):
        listener = serving.listening(chosen, settings.server_api_port if port is None else port)
        served = world.to_serve()
        _tell(served.store.location, serving.url_of(listener), no_ui)
        note("Ctrl-C ends it. Another terminal: headrace runs ls")
        serving.serve(served, listener, auth, ui=not no_ui)


database = typer.Typer(name="database", help="Look after the store that a server serves.", no_args_is_help=True)
app.add_typer(database)


@database.command(epilog="Example: headrace server database reset --yes")
def reset(store: Annotated[str | None, Store] = None, yes: Yes = False) -> None:
    """Delete all that is kept: runs, logs, limits, artifacts, variables. This can't be undone."""
    with _own(store) as own:
        if not yes:
            many = f"{own.count('flow'):,} flow runs and {own.count('task'):,} task runs"
            typer.confirm(f"Delete {many} and all else in {own.location}?", abort=True)
        with busy("Deleting"):
            own.erase()
        say(f"{own.location} is empty now")


@database.command(epilog="Example: headrace server database upgrade")
def upgrade(store: Annotated[str | None, Store] = None) -> None:
    """Bring the tables of the store up to date; whoever opens a store does so too."""
    from headrace.store.migrations import NEWEST

    with _own(store) as own, busy("Bringing the tables up to date"):
        own.count("flow")
        say(f"The tables of {own.location} are up to date: version {NEWEST}")


@contextmanager
def _own(store: str | None) -> Iterator[OwnStore]:
    """Open the store that a server would serve, or the one at an address."""
    from headrace.settings import temporary_settings

    with temporary_settings({} if store is None else {"server_database_connection_url": store}):
        own = world.own_store()
    try:
        yield own
    finally:
        own.close()


@app.command(epilog="Example: headrace server stop")
def stop() -> None:
    """End the server that was started from this home directory."""
    found = _found()
    os.kill(found.pid, signal.SIGTERM)
    _wait_until(lambda: _running() is None, f"The server (process {found.pid}) does not end.")
    say(f"Ended the server at {found.url}.")


@app.command(epilog="Example: headrace server status --json")
def status(json_: Annotated[bool, json_flag("JSON: running, url, pid, store")] = False) -> None:
    """Say whether the server runs, and where. The exit status is 1 where it does not."""
    found = _running()
    if json_:
        told = found._asdict() if found is not None else {"pid": None, "url": None, "store": None}
        print_json({"running": found is not None, **told})
    elif found is not None:
        say(f"Serving {found.store} at {found.url} (process {found.pid})")
    else:
        say("No server runs. `headrace server start` starts one.")
    if found is None:
        raise typer.Exit(1)


def _found() -> Running:
    found = _running()
    if found is None:
        raise ConfigurationError("No server was started from this home directory, or it has ended already.")
    return found


def _tell(store: str, url: str, no_ui: bool) -> None:
    say(f"Serving {store} at {url}")
    if not no_ui:
        say(f"Dashboard: {url}/")


def _start_in_background(host: str, port: int, store: str | None, no_ui: bool) -> None:
    command = [sys.executable, "-m", "headrace", "server", "start", "--host", host, "--port", str(port)]
    command += [] if store is None else ["--store", store]
    command += ["--no-ui"] if no_ui else []
    from headrace.settings import current_settings

    log = current_settings().home / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    _wait_until(
        lambda: _serving().running() is not None or process.poll() is not None,
        f"The server has not begun to serve; see {log}.",
    )
    found = _serving().running()
    if found is None:
        raise ConfigurationError(f"The server did not start:\n{log.read_text(encoding='utf-8').strip()}")
    _tell(found.store, found.url, no_ui)
    note(f"`headrace server stop` ends it. What it says is in {log}")


def _wait_until(done: Callable[[], bool], otherwise: str) -> None:
    for _ in range(int(_PATIENCE / _STEP)):
        if done():
            return
        world.sleep(_STEP)
    raise ConfigurationError(otherwise)


def _running() -> Running | None:
    """Return the server that runs. Who only asks needs nothing of what a server does."""
    from headrace.server import serving

    return serving.running()


def _serving() -> ModuleType:
    """Return the module that serves. Raises ConfigurationError where what it needs is not installed."""
    try:
        import fastapi  # noqa: F401
        import jinja2  # noqa: F401
        import uvicorn  # noqa: F401

        from headrace.server import serving
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The server needs {error.name}, which is not installed: pip install 'headrace[server]'."
        ) from error
    return serving
