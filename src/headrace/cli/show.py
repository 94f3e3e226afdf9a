"""One run, printed for people: what it is, what it was given, what happened to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from headrace.cli.look import STYLES, moment_text, out, state_text, timeline
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.timeline import SYMBOLS, Row, one_line, seconds_text
from headrace.store.story import Story

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_ILL = (StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)


def show_run(run: Run, history: Sequence[State], story: Story, now: datetime) -> None:
    """Print a run: its facts, its parameters, its history, its timeline, and what went wrong in it."""
    console = out()
    console.print(one_line(run.name), style="bold")
    _pairs(console, _facts(run, now))
    parameters = run.parameters if isinstance(run, FlowRun | TaskRun) else {}
    if parameters:
        console.print("\nparameters", style="dim")
        _pairs(console, _values(parameters))
    console.print("\nhistory", style="dim")
    _pairs(console, _steps(history, now))
    console.print("\ntimeline", style="dim")
    timeline(story.rows, console, story.left_out)
    print_troubles(story.rows, console)


def print_troubles(rows: Sequence[Row], console: Console, most: int = 20) -> None:
    """Print the message of every run that did not end well, at most `most` of them."""
    ill = [row for row in rows if row.state_type in _ILL or row.state_name == "NotReady"]
    for row in ill[:most]:
        head = f"\n{SYMBOLS[row.state_type]} {one_line(row.name)}: {row.state_name}"
        console.print(head, style=STYLES[row.state_type or ""], soft_wrap=True)
        if row.message:
            console.print("  " + row.message.replace("\n", "\n  "), soft_wrap=True)
    if len(ill) > most:
        console.print(f"\n… and {len(ill) - most} more", style="dim")


def _pairs(console: Console, pairs: Iterable[tuple[str, str | Text]]) -> None:
    """Print names and values in two columns, long values wrapped within theirs."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row("  " + name, value)
    for line in console.render_lines(grid, pad=False):  # the grid fills up its last column with spaces
        text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
        text.rstrip()
        console.print(text, soft_wrap=True)


def _facts(run: Run, now: datetime) -> Iterator[tuple[str, str | Text]]:
    yield "id", str(run.id)
    if isinstance(run, FlowRun):
        yield "flow", run.flow_name + (f", version {run.flow_version}" if run.flow_version else "")
    if isinstance(run, TaskRun):
        yield "task", run.task_name
        yield "flow run", str(run.flow_run_id or "none")
    yield "state", state_text(run.state_type, run.state_name)
    yield "created", moment_text(run.created, now)
    if run.start_time:
        yield "started", moment_text(run.start_time, now)
        yield "took", _took(run, run.start_time, now)
    if run.tags:
        yield "tags", ", ".join(sorted(run.tags))
    if isinstance(run, FlowRun) and run.parent_flow_run_id:
        yield "parent", str(run.parent_flow_run_id)


def _took(run: Run, start: datetime, now: datetime) -> str:
    whole = seconds_text(((run.end_time or now) - start).total_seconds())
    running = seconds_text(run.total_run_time.total_seconds())
    so_far = "" if run.end_time else " so far"
    attempts = "1 attempt" if run.run_count == 1 else f"{run.run_count} attempts"
    return f"{whole}{so_far}, {running} of it running, in {attempts}"


def _values(parameters: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in parameters.items():
        yield name, json.dumps(value, ensure_ascii=False, default=repr)


def _steps(history: Sequence[State], now: datetime) -> Iterator[tuple[str, Text]]:
    """Yield, for each state, when it was entered (local time, and since the first) and what it is."""
    begin = next((state.timestamp for state in history if state.timestamp), None)
    for state in history:
        at = state.timestamp.astimezone().strftime("%H:%M:%S.%f")[:-3] if state.timestamp else "–"
        since = (state.timestamp - begin).total_seconds() if state.timestamp and begin else None
        told = state_text(state.type, state.name)
        if state.message:
            told.append(f"  {state.message}", style="")
        yield f"{at}  +{seconds_text(since)}", told
