"""`headrace task-run`: find task runs, and look at them."""

from __future__ import annotations

import typer

from headrace.cli import acting, options
from headrace.cli.acting import Wanted

app = typer.Typer(name="task-run", help="Find task runs, and look at them.", no_args_is_help=True)

_LS = "Example: headrace task-run ls --state failed --task fetch --since 2d -o json"


@app.command(epilog=_LS)
def ls(
    state: options.States = None,
    flow: options.FlowName = None,
    task: options.TaskName = None,
    name: options.RunName = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = 20,
    json_: options.JsonRuns = False,
) -> None:
    """List task runs, the newest first."""
    acting.list_runs("task", Wanted(state, flow, task, name, since, until), limit, json_)


@app.command(epilog="Example: headrace task-run inspect fetch-a42")
def inspect(run: options.WhichTaskRun, rows: options.Rows = 100, json_: options.JsonRun = False) -> None:
    """Show one task run: its parameters, the history of its states, and its timeline."""
    acting.inspect(run, rows, json_, ("task",))


@app.command(epilog="Example: headrace task-run logs fetch-a42 --level warning")
def logs(
    run: options.WhichTaskRun,
    level: options.Level = "debug",
    follow: options.Follow = False,
    json_: options.JsonLines = False,
) -> None:
    """Print the log of a task run."""
    acting.logs(run, level, follow, json_, ("task",))


@app.command(epilog="Example: headrace task-run delete fetch-a42 --yes")
def delete(runs: options.WhichRuns, yes: options.Yes = False) -> None:
    """Delete task runs with their histories and logs. This can't be undone."""
    acting.delete(runs, yes, ("task",))
