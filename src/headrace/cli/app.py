"""All commands, held together."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from headrace.cli import (
    artifacts,
    completing,
    config,
    dashboard,
    flow_runs,
    flows,
    limits,
    profiles,
    run,
    runs,
    server,
    task_runs,
    tasks,
    variables,
)
from headrace.cli.look import print_json, say
from headrace.cli.options import flag, json_flag


class _Commands(TyperGroup):
    """The commands, each of which takes ``-o json`` where it takes ``--json``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read ``-o json`` as ``--json``, up to a ``--``."""
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [*_with_json_flags(args[:end]), *args[end:]])


def _with_json_flags(args: list[str]) -> Iterator[str]:
    left = iter(args)
    for word in left:
        name, equals, value = word.partition("=")
        if name not in ("-o", "--output"):
            yield word
            continue
        form = value if equals else next(left, "")
        if form != "json":
            raise typer.BadParameter(f"{form!r} is no form that there is; write {name} json.", param_hint=name)
        yield "--json"


app = typer.Typer(
    name="headrace",
    cls=_Commands,
    help="Run flows, look at their runs, and set headrace up.",
    epilog="Example: headrace run flows.py:ingest -p day=2026-03-01, and then: headrace runs ls",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", epilog=run.EXAMPLES)(run.run)
for group in (
    *(flows, flow_runs, task_runs, runs, tasks, artifacts, variables, limits),
    *(server, dashboard, config, profiles),
):
    app.add_typer(group.app)


@functools.cache
def command() -> Any:
    """Return all commands as one that can be called: to make it takes as long as most commands do."""
    return typer.main.get_command(app)


def _version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        flag("--version", help="Print the version, and nothing else.", is_eager=True, callback=_version),
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="Use the settings of this profile.",
            autocompletion=completing.profiles,
        ),
    ] = None,
) -> None:
    """Run flows, look at their runs, and set headrace up."""
    if profile is not None:
        from headrace.settings import refresh_settings

        os.environ["HEADRACE_PROFILE"] = profile  # processes that the command starts are to have it, too
        refresh_settings()


@app.command(epilog="Example: headrace version --json")
def version(
    as_json: Annotated[bool, json_flag("JSON: version, python, platform, sqlite")] = False,
) -> None:
    """Print the version of headrace; with --json also those of what it runs on."""
    from headrace._version import __version__

    if not as_json:
        say(f"headrace {__version__}")
        return
    import platform
    import sqlite3

    print_json(
        {
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "sqlite": sqlite3.sqlite_version,
        }
    )
