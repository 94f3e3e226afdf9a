"""Running what was scheduled with `Task.delay`: in this process, for any that uses the same store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from headrace.background import queue_of
from headrace.core.overlaps import checked_limit
from headrace.drive.attendants import attended, refuse_in_loop
from headrace.drive.world import current_world
from headrace.serving import Service

__all__ = ["TaskWorker", "aserve", "serve"]


def serve(*tasks: Any, limit: int | None = 10, timeout: float | None = None, until_idle: bool = False) -> None:
    """Run what is scheduled of these tasks until SIGINT or SIGTERM, at most `limit` runs at a time (None: any number).

    Then it takes no further runs, waits for those at work, and returns; a second signal ends those too. `timeout`: stop
    after so many seconds. `until_idle`: stop when nothing that is scheduled of these tasks is left; for tests, and jobs
    that work off what there is. See `TaskWorker` for what it raises.
    """
    TaskWorker(*tasks, limit=limit).start(timeout, until_idle)


async def aserve(*tasks: Any, limit: int | None = 10, timeout: float | None = None, until_idle: bool = False) -> None:
    """Do as `serve`, in a thread; cancelling it is as good as a signal."""
    await TaskWorker(*tasks, limit=limit).astart(timeout, until_idle)


class TaskWorker:
    """Runs what is scheduled of some tasks, in threads of this process.

    Several workers, in one process or in many, share what there is: each run is claimed by one. What a worker that died
    had claimed is found by another, after half a minute: a run that was at work is recorded as Crashed, others go on.
    Raises TypeError for what is no task, ValueError for no tasks, two of the same, or a `limit` below 1.
    """

    def __init__(self, *tasks: Any, limit: int | None = 10) -> None:
        self.tasks = _checked(tasks)
        self.limit = checked_limit(limit)
        self.started_at: datetime | None = None
        self._queues = {queue_of(task): task for task in self.tasks}
        self._service: Service | None = None

    @property
    def available_tasks(self) -> list[str]:
        """The names of the tasks, in order."""
        return sorted(task.name for task in self.tasks)

    @property
    def current_tasks(self) -> int:
        """How many runs are at work now."""
        return len(self._service.runner.unfinished()) if self._service is not None else 0

    @property
    def started(self) -> bool:
        """Whether the worker is at work."""
        return self._service is not None

    def start(self, timeout: float | None = None, until_idle: bool = False) -> None:
        """Serve until it is told to stop; see `serve`.

        Raises RuntimeError in async code, and where it is at work already.
        """
        refuse_in_loop()
        if self._service is not None:
            raise RuntimeError("The task worker is at work already. Make another one: TaskWorker(...).start().")
        world = current_world()
        self.started_at = world.clock.now()
        with world.background.serving():
            self._service = Service(world, self._queues, self.limit, until_idle)
            try:
                self._service.run(timeout)
            finally:
                self._service = None

    async def astart(self, timeout: float | None = None, until_idle: bool = False) -> None:
        """Do as `start`, in a thread; cancelling it is as good as a signal."""
        await attended(lambda: self.start(timeout, until_idle), self.stop)

    def stop(self) -> None:
        """Take no further runs, and return from `start` when those at work have ended. From any thread."""
        run = self._service
        if run is not None:
            run.stop()

    def __repr__(self) -> str:
        return f"<TaskWorker of {', '.join(map(repr, self.available_tasks))}>"


def _checked(tasks: Sequence[Any]) -> tuple[Any, ...]:
    if not tasks:
        raise ValueError("A task worker serves at least one task: write serve(my_task).")
    for task in tasks:
        if not (hasattr(type(task), "story") and hasattr(task, "delay")):
            raise TypeError(f"A task worker serves tasks, made with @task, and {task!r} is none.")
    queues = [queue_of(task) for task in tasks]
    twice = sorted({task.name for task in tasks if queues.count(queue_of(task)) > 1})
    if twice:
        raise ValueError(
            f"A task worker can't serve two tasks of one name and function: {', '.join(map(repr, twice))}. "
            "Give one of them another name: my_task.with_options(name=...)."
        )
    return tuple(tasks)
