"""The paths that a flow's task runs can take: carried out at once, in threads, in processes, in event loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from headrace.drive.guards import thread_guard
from headrace.drive.world import World
from headrace.runners.threads import WorkerPool
from headrace.task_runners import ProcessPoolTaskRunner, TaskRunJob, TaskRunner, ThreadPoolTaskRunner

#: How many worker processes a flow gets whose own runner does not say: the same on every machine.
_PROCESSES = 2


class InlineTaskRunner(TaskRunner):
    """Carry submitted task runs out at once, in the thread that submits them: nothing goes on beside anything else."""

    def _begin(self, job: TaskRunJob, pool: WorkerPool) -> None:
        guard = thread_guard()
        before = guard.delivered
        job.live()
        reason = guard.delivered
        if reason is not None and reason is not before and reason is job.ended_by:
            raise reason  # it was meant for this thread, not for the task run alone


class Path(NamedTuple):
    """One of them: what takes the place of a flow's task runner, and whether event loops tell the runs."""

    runner: Callable[[Any], TaskRunner]
    real_processes: bool = False
    in_loops: bool = False

    def take(self, world: World) -> None:
        """Let all flow runs of a world take this path."""
        world.other_runner, world.prefers_loops = self.runner, self.in_loops
        if self.real_processes:
            world.in_process = False


def _threads(own: Any) -> TaskRunner:
    return ThreadPoolTaskRunner(max_workers=_bound(own))


def _processes(own: Any) -> TaskRunner:
    return ProcessPoolTaskRunner(max_workers=_bound(own) or _PROCESSES)


def _bound(own: Any) -> int | None:
    bound: int | None = getattr(own, "_max_workers", None)
    return bound


PATHS: Mapping[str, Path] = {
    "inline": Path(lambda own: InlineTaskRunner()),
    "threads": Path(_threads),
    "processes": Path(_processes, real_processes=True),
    "async": Path(_threads, in_loops=True),
}


def path_named(name: object) -> Path:
    """Return a path. Raises ValueError, naming all, for any other name."""
    path = PATHS.get(name) if isinstance(name, str) else None
    if path is None:
        raise ValueError(f"There is no runner {name!r}: write one of {', '.join(map(repr, PATHS))}.")
    return path
