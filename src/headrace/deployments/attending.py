"""Deployments that are served: what is due begins, each run in a thread of its own, as far as there is room."""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from logging import getLogger
from typing import Any

from headrace import calling
from headrace.clock import SystemClock
from headrace.clock.protocol import Over
from headrace.core import messages
from headrace.core.final import failed
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.deployments.planning import Due, Line, asked_again, left_over, scheduled, still_waiting, warn_of_skipped
from headrace.deployments.runner import RunnerDeployment
from headrace.drive.attendants import Attendant
from headrace.drive.bells import Bell
from headrace.drive.guards import Guard
from headrace.drive.lost import record_lost
from headrace.drive.world import World
from headrace.effects import Promise, Record
from headrace.exceptions import (
    NotRetriable,
    ObjectNotFound,
    ParameterBindError,
    ParameterTypeError,
    StoreOutOfReach,
)
from headrace.runners.threads import WorkerPool
from headrace.runs.context import FlowRunContext, tags

_LOGGER = getLogger("headrace.deployments")

#: How often the store and the wall clock are looked at, in seconds: somebody may have asked for a run to stop or to run
#: again, and the clock may be set; while a machine sleeps waits stand still.
_LOOK_SECONDS = 0.5
#: A run that there is room for is late when its time is longer ago than so many seconds.
_LATE_SECONDS = 15.0


