"""A run with all that belongs to it, read from the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.timeline import Row, rows
from headrace.store.protocol import RunFilter

if TYPE_CHECKING:
    from headrace.store.protocol import Store

_COMPLETED = frozenset({StateType.COMPLETED})
_NOT_COMPLETED = frozenset(StateType) - _COMPLETED


class Story(NamedTuple):
    """The rows of a run's timeline, and how many task runs are not among them."""

    rows: list[Row]
    left_out: int


def story_of(
    store: Store, run: Run, now: datetime, most: int | None = None, *, most_telling: int | None = None
) -> Story:
    """Return the timeline of a run: it, its task runs, its subflows and theirs.

    Of more than `most` runs only that many are read, so that a run of a hundred thousand is shown at once: all
    that did not complete, all subflows, and of the others the first. `most_telling` bounds the former two as well.
    """
    subflows = islice(descendants(store, run), most_telling) if isinstance(run, FlowRun) else ()
    flow_runs = [run, *subflows] if isinstance(run, FlowRun) else []
    tasks = _all_tasks(store, flow_runs) if most is None else _most_telling(store, flow_runs, most, most_telling)
    left_out = 0
    if most is not None:
        left_out = sum(store.count("task", RunFilter(flow_run_id=each.id)) for each in flow_runs) - len(tasks)
    everyone: list[Run] = [run, *flow_runs[1:], *tasks]
    until = None if run.state is not None and run.state.is_final() else now
    drawn = rows(run, tasks, flow_runs[1:], store.histories([one.id for one in everyone]), until)
    return Story(drawn, left_out)


def _all_tasks(store: Store, flow_runs: Sequence[FlowRun]) -> list[TaskRun]:
    return [task for flow_run in flow_runs for task in store.task_runs(RunFilter(flow_run_id=flow_run.id))]


def _most_telling(store: Store, flow_runs: Sequence[FlowRun], most: int, most_ill: int | None) -> list[TaskRun]:
    """Return the task runs that did not complete, those that stand for subflows, and others while there is room."""
    ids = frozenset(run.parent_task_run_id for run in flow_runs[1:] if run.parent_task_run_id is not None)
    standing = store.task_runs(RunFilter(ids=ids, state_types=_COMPLETED)) if ids else []
    ill = [RunFilter(flow_run_id=run.id, state_types=_NOT_COMPLETED) for run in flow_runs]
    tasks = [*standing, *islice((task for where in ill for task in store.task_runs(where, limit=most_ill)), most_ill)]
    room = most - 1 - len(tasks)  # a subflow and the task run that stands for it share a row
    for run in flow_runs:
        if room <= 0:
            break
        well = RunFilter(flow_run_id=run.id, state_types=_COMPLETED)
        found = [task for task in store.task_runs(well, limit=room + len(ids)) if task.id not in ids][:room]
        tasks += found
        room -= len(found)
    return tasks


def descendants(store: Store, run: Run) -> Iterator[FlowRun]:
    """Yield the subflows of a flow run, and theirs."""
    for child in store.flow_runs(RunFilter(flow_run_id=run.id)):
        yield child
        yield from descendants(store, child)
