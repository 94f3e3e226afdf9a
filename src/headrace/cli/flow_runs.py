"""`headrace flow-run`: find flow runs, look at them, stop them, run them again, delete them."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from headrace.cli import acting, options, world
from headrace.cli.acting import Wanted
from headrace.cli.find import find_run
from headrace.cli.look import note, say

app = typer.Typer(
    name="flow-run", help="Find flow runs, look at them, stop them, run them again.", no_args_is_help=True
)

_LS = "Example: headrace flow-run ls --state failed --flow ingest --since 2d -o json"
_LOGS = "Examples: headrace flow-run logs ingest-Sunday --level warning · headrace flow-run logs 0195a1b2 --follow"
_RETRY = "Examples: headrace flow-run retry ingest-Sunday · headrace flow-run retry 0195a1b2 -e flows.py:ingest"
Entrypoint = typer.Option(
    "--entrypoint",
    "-e",
    metavar="FILE.py:FLOW",
    help="Where the flow's code is; by default where it was.",
)
Here = options.flag("--here", help="Run it here, though it is the run of a deployment that is served elsewhere.")


@app.command(epilog=_LS)
def ls(
    state: options.States = None,
    flow: options.FlowName = None,
    name: options.RunName = None,
    since: options.Since = None,
    until: options.Until = None,
    limit: options.Limit = 20,
    json_: options.JsonRuns = False,
) -> None:
    """List flow runs, the newest first."""
    acting.list_runs("flow", Wanted(state, flow, None, name, since, until), limit, json_)


@app.command(epilog="Example: headrace flow-run inspect ingest-Sunday")
def inspect(run: options.WhichFlowRun, rows: options.Rows = 100, json_: options.JsonRun = False) -> None:
    """Show one flow run: its parameters, the history of its states, and the timeline of its task runs."""
    acting.inspect(run, rows, json_, ("flow",))


@app.command(epilog=_LOGS)
def logs(
    run: options.WhichFlowRun,
    level: options.Level = "debug",
    follow: options.Follow = False,
    json_: options.JsonLines = False,
) -> None:
    """Print the log of a flow run, with that of its task runs."""
    acting.logs(run, level, follow, json_, ("flow",))


@app.command(epilog="Example: headrace flow-run watch ingest-Sunday")
def watch(
    run: options.WhichFlowRun,
    rows: options.Rows = 100,
    quiet: Annotated[bool, options.flag("--quiet", "-q", help="Print nothing; the exit status tells.")] = False,
    json_: options.JsonRun = False,
) -> None:
    """Show how a flow run gets on until it has ended, then its timeline. Exits with 1 if it did not complete."""
    from headrace.cli.progress import watch_run
    from headrace.cli.run import report

    store = world.store()
    found = store.flow_run(find_run(store, run, ("flow",)).id)
    ended = watch_run(store, found, silent=quiet or json_)
    report(ended.id, quiet=quiet, json_=json_, most=rows)
    raise typer.Exit(0 if ended.state is not None and ended.state.is_completed() else 1)


@app.command(epilog="Example: headrace flow-run cancel ingest-Sunday")
def cancel(runs: options.WhichFlowRuns, force: options.Force = False) -> None:
    """Ask flow runs to stop. Their processes notice within a second, and call the hooks for cancellation."""
    acting.cancel(runs, force)


@app.command(epilog=_RETRY)
def retry(
    run: options.WhichFlowRun,
    entrypoint: Annotated[str | None, Entrypoint] = None,
    here: Annotated[bool, Here] = False,
    rows: options.Rows = 100,
    quiet: options.Quiet = False,
    json_: options.JsonRun = False,
) -> None:
    """Run a flow run again that has ended: the same run goes on, here and now, with the parameters it was given.

    The run of a deployment is run again by who serves that. Exits with 1 if it did not complete.
    """
    from headrace.cli.run import carry_out, stdout_kept_for_json
    from headrace.client import retrying

    found = world.store().flow_run(find_run(world.store(), run, ("flow",)).id)
    if retrying.is_served(found) and entrypoint is None and not here:
        retrying.ask_for_retry(world.current(), found.id)
        say(f"Asked whoever serves its deployment to run {found.name} again")
        note(f"`headrace flow-run watch {found.id}` shows how it goes; --here runs it here.")
        return
    with stdout_kept_for_json() if json_ else contextlib.nullcontext():
        again = retrying.retry_here(world.current(), found.id, entrypoint)
        ended = carry_out(again.flow.name, again, quiet=quiet, json_=json_)
    ended.tell(quiet=quiet, json_=json_, rows=rows)


@app.command(epilog="Example: headrace flow-run as-test ingest-Sunday > test_ingest.py")
def as_test(run: options.WhichFlowRun) -> None:
    """Print a flow run that completed or failed as a pytest file: its tasks give what they gave then."""
    from headrace.client.as_test import copy_as_test

    print(copy_as_test(world.current(), find_run(world.store(), run, ("flow",)).id), end="")


@app.command(epilog="Example: headrace flow-run delete ingest-Sunday --yes")
def delete(runs: options.WhichFlowRuns, yes: options.Yes = False) -> None:
    """Delete flow runs with their task runs, histories and logs. This can't be undone."""
    acting.delete(runs, yes, ("flow",))
