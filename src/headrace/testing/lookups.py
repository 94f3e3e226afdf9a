"""What a world's store knows about one run: its log, what it waited for, what limits it, what it started."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.states import State
from headrace.drive.logs import ELSEWHERE
from headrace.drive.world import World
from headrace.store.protocol import EVERY_RUN, LogFilter, LogRecord, RunFilter

#: Where the traceback begins in the line of a log that has one.
_TRACEBACK = re.compile(rf"\n(?={ELSEWHERE}.*:\nTraceback|Traceback \(most recent call last\):)")

#: The name among a task run's inputs that stands for no parameter, but for the task that called it.
_PARENTS = "__parents__"


def definition_name(run: Run) -> str:
    """Return the name of the flow or task that this is a run of."""
    assert isinstance(run, FlowRun | TaskRun)
    return run.flow_name if isinstance(run, FlowRun) else run.task_name


def log_lines(world: World, run: Run) -> list[LogRecord]:
    """Return the run's own log lines, without those of runs that it started."""
    world.logs.flush()
    if run.kind == "task":
        return world.store.logs(LogFilter(task_run_id=run.id))
    return [line for line in world.store.logs(LogFilter(flow_run_id=run.id)) if line.task_run_id is None]


def without_traceback(message: str) -> str:
    """Return the message of a log line without the traceback that it may end with."""
    return _TRACEBACK.split(message, maxsplit=1)[0]


def traceback_in(message: str) -> str:
    """Return the traceback that the message of a log line ends with; "" where it has none."""
    return "".join(_TRACEBACK.split(message, maxsplit=1)[1:])


def upstream(world: World, run: Run) -> list[Run]:
    """Return the runs that this one took values from or waited for, subflows in the place of their stand-ins."""
    standing = _stand_in(world, run) if isinstance(run, FlowRun) else run
    if not isinstance(standing, TaskRun):
        return []
    ids = frozenset(upstream_ids(standing))
    return [stood_for(world, one) or one for one in world.store.task_runs(RunFilter(ids=ids))] if ids else []


def upstream_ids(run: TaskRun) -> dict[UUID, None]:
    """Return the ids of the task runs that one took values from or waited for, each once, in order."""
    return dict.fromkeys(run_id for name, given in run.task_inputs.items() if name != _PARENTS for run_id in given)


def stood_for(world: World, run: Run) -> FlowRun | None:
    """Return the subflow that a task run stands for; None where there is none, or it is not recorded yet."""
    if not isinstance(run, TaskRun) or run.child_flow_run_id is None:
        return None
    return next(iter(world.store.flow_runs(RunFilter(ids=frozenset({run.child_flow_run_id})))), None)


def _stand_in(world: World, run: FlowRun) -> TaskRun | None:
    return world.store.task_run(run.parent_task_run_id) if run.parent_task_run_id else None


def limits(world: World, run: Run) -> list[str]:
    """Return the names of the limits of the run's tags."""
    wanted = {f"tag:{tag}" for tag in run.tags}
    return [limit.name for limit in world.store.limits(world.clock.now()) if limit.name in wanted]


def children(world: World, run: Run) -> list[Run]:
    """Return what a run started, in order of creation; subflows in the place of task runs that stand for them."""
    store = world.store
    if isinstance(run, TaskRun):
        around = RunFilter(flow_run_id=run.flow_run_id) if run.flow_run_id else EVERY_RUN
        return [task for task in store.task_runs(around) if parent(task) == run.id]
    subflows = {child.id: child for child in store.flow_runs(RunFilter(flow_run_id=run.id))}
    tasks = [task for task in store.task_runs(RunFilter(flow_run_id=run.id)) if parent(task) == run.id]
    return [subflows.get(task.child_flow_run_id, task) if task.child_flow_run_id else task for task in tasks]


def parent(run: Run) -> UUID | None:
    """Return the id of the run that started this one: the task that called it, else the flow run around it."""
    if isinstance(run, TaskRun):
        callers = run.task_inputs.get(_PARENTS)
        return callers[0] if callers else run.flow_run_id
    assert isinstance(run, FlowRun)
    return run.parent_flow_run_id


def planned_delays(states: list[State]) -> list[float]:
    """Return the planned seconds before each retry that had a delay, to the millisecond; whole ones as int."""
    return [_delay(state) for state in states if state.name == "AwaitingRetry"]


def _delay(state: State) -> float:
    until, since = state.state_details.scheduled_time, state.timestamp
    assert until is not None, "who awaits a retry knows until when"
    assert since is not None, "a recorded state has its moment"
    # The state is stamped a moment after the delay was worked out, and after every state before it.
    seconds = round((until - since) / timedelta(seconds=1), 3)
    return int(seconds) if seconds == int(seconds) else seconds
