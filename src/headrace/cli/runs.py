"""`headrace runs`: find runs, look at them, ask them to stop, delete them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli import as_json, completing, world
from headrace.cli.find import find_run, parse_states, parse_when, unknown_states
from headrace.cli.look import moment_text, note, print_json, print_table, say, state_text
from headrace.cli.options import Rows, WhichFlowRuns, WhichRun, WhichRuns, flag
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.states import State, StateType
from headrace.core.timeline import one_line, seconds_text

if TYPE_CHECKING:
    from rich.text import Text

    from headrace.store.protocol import RunFilter

app = typer.Typer(name="runs", help="Find runs, look at them, ask them to stop.", no_args_is_help=True)

_LS = """Examples: headrace runs ls --state failed --since 2d · headrace runs ls --flow ingest --tasks --json"""


@app.command(epilog=_LS)
def ls(
    state: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE",
            help="Type (FAILED, which includes TimedOut) or name (Failed); may be given more than once.",
            autocompletion=completing.states,
        ),
    ] = None,
    flow: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Part of the flow's name, or a glob.", autocompletion=completing.flows),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Part of the task's name, or a glob; lists task runs.", autocompletion=completing.tasks
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Part of the run's name, or a glob.")] = None,
    after: Annotated[
        str | None,
        typer.Option(
            "--since",
            "--after",
            metavar="WHEN",
            help="Created then or later: 2h, 1d12h, today, 9:30, 2026-03-01T12:30.",
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option("--until", "--before", metavar="WHEN", help="Created before then; written like --since."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", help="How many to list at most, newest first; 0 for all.", min=0)
    ] = 20,
    tasks: Annotated[bool, flag("--tasks", help="List task runs instead of flow runs.")] = False,
    json_: Annotated[bool, flag("--json", help="Print a JSON array of runs.")] = False,
) -> None:
    """List runs, the newest first."""
    from headrace.store.protocol import NEWEST

    where = _filter(state or (), flow, task, name, after, before)
    store, of_tasks = world.store(), tasks or task is not None
    find = store.task_runs if of_tasks else store.flow_runs
    found: Sequence[Run] = find(where, limit=limit or None, order=NEWEST)
    if json_:
        print_json([as_json.run(run) for run in found])
    elif not found:
        say("No runs fit.")
        _note_unknown(state or ())
    else:
        _print_runs(found, "task" if of_tasks else "flow", world.now())
        total = store.count("task" if of_tasks else "flow", where)
        if total > len(found):
            note(f"{len(found)} of {total}; --limit 0 lists all")


def _note_unknown(states: Sequence[str]) -> None:
    """Tell what may have been meant by names of states that are none of ours; a user's own may be any."""
    for text, near in unknown_states(states):
        meant = f"; did you mean {near}?" if near else "."
        note(f"{text!r} is no state that headrace gives{meant}")


def _filter(
    state: Sequence[str],
    flow: str | None,
    task: str | None,
    name: str | None,
    after: str | None,
    before: str | None,
) -> RunFilter:
    from headrace.store.protocol import RunFilter

    types, names = parse_states(state)
    now = world.now()
    return RunFilter(
        state_types=types,
        state_names=names,
        flow_name=flow,
        task_name=task,
        name=name,
        after=parse_when(after, now, "--since") if after else None,
        before=parse_when(before, now, "--until") if before else None,
    )


def _print_runs(found: Sequence[Run], kind: str, now: datetime) -> None:
    length = _id_length(found)
    rows: list[list[str | Text]] = [
        [
            str(run.id)[:length],
            one_line(run.name),
            one_line(_name_of_code(run)),
            state_text(run.state_type, run.state_name),
            str(run.run_count),
            moment_text(run.created, now),
            seconds_text(_took(run, now)),
        ]
        for run in found
    ]
    heads = ["id", "run", kind, "state", "attempts", "created", "took"]
    spare = ["attempts", "created", kind, "took"]
    print_table(heads, rows, ["attempts", "took"], elastic={"run": 12, kind: 8, "state": 11}, spare=spare)


