"""The timelines of runs that a world's store holds, as text for a test's report."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.core.records import FlowRun, Run
from headrace.core.timeline import render, rows
from headrace.drive.world import World
from headrace.exceptions import StoreError
from headrace.store.protocol import RunFilter, Store

#: How many runs a report shows at most.
_MOST = 5
_WIDTH = 100


def timeline(store: Store, run: Run) -> str:
    """Draw a run, with all that it started, as plain text."""
    subflows = list(_below(store, run)) if isinstance(run, FlowRun) else []
    flow_runs = [run, *subflows] if isinstance(run, FlowRun) else []
    tasks = [task for one in flow_runs for task in store.task_runs(RunFilter(flow_run_id=one.id))]
    histories = {one.id: store.history(one.id) for one in (run, *subflows, *tasks)}
    return render(rows(run, tasks, subflows, histories), _WIDTH)


def _below(store: Store, run: Run) -> Iterator[FlowRun]:
    for child in store.flow_runs(RunFilter(flow_run_id=run.id)):
        yield child
        yield from _below(store, child)


def drawn(world: World) -> Iterator[str]:
    """Yield the timelines of the runs that nobody else started: the first few of them."""
    store = world.store
    try:
        yield from _drawn(store)
    except StoreError as error:  # a test may have closed it
        yield f"Its runs can't be shown: {error}"


def _drawn(store: Store) -> Iterator[str]:
    roots: list[Run] = [run for run in store.flow_runs() if run.parent_task_run_id is None]
    roots += [run for run in store.task_runs() if run.flow_run_id is None]
    for run in roots[:_MOST]:
        yield timeline(store, run)
    if len(roots) > _MOST:
        yield f"… and {len(roots) - _MOST} more runs"
