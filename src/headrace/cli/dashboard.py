"""`headrace dashboard`: the pages of the server, in a browser."""

from __future__ import annotations

import typer

from headrace.cli.look import say
from headrace.exceptions import ConfigurationError

app = typer.Typer(name="dashboard", help="Look at runs in a browser.", no_args_is_help=True)


@app.command("open", epilog="Example: headrace dashboard open")
def open_() -> None:
    """Open the pages of the server in a browser: that which scripts report to, else the one started here."""
    import webbrowser

    url = _url()
    say(f"Dashboard: {url}")
    webbrowser.open(url)


def _url() -> str:
    from headrace.settings import current_settings

    api_url = current_settings().api_url
    if api_url is not None:
        return api_url.rstrip("/").removesuffix("/api") + "/"
    from headrace.server.serving import running

    found = running()
    if found is None:
        raise ConfigurationError("No server runs here. `headrace server start --background` starts one.")
    return f"{found.url}/"