def _id_length(found: Sequence[Run]) -> int:
    """Return how much of an id to show: enough to tell these apart, at least to the millisecond."""
    ids = [str(run.id) for run in found]
    return next((n for n in (13, 18, 23) if len({text[:n] for text in ids}) == len(ids)), 36)


def _name_of_code(run: Run) -> str:
    if isinstance(run, FlowRun):
        return run.flow_name
    return run.task_name if isinstance(run, TaskRun) else ""


def _took(run: Run, now: datetime) -> float | None:
    if run.start_time is None:
        return None
    return ((run.end_time or now) - run.start_time).total_seconds()


@app.command(epilog="Example: headrace runs show ingest-Sunday")
def show(
    run: WhichRun,
    rows: Rows = 100,
    json_: Annotated[
        bool, flag("--json", help="Print JSON: the run, its history, and all rows of its timeline.")
    ] = False,
) -> None:
    """Show one run: its parameters, the history of its states, and the timeline of its task runs."""
    from headrace.cli.show import show_run
    from headrace.store.story import story_of

    store = world.store()
    found = find_run(store, run)
    history = store.history(found.id)
    if json_:
        print_json(as_json.story(found, history, story_of(store, found, world.now()).rows))
    else:
        show_run(found, history, story_of(store, found, world.now(), rows), world.now())


@app.command(epilog="Examples: headrace runs logs ingest-Sunday --level warning · headrace runs logs 0195a1b2 --follow")
def logs(
    run: WhichRun,
    level: Annotated[
        str,
        typer.Option(
            metavar="LEVEL",
            help="Least level: debug, info, warning, error, critical.",
            autocompletion=completing.levels,
        ),
    ] = "debug",
    follow: Annotated[bool, flag("--follow", "-f", help="Go on until the run has ended.")] = False,
    json_: Annotated[bool, flag("--json", help="Print one JSON object for each line.")] = False,
) -> None:
    """Print the log of a run, a flow run's with that of its task runs."""
    from headrace.cli.logs import parse_level, print_logs

    store = world.store()
    print_logs(store, find_run(store, run), parse_level(level), follow=follow, as_json=json_)


@app.command(epilog="Example: headrace runs cancel ingest-Sunday")
def cancel(
    runs: WhichFlowRuns,
    force: Annotated[bool, flag("--force", help="Record Cancelled at once, for a run whose process is gone.")] = False,
) -> None:
    """Ask flow runs to stop. Their processes notice within a second, and call the hooks for cancellation."""
    store = world.store()
    refused = False
    for found in [find_run(store, text, ("flow",)) for text in runs]:
        asked = [StateType.CANCELLING, StateType.CANCELLED] if force else [StateType.CANCELLING]
        for type_ in asked:
            wanted = State(type_, timestamp=world.now(), message="Cancelled from the command line.")
            standing = store.propose("flow", found.id, wanted)
        refused |= _tell_cancelled(found, standing)
    if refused:
        raise typer.Exit(1)


def _tell_cancelled(run: Run, standing: State) -> bool:
    """Say what became of the request; True if it came too late."""
    if standing.is_cancelling():
        say(f"Asked {run.name} to stop")
    elif standing.is_cancelled():
        say(f"{run.name} is cancelled")
    else:
        say(f"{run.name} has ended already: {standing}")
        return True
    return False


@app.command(epilog="Example: headrace runs delete ingest-Sunday --yes")
def delete(
    runs: WhichRuns,
    yes: Annotated[bool, flag("--yes", "-y", help="Do not ask first.")] = False,
) -> None:
    """Delete runs with their histories and logs, flow runs with their task runs too. This can't be undone."""
    store = world.store()
    found = [find_run(store, text) for text in runs]
    if not yes:
        names = ", ".join(run.name for run in found)
        typer.confirm(f"Delete {names} with all that is recorded of it?", abort=True)
    for run in found:
        store.delete(run.kind, run.id)
        say(f"Deleted {run.name}")
