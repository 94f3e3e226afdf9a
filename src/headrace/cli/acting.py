"""What commands about runs do: `headrace flow-run`, `headrace task-run`, and `headrace runs`, which is for both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import typer

from headrace.cli import as_json, world
from headrace.cli.find import find_run, parse_states, parse_when, unknown_states
from headrace.cli.look import busy, moment_text, note, print_json, print_table, say, state_text
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.timeline import one_line, seconds_text

if TYPE_CHECKING:
    from rich.text import Text

    from headrace.store.protocol import RunFilter, RunKind

#: Either kind of run.
BOTH: tuple[RunKind, ...] = ("flow", "task")


class Wanted(NamedTuple):
    """Which runs to list, as it was typed."""

    state: Sequence[str] | None = None
    flow: str | None = None
    task: str | None = None
    name: str | None = None
    since: str | None = None
    until: str | None = None

    def filter(self) -> RunFilter:
        """Return it as the store is asked. Raises typer.BadParameter for a moment that is none."""
        from headrace.store.protocol import RunFilter

        types, names = parse_states(self.state or ())
        now = world.now()
        return RunFilter(
            state_types=types,
            state_names=names,
            flow_name=self.flow,
            task_name=self.task,
            name=self.name,
            after=parse_when(self.since, now, "--since") if self.since else None,
            before=parse_when(self.until, now, "--until") if self.until else None,
        )


def list_runs(kind: RunKind, wanted: Wanted, limit: int, json_: bool) -> None:
    """Print the runs that are wanted, the newest first."""
    from headrace.store.protocol import NEWEST

    where, store = wanted.filter(), world.store()
    find = store.task_runs if kind == "task" else store.flow_runs
    found: Sequence[Run] = find(where, limit=limit or None, order=NEWEST)
    if json_:
        print_json([as_json.run(run) for run in found])
    elif not found:
        say("No runs fit.")
        _note_unknown(wanted.state or ())
    else:
        _print_runs(found, kind, world.now())
        total = store.count(kind, where)
        if total > len(found):
            note(f"{len(found)} of {total}; --limit 0 lists all")


def _note_unknown(states: Sequence[str]) -> None:
    """Tell what may have been meant by names of states that are none of ours; a user's own may be any."""
    for text, near in unknown_states(states):
        meant = f"; did you mean {near}?" if near else "."
        note(f"{text!r} is no state that headrace gives{meant}")


def _print_runs(found: Sequence[Run], kind: str, now: datetime) -> None:
    length = id_length([run.id for run in found])
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


def id_length(ids: Sequence[object]) -> int:
    """Return how much of an id to show: enough to tell these apart, at least to the millisecond."""
    texts = [str(each) for each in ids]
    return next((n for n in (13, 18, 23) if len({text[:n] for text in texts}) == len(texts)), 36)


def _name_of_code(run: Run) -> str:
    if isinstance(run, FlowRun):
        return run.flow_name
    return run.task_name if isinstance(run, TaskRun) else ""


def _took(run: Run, now: datetime) -> float | None:
    if run.start_time is None:
        return None
    return ((run.end_time or now) - run.start_time).total_seconds()


def inspect(text: str, rows: int, json_: bool, kinds: Sequence[RunKind] = BOTH) -> None:
    """Print one run, its history and its timeline."""
    from headrace.cli.show import show_run
    from headrace.store.story import story_of

    store = world.store()
    found = find_run(store, text, kinds)
    history = store.history(found.id)
    if json_:
        print_json(as_json.story(found, history, story_of(store, found, world.now()).rows))
    else:
        show_run(found, history, story_of(store, found, world.now(), rows), world.now())


def logs(text: str, level: str, follow: bool, json_: bool, kinds: Sequence[RunKind] = BOTH) -> None:
    """Print the log of a run."""
    from headrace.cli.logs import parse_level, print_logs

    store = world.store()
    print_logs(store, find_run(store, text, kinds), parse_level(level), follow=follow, as_json=json_)


def cancel(texts: Sequence[str], force: bool) -> None:
    """Ask flow runs to stop; the exit status is 1 where that came too late for one."""
    store = world.store()
    refused = False
    for found in [find_run(store, text, ("flow",)) for text in texts]:
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


def delete(texts: Sequence[str], yes: bool, kinds: Sequence[RunKind] = BOTH) -> None:
    """Delete runs with what is recorded of them, having asked."""
    store = world.store()
    found = [find_run(store, text, kinds) for text in texts]
    if not yes:
        names = ", ".join(run.name for run in found)
        typer.confirm(f"Delete {names} with all that is recorded of it?", abort=True)
    for run in found:
        with busy(f"Deleting {run.name}"):
            store.delete(run.kind, run.id)
        say(f"Deleted {run.name}")
