"""What a run returned, or where it failed."""

from __future__ import annotations

from dataclasses import dataclass
from logging import WARNING
from pprint import pformat

from headrace.core.kept import NOT_KEPT, Kept
from headrace.core.records import Run, TaskRun
from headrace.core.states import State
from headrace.drive.fetching import fetch_plainly
from headrace.drive.world import World
from headrace.exceptions import MissingResult
from headrace.store.protocol import LogFilter

#: How much of a result is shown, in characters.
LONGEST = 20_000
_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run returned, as text; `why` says why there is none to be shown. `cut` characters are left out."""

    text: str | None
    why: str = ""
    cut: int = 0


def result_of(world: World, state: State | None) -> Result | None:
    """Return the result of a run that completed; None of another."""
    if state is None or not state.is_completed():
        return None
    if state.data is NOT_KEPT:
        return Result(text=None, why="It was not kept: a task with persist_result=True keeps what it returns.")
    try:
        value = fetch_plainly(state.data, world) if isinstance(state.data, Kept) else state.data
    except MissingResult as error:
        return Result(text=None, why=str(error))
    text = pformat(value, width=100)
    return Result(text=text[:LONGEST], cut=max(len(text) - LONGEST, 0))


def traceback_of(world: World, run: Run) -> str | None:
    """Return the last traceback among the last lines that a run itself has logged; None where there is none."""
    world.logs.flush()
    of_task = run.id if isinstance(run, TaskRun) else None
    where = LogFilter(task_run_id=of_task) if of_task else LogFilter(flow_run_id=run.id)
    for line in world.store.logs(where._replace(min_level=WARNING), limit=50, newest_first=True):
        if line.task_run_id != of_task:
            continue
        _, found, rest = line.message.partition(_TRACEBACK)
        if found:
            return f"{found}{rest}".rstrip()
    return None
