"""All commands, held together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from headrace.cli import config, flow_runs, limits, run, runs, server, task_runs, tasks
from headrace.cli.look import print_json, say
from headrace.cli.options import flag


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
app.add_typer(runs.app)
app.add_typer(flow_runs.app)
app.add_typer(task_runs.app)
app.add_typer(tasks.app)
app.add_typer(config.app)
app.add_typer(limits.app)
app.add_typer(server.app)


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
) -> None:
    """Run flows, look at their runs, and set headrace up."""


@app.command(epilog="Example: headrace version --json")
def version(
    as_json: Annotated[bool, flag("--json", help="Print JSON: version, python, platform, sqlite.")] = False,
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