class Server(Attendant):
    """Whoever serves deployments. At most `limit` runs are at work at a time, None: any number.

    `pauses`: runs that are planned when it stops are taken back, and left to the next server where not.
    """

    def __init__(
        self, world: World, deployments: Sequence[RunnerDeployment], limit: int | None, pauses: bool, announces: bool
    ) -> None:
        super().__init__(world, Bell(), "deployments", _LOGGER)
        self._deployments, self._limit, self._pauses, self._announces = deployments, limit, pauses, announces
        served = [deployment for deployment in deployments if not deployment.paused]
        self._lines = [
            Line(world, deployment, schedule)
            for deployment in served
            for schedule in deployment.schedules
            if schedule.active
        ]
        self._by_id = {deployment.id: deployment for deployment in deployments}
        self._waiting: list[Due] = []
        self._begun: list[RunJob] = []
        self._pool: WorkerPool | None = None

    def announce(self) -> None:
        """Say what is served."""
        if self._announces:
            for deployment in self._deployments:
                when = ", ".join(map(str, deployment.schedules)) or "no schedule"
                paused = " (paused)" if deployment.paused else ""
                _LOGGER.info("Serving %r%s: %s", deployment.full_name, paused, when)
        if not self._lines:
            _LOGGER.warning("Nothing that is served has a schedule, so nothing will run: pass cron='0 9 * * *', say")

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have threads for the runs, and plan the first."""
        self._pool = WorkerPool(self._world.clock, None, "deployments")
        record_lost(self._world)
        try:
            now = self._world.clock.now()
            for deployment in self._deployments:
                self._open(deployment, now)
            with self._world.activities.asked(self._bell.ring):
                yield
        finally:
            self._pool.close()

    def _open(self, deployment: RunnerDeployment, now: datetime) -> None:
        """Plan the first run of each schedule, and take over what whoever served the deployment has left."""
        lines = [line for line in self._lines if line.deployment is deployment]
        if not lines:
            return
        left = left_over(self._world, deployment)
        for line in lines:
            line.open(now, left)
        for run in left:
            at = run.expected_start_time
            line = next((line for line in lines if at is not None and line.includes(at)), lines[0])
            if at is None or at > now:
                self._world.store.delete("flow", run.id)  # planned by a schedule that there is no longer
                continue
            self._waiting.append(Due(at, run, deployment, deployment.given(line.schedule)))
            passed = line.passed(at, now)
            if passed:
                warn_of_skipped(deployment, passed)

    def work(self) -> float | None:
        """Let begin what is due, and answer in how many seconds the next run is."""
        now = self._world.clock.now()
        for line in self._lines:
            due = line.take(now)
            if due is not None:
                self._waiting.append(due)
        with suppress(StoreOutOfReach):  # nobody is heard of then
            self._waiting += asked_again(self._world, self._by_id)
        self._waiting = still_waiting(self._world, self._waiting)
        self._begun = [job for job in self._begun if not job.promise.done()]
        self._waiting = [due for due in sorted(self._waiting, key=_moment) if not self._begins(due)]
        self._waiting = [due for due in self._waiting if self._is_late(due) or self._becomes_late(due)]
        return self._patience(now)

    def _begins(self, due: Due) -> bool:
        """Let a run begin, or end, if it may; say whether it waits no longer."""
        deployment = due.deployment
        own = sum(job.due.deployment is deployment for job in self._begun)
        if deployment.concurrency is not None and own >= deployment.concurrency.limit:
            if deployment.cancels_new:
                self._move(due, unstamped(StateType.CANCELLED, message=messages.deployment_is_full))
            return deployment.cancels_new
        if self._limit is not None and len(self._begun) >= self._limit:
            return False
        passed = (self._world.clock.now() - due.at).total_seconds()
        if passed > _LATE_SECONDS and not self._is_late(due) and not self._becomes_late(due):
            return True
        job = RunJob(self._world, due)
        job.promise.when_done(self._bell.ring)
        self._begun.append(job)
        assert self._pool is not None, "runs begin while it is open"
        self._pool.submit(job)
        return True

    @staticmethod
    def _is_late(due: Due) -> bool:
        return due.run.state_name == "Late" or due.run.run_count > 0  # what is run again has no time of its own

    def _becomes_late(self, due: Due) -> bool:
        return self._move(due, scheduled(due.at, "Late"))

    def _move(self, due: Due, state: State) -> bool:
        """Let a run that waits enter a state; False where somebody has ended or deleted it meanwhile."""
        try:
            return self._world.record(Record(due.run, (state,))) is None
        except ObjectNotFound:
            return False

    def _patience(self, now: datetime) -> float | None:
        seconds = min(((line.next.at - now).total_seconds() for line in self._lines if line.next), default=None)
        if isinstance(self._world.clock, SystemClock):
            return _LOOK_SECONDS if seconds is None else min(seconds, _LOOK_SECONDS)
        return seconds

    def at_work(self) -> Sequence[Promise]:
        """Return the runs that were begun and have not ended."""
        return [job.promise for job in self._begun if not job.promise.done()]

    def end(self, reason: BaseException) -> None:
        """End what is at work."""
        for job in self._begun:
            if not job.promise.done():
                self._world.activities.interrupt(job.due.run.id, reason)

    def leave(self) -> None:
        """Take back what is planned, unless it is left for the next server."""
        if not self._pauses:
            return
        planned = [line.next for line in self._lines if line.next is not None]
        with suppress(StoreOutOfReach):  # they stay planned, for whoever serves the deployments next
            for due in still_waiting(self._world, planned):
                self._world.store.delete("flow", due.run.id)
        for due in self._waiting:
            self._move(due, unstamped(StateType.CANCELLED, message=messages.server_is_gone))

    def awaited(self) -> str:
        """Say which deployments are waited for."""
        return f"runs of {', '.join(deployment.full_name for deployment in self._deployments)}"


def _moment(due: Due) -> datetime:
    return due.at


class RunJob:
    """One run of a deployment, in a thread; whatever ends it ends no other."""

    def __init__(self, world: World, due: Due) -> None:
        self.due = due
        self.promise = Promise(due.run)
        self.guard: Guard | None = None
        self._world, self._surroundings = world, contextvars.copy_context()

    def run(self) -> None:
        """Live the run, and settle its promise."""
        try:
            self._surroundings.run(self._live)
        except Over:
            raise
        except BaseException as error:  # noqa: BLE001 - it ends this run alone, whose history says so
            _LOGGER.error("The flow run %r ended by %s", self.due.run.name, repr(error))
        finally:
            self.promise.settle(self.due.run.state or unstamped(StateType.CRASHED))

    def _live(self) -> None:
        flow, run = self.due.deployment.flow, self.due.run
        try:
            context = self._context()
        except (ParameterBindError, ParameterTypeError, NotRetriable) as error:
            self._world.record(Record(run, (failed(error, "flow"),)))
            return
        with tags(*run.tags):
            lived: Any = calling.call(flow, lambda: context, return_state=True)
            if inspect.iscoroutine(lived):
                from headrace.drive.bridge import thread_loop  # asyncio is slow to import, and sync flows do without

                thread_loop(self._world).run(lived)

    def _context(self) -> FlowRunContext:
        flow, run, deployed = self.due.deployment.flow, self.due.run, self.due.deployed()
        context: FlowRunContext = (
            flow.retried(run, flow.given_again(run), deployed) if run.run_count else flow.deployed(run, deployed)
        )
        return context

    def abandon(self, why: str) -> None:
        """Record that the run was cancelled before it began."""
        self._world.record(Record(self.due.run, (unstamped(StateType.CANCELLED, message=why),)))
