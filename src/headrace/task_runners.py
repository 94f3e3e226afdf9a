"""Where submitted tasks run: a pool of threads, or of processes."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.core import messages
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.drive import sync
from headrace.drive.activities import active
from headrace.drive.guards import Guard, thread_guard
from headrace.drive.leaving import leave_behind
from headrace.drive.world import World, current_world
from headrace.effects import Call, Outcome, Record
from headrace.exceptions import SimulatedCrash
from headrace.futures import RunFuture, RunFutureList, wait
from headrace.mapping import sources, spread
from headrace.runners.threads import WorkerPool
from headrace.runs.context import TaskRunContext
from headrace.runs.steps import PENDING
from headrace.settings import current_settings

if TYPE_CHECKING:
    from headrace.runners.processes import WorkerProcesses

__all__ = ["ConcurrentTaskRunner", "ProcessPoolTaskRunner", "TaskRunner", "ThreadPoolTaskRunner"]


class TaskRunner:
    """Run submitted tasks. A flow run makes a `duplicate` for each attempt, and enters it as a context manager."""

    #: Threads that tell the stories of submitted runs; None: as many as there are runs.
    _bound: int | None = None
    #: Why no further run may begin, once the flow run has been told to end.
    stopped_by: BaseException | None = None
    #: Whether `carry_out` calls functions elsewhere, async ones too: their stories need no event loop here then.
    calls_elsewhere = False

    def __init__(self) -> None:
        self._pool: WorkerPool | None = None
        self._unfinished: dict[int, TaskRunJob] = {}

    @property
    def name(self) -> str:
        """The runner's name, for people: ``threadpool``."""
        return type(self).__name__.removesuffix("TaskRunner").lower()

    def duplicate(self) -> TaskRunner:
        """Return a fresh runner with the same options. Runners of your own override it."""
        return type(self)()

    def __enter__(self) -> TaskRunner:
        if self._pool is not None:
            raise RuntimeError(f"The task runner {self!r} was entered already. Use runner.duplicate() for another one.")
        self._pool = WorkerPool(current_world().clock, self._bound, self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Where a flow run ends there is nothing left by now; what was told to end is not waited for.
        while self.stopped_by is None and (begun := self.finish()):
            wait(begun)  # it may submit more
        if self.stopped_by is not None:
            for left in list(self._unfinished.values()):
                left.leave_behind(self.stopped_by)
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def submit(
        self,
        task: Any,
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
        dependencies: Mapping[str, Sequence[UUID]] | None = None,
    ) -> RunFuture[Any]:
        """Record a run of `task` as Pending, let it run, and return its future.

        `dependencies` are task runs to be recorded, per parameter, beside those that the parameters tell of. Raises
        RuntimeError before entering, TypeError for what is no task.
        """
        pool = self._pool
        if pool is None:
            raise RuntimeError(
                f"The task runner {self!r} takes no submissions before it is entered or after it is left. Submit "
                "inside a flow run, or inside a with block over the runner."
            )
        _check_task(task)
        guard = thread_guard()
        stood = guard.shut()  # an interrupt must not come between the record and the hand-over
        try:
            context = task._context(parameters, wait_for, dependencies)
            current_world().record(Record(context.run, (PENDING,)))
            return self._handed_over(pool, context).promise
        finally:
            guard.reopen(stood)

    def _handed_over(self, pool: WorkerPool, context: TaskRunContext) -> TaskRunJob:
        """Let a run go on that was recorded as Pending."""
        context.unrecorded = ()
        job = TaskRunJob(context.definition, context, current_world(), self)
        self._unfinished[id(job)] = job
        self._begin(job, pool)
        return job

    def _begin(self, job: TaskRunJob, pool: WorkerPool) -> None:
        """Let a submitted run begin."""
        pool.submit(job)

    def map(self, task: Any, parameters: dict[str, Any], wait_for: Iterable[Any] | None = None) -> RunFutureList[Any]:
        """Submit one run of `task` for each item of the iterable parameters."""
        _check_task(task)
        rows, dependencies = spread(task.binder, parameters), sources(parameters)
        return RunFutureList([self.submit(task, row, wait_for, dependencies) for row in rows])

    def carry_out(self, effect: Call, world: World, guard: Guard) -> Outcome | None:
        """Call a task's function elsewhere than in this thread; None: call it here."""
        return None

    def finish(self, reason: BaseException | None = None) -> list[RunFuture[Any]]:
        """Cancel what has not begun, and return the futures of what has; with a `reason`, interrupt that too."""
        pool = self._pool
        if pool is None:
            return []
        if reason is not None:
            self.stop(reason)
        else:
            for waiting in pool.drain():
                waiting.abandon(messages.not_begun)
        begun = list(self._unfinished.values())
        if reason is not None:
            for guard in [job.guard for job in begun if job.guard is not None]:
                guard.interrupt(reason)
        return [job.promise for job in begun]

    def stop(self, reason: BaseException) -> None:
        """Let no further run begin: what has not begun, and what will yet be submitted, is cancelled because of it."""
        self.stopped_by = reason
        pool = self._pool
        for job in pool.take_back() if pool is not None else ():
            job.abandon(messages.crash_message(reason))

    def unfinished(self) -> list[RunFuture[Any]]:
        """Return the futures of what was submitted and has not ended."""
        return [job.promise for job in list(self._unfinished.values())]

    def forget(self, job: TaskRunJob) -> None:
        """Let go of a run that has ended."""
        self._unfinished.pop(id(job), None)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._options() == other._options()

    def __hash__(self) -> int:
        return hash((type(self), self._options()))

    def _options(self) -> tuple[Any, ...]:
        return ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class TaskRunJob:
    """A submitted run, on its way to a thread."""

    def __init__(self, task: Any, context: TaskRunContext, world: World, runner: TaskRunner) -> None:
        self.promise: RunFuture[Any] = RunFuture(context.run)
        self.guard: Guard | None = None
        self._task, self._context, self._world, self._runner = task, context, world, runner
        context.runner = runner
        self._where = contextvars.copy_context()

    def run(self) -> None:
        """Live the task run in a thread of its own, and settle its promise; never raises."""
        run = self._context.run
        self._world.clock.name_participant(run.name, run)
        self.live()

    @property
    def ended_by(self) -> BaseException | None:
        """What ended the run from outside, if anything did."""
        return self._context.ended_by

    def live(self) -> None:
        """Live the task run in this thread, and settle its promise; never raises."""
        try:
            state = self._where.run(self._lived)
        except BaseException as error:  # noqa: BLE001 - the store failed, or we have a bug: the future must still end
            state = self._lost(error)
        if state is not None:
            self._settle(state)

    def _lived(self) -> State | None:
        if (self._task.isasync or self._world.prefers_loops) and not self._runner.calls_elsewhere:
            from headrace.drive.bridge import run_coroutine  # asyncio is slow to import

            ended: State | None = run_coroutine(self._lived_async(), self._world)
            return ended
        with active(self._world, self._context, thread_guard()):
            if not self._begins(thread_guard()):
                return None
            state: State = sync.live(self._world.story(self._task, self._context), self._context, self._world)
            return state

    async def _lived_async(self) -> State | None:
        from headrace.drive import asyncio

        with active(self._world, self._context, asyncio.task_guard()):
            if not self._begins(asyncio.task_guard()):
                return None
            return await asyncio.live(self._world.story(self._task, self._context), self._context, self._world)

    def _begins(self, guard: Guard) -> bool:
        """Begin, or be abandoned if the flow run has been told to end; from here on it is told to this run as well."""
        self.guard = guard
        reason = self._runner.stopped_by
        if reason is not None:
            self.abandon(messages.crash_message(reason))
        return reason is None

    def abandon(self, why: str) -> None:
        """Record that the run was cancelled before it began, and settle its promise."""
        run = self._context.run
        try:
            self._world.record(Record(run, (unstamped(StateType.CANCELLED, message=why),)))
        except (Exception, SimulatedCrash) as error:  # noqa: BLE001 - whatever the store does, the future must end
            self._settle(self._lost(error))
            return
        self._world.logs.say(run, 30, f"Task run {run.name!r} was submitted but not begun: {why.removesuffix('.')}.")
        assert run.state is not None
        self._settle(run.state)

    def leave_behind(self, reason: BaseException) -> None:
        """Wait no more for the end of what goes on in the flow run that this belongs to."""
        flow_context = self._context.within
        if flow_context is not None:
            leave_behind(self._world, flow_context.run.id, reason)

    def _lost(self, error: BaseException) -> State:
        """Return how the run has ended, though its story was not told to the end."""
        state = self._context.run.state
        if state is not None and state.is_final():
            return state
        return unstamped(StateType.CRASHED, message=messages.crash_message(error), data=error)

    def _settle(self, state: State) -> None:
        flow_context = self._context.within
        if flow_context is not None and state.is_completed():
            flow_context.origins.note(state.data, self._context.run.id)
        self._runner.forget(self)
        self.promise.settle(state)


class ThreadPoolTaskRunner(TaskRunner):
    """Run submitted tasks in threads, at most `max_workers` at a time.

    None takes HEADRACE_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS, and where that is not set there is no bound. Tasks run in
    a copy of the context of their submission. A task that waits for another gives up its place meanwhile. Raises
    ValueError below 1.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__()
        self._max_workers = _checked_workers(max_workers)
        self._bound = self._max_workers or current_settings().tasks_runner_thread_pool_max_workers

    def duplicate(self) -> ThreadPoolTaskRunner:
        """Return a fresh runner with the same bound."""
        return type(self)(max_workers=self._max_workers)

    def _options(self) -> tuple[Any, ...]:
        return (self._max_workers,)

    def __repr__(self) -> str:
        return f"ThreadPoolTaskRunner(max_workers={self._max_workers})"


#: The name that this runner had in earlier versions of the interface.
ConcurrentTaskRunner = ThreadPoolTaskRunner


class ProcessPoolTaskRunner(TaskRunner):
    """Run the functions of submitted tasks in processes of their own, at most `max_workers` at a time.

    None takes HEADRACE_TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS, else the number of processors. Functions, arguments and
    results travel by cloudpickle; what can't be pickled fails the run with a SerializationError. States, hooks and
    retries are told in this process; logs come back as they are written. What a task itself submits runs in threads of
    its worker process. Context variables of your own do not travel. Raises ValueError below 1.
    """

    calls_elsewhere = True

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__()
        self._max_workers = _checked_workers(max_workers)
        self._processes: WorkerProcesses | None = None

    def duplicate(self) -> ProcessPoolTaskRunner:
        """Return a fresh runner with the same bound."""
        return type(self)(max_workers=self._max_workers)

    def __enter__(self) -> ProcessPoolTaskRunner:
        import os

        from headrace.runners.processes import WorkerProcesses  # needs cloudpickle, which is slow to import

        world = current_world()
        configured = current_settings().tasks_runner_process_pool_max_workers
        self._bound = self._max_workers or configured or os.cpu_count() or 1
        super().__enter__()
        self.calls_elsewhere = not world.in_process
        if self.calls_elsewhere:
            self._processes = WorkerProcesses(world, self._bound, ThreadPoolTaskRunner())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        processes, self._processes = self._processes, None
        if processes is not None:
            processes.close()

    def carry_out(self, effect: Call, world: World, guard: Guard) -> Outcome | None:
        """Call a task's function in a worker process."""
        processes = self._processes
        return processes.call(effect, guard) if processes is not None else None

    def _options(self) -> tuple[Any, ...]:
        return (self._max_workers,)

    def __repr__(self) -> str:
        return f"ProcessPoolTaskRunner(max_workers={self._max_workers})"


def _check_task(task: Any) -> None:
    if not hasattr(task, "task_key"):
        raise TypeError(f"A task runner runs tasks, not {task!r}. Call a flow inside a task, and submit that.")


def _checked_workers(max_workers: object) -> int | None:
    if max_workers is None:
        return None
    if isinstance(max_workers, bool) or not isinstance(max_workers, int):
        raise TypeError(f"'max_workers' is a whole number or None, not {max_workers!r}.")
    if max_workers < 1:
        raise ValueError(
            f"'max_workers' can't be {max_workers}: a runner needs at least one worker. None is the default."
        )
    return max_workers
