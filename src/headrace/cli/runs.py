"""`headrace runs`: find runs of either kind, look at them, ask them to stop, delete them.

`headrace flow-run` and `headrace task-run` do the same to one kind, under the names that the field knows.
"""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli import acting, options
from headrace.cli.acting import Wanted
from headrace.cli.options import flag

app = typer.Typer(
    name="runs", help="Find runs of flows and tasks, look at them, ask them to stop.", no_args_is_help=True
)

_LS = """Examples: headrace runs ls --state failed --since 2d · headrace runs ls --flow ingest --tasks --json"""
_LOGS = "Examples: headrace runs logs ingest-Sunday --level warning · headrace runs logs 0195a1b2 --follow"


@app.command(epilog=_LS)
def ls(
    state: options.States = None,
    flow: options.FlowName = None,
    task: options.TaskName = None,
    name: options.RunName = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = 20,
    tasks: Annotated[bool, flag("--tasks", help="List task runs instead of flow runs; --task does so too.")] = False,
    json_: options.JsonRuns = False,
) -> None:
    """List runs, the newest first."""
    of_tasks = tasks or task is not None
    acting.list_runs("task" if of_tasks else "flow", Wanted(state, flow, task, name, since, until), limit, json_)


@app.command(epilog="Example: headrace runs show ingest-Sunday")
def show(run: options.WhichRun, rows: options.Rows = 100, json_: options.JsonRun = False) -> None:
    """Show one run: its parameters, the history of its states, and the timeline of its task runs."""
    acting.inspect(run, rows, json_)


@app.command(epilog=_LOGS)
def logs(
    run: options.WhichRun,
    level: options.Level = "debug",
    follow: options.Follow = False,
    json_: options.JsonLines = False,
) -> None:
    """Print the log of a run, a flow run's with that of its task runs."""
    acting.logs(run, level, follow, json_)


@app.command(epilog="Example: headrace runs cancel ingest-Sunday")
def cancel(runs: options.WhichFlowRuns, force: options.Force = False) -> None:
    """Ask flow runs to stop. Their processes notice within a second, and call the hooks for cancellation."""
    acting.cancel(runs, force)


@app.command(epilog="Example: headrace runs delete ingest-Sunday --yes")
def delete(runs: options.WhichRuns, yes: options.Yes = False) -> None:
    """Delete runs with their histories and logs, flow runs with their task runs too. This can't be undone."""
    acting.delete(runs, yes)
