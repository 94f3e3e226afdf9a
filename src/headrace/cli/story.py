"""A run with all that belongs to it, read from the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.timeline import Row, rows
from headrace.store.protocol import RunFilter

if TYPE_CHECKING:
    from headrace.store.protocol import Store


def timeline_of(store: Store, run: Run, now: datetime) -> list[Row]:
    """Return the rows of a run's timeline: it, its task runs, its subflows and theirs."""
    flow_runs = [run, *descendants(store, run)] if isinstance(run, FlowRun) else []
    tasks = [task for flow_run in flow_runs for task in store.task_runs(RunFilter(flow_run_id=flow_run.id))]
    everyone: list[Run] = [run, *flow_runs[1:], *tasks]
    until = None if run.state is not None and run.state.is_final() else now
    return rows(run, tasks, flow_runs[1:], {one.id: store.history(one.id) for one in everyone}, until)


def descendants(store: Store, run: Run) -> Iterator[FlowRun]:
    """Yield the subflows of a flow run, and theirs."""
    for child in store.flow_runs(RunFilter(flow_run_id=run.id)):
        yield child
        yield from descendants(store, child)


def flow_run_of(store: Store, run: Run) -> FlowRun | None:
    """Return the flow run that a run belongs to, or is; None for a task run outside a flow."""
    if isinstance(run, FlowRun):
        return run
    return store.flow_run(run.flow_run_id) if isinstance(run, TaskRun) and run.flow_run_id else None
