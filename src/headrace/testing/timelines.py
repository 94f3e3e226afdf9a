"""The timelines of runs that a world's store holds, as text for a test's report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.timeline import cell_width, fit, one_line, render, rows, seconds_text
from headrace.drive.world import World
from headrace.store.protocol import RunFilter, Store
from headrace.testing.transitions import Transition, steps

#: How many runs a report shows at most.
_MOST = 5
_WIDTH = 100
_STORY_HEAD = ("at", "for", "state", "attempt", "because")
#: The states of a run that has nothing to tell: Pending, Running, Completed.
_PLAIN = 3


def timeline(store: Store, run: Run) -> str:
    """Draw a run, with all that it started, as plain text."""
    subflows = list(_below(store, run)) if isinstance(run, FlowRun) else []
    flow_runs = [run, *subflows] if isinstance(run, FlowRun) else []
    tasks = [task for one in flow_runs for task in store.task_runs(RunFilter(flow_run_id=one.id))]
    histories = store.histories([one.id for one in (run, *subflows, *tasks)])
    return render(rows(run, tasks, subflows, histories), _WIDTH)


def common_timeline(store: Store, runs: Sequence[Run]) -> str:
    """Draw some runs, without what they started, on one axis."""
    histories = store.histories([run.id for run in runs])
    return render([row for run in runs for row in rows(run, histories=histories)], _WIDTH)


def story(steps: Sequence[Transition], begin: datetime | None = None) -> str:
    """Tell a run state by state: at which second, for how long, in which attempt, and why. `begin` is second 0."""
    begin = begin or (steps[0].at if steps else None)
    table = [_STORY_HEAD]
    attempt = 0
    for step, after in zip_longest(steps, steps[1:]):
        running = step.state.is_running()
        attempt += running
        lasted = seconds_text((after.at - step.at).total_seconds()) if after else ""
        at = seconds_text((step.at - begin).total_seconds()) if begin else ""
        table.append((at, lasted, step.to, str(attempt) if running else "", one_line(step.cause)))
    widths = [max(cell_width(row[column]) for row in table) for column in range(len(_STORY_HEAD))]
    return "\n".join("  ".join(map(fit, row, widths)).rstrip() for row in table)


def _below(store: Store, run: Run) -> Iterator[FlowRun]:
    for child in store.flow_runs(RunFilter(flow_run_id=run.id)):
        yield child
        yield from _below(store, child)


def drawn(world: World, begin: datetime | None = None) -> Iterator[str]:
    """Yield the timelines of the runs that nobody else started, and stories: the first few. `begin` is second 0."""
    store = world.store
    roots: list[Run] = [run for run in store.flow_runs() if run.parent_task_run_id is None]
    roots += [run for run in store.task_runs() if run.flow_run_id is None]
    for run in roots[:_MOST]:
        yield timeline(store, run)
    if len(roots) > _MOST:
        yield f"… and {len(roots) - _MOST} more runs"
    everything: list[Run] = [*store.flow_runs(), *store.task_runs()]
    begin = begin or min((run.created for run in everything), default=None)
    for run in list(filter(_has_a_story, everything))[:_MOST]:
        yield f"\n{run.kind} run {run.name!r}\n{story(steps(world, run), begin)}"


def _has_a_story(run: Run) -> bool:
    """Say whether there is more to tell of a run than that it was begun and completed; a stand-in's run tells it."""
    stands_in = isinstance(run, TaskRun) and run.child_flow_run_id is not None
    plain = run.state is not None and run.state.is_completed() and run.history_length == _PLAIN
    return not plain and not stands_in
