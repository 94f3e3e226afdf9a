"""A task worker at work: what it claims, what it waits for, when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from headrace.background import Call, call_of
from headrace.core import messages
from headrace.core.background import end_of_claimed, has_ended, seconds_to_wait
from headrace.core.records import TaskRun
from headrace.core.states import State, StateType, unstamped
from headrace.drive.guards import answer_termination, signals, thread_guard
from headrace.drive.logs import configure
from headrace.drive.sync import wait
from headrace.drive.world import World
from headrace.effects import Record
from headrace.exceptions import StoreError
from headrace.runs.context import TaskRunContext
from headrace.runs.steps import PENDING
from headrace.store.protocol import NEWEST, Claimed, Idle, RunFilter
from headrace.task_runners import ThreadPoolTaskRunner

#: Among how many scheduled runs to look for those of other versions.
_LOOKED_AT = 1000

_LOGGER = logging.getLogger("headrace.task_worker")


class Runner(ThreadPoolTaskRunner):
    """The threads of a worker. `when_room` is called when another run might begin."""

    def __init__(self, limit: int | None, when_room: Callable[[], object]) -> None:
        super().__init__()
        self._bound, self._when_room = limit, when_room

    def __enter__(self) -> Runner:
        super().__enter__()
        assert self._pool is not None, "entering makes one"
        self._pool.when_room = self._when_room
        return self

    @property
    def has_room(self) -> bool:
        """Say whether another run could begin at once."""
        return self._pool is not None and self._pool.room != 0

    def begin(self, context: TaskRunContext, ended: Callable[[], object]) -> None:
        """Let a run go on that was recorded as Pending; `ended` is called when nothing more comes of it here."""
        assert self._pool is not None, "a worker's runs begin while it is at work"
        self._handed_over(self._pool, context).promise.when_done(ended)


class Service:
    """A worker at work: it claims runs while there is room, waits, and ends when it is told to."""

    def __init__(self, world: World, queues: dict[str, Any], limit: int | None) -> None:
        self._world, self._background, self._queues = world, world.background, queues
        self.runner = Runner(limit, self._background.bell.ring)
        self._stopping = False

    def run(self, timeout: float | None, until_idle: bool) -> None:
        """Serve until told to stop, or for so many seconds, or until nothing is left; then wait for what is at work."""
        guard = thread_guard()
        was_open = guard.shut()  # signals are heard where the worker waits
        try:
            with self._world.clock.participant("task worker"), signals(guard):
                self._announce()
                with self.runner:
                    self._serve(timeout, until_idle)
                    self._finish()
                self._world.logs.flush()
        finally:
            guard.reopen(was_open)

    def stop(self) -> None:
        """Take no further runs."""
        self._stopping = True
        self._background.bell.ring()

    def _announce(self) -> None:
        configure()
        _LOGGER.info("Serving %s", ", ".join(sorted(repr(task.name) for task in self._queues.values())))
        for task in self._queues.values():
            stale = _scheduled_of_other_versions(self._world, task)
            if stale:
                _LOGGER.warning(
                    "%d scheduled runs of %r are for another version of its function, and are not run: serve that "
                    "version, or delete them.", stale, task.name,
                )  # fmt: skip

    def _serve(self, timeout: float | None, until_idle: bool) -> None:
        clock = self._world.clock
        deadline = None if timeout is None else clock.monotonic_ns() + int(timeout * 1e9)
        while not self._stopping:
            seen = self._background.bell.rings
            idle = self._claim_all()
            if until_idle and idle is not None and idle.retry_at is None and not self.runner.unfinished():
                return
            left = None if deadline is None else (deadline - clock.monotonic_ns()) / 1e9
            if left is not None and left <= 0:
                return
            self._wait(seen, idle, left)

    def _claim_all(self) -> Idle | None:
        """Claim runs while there is room; answer that there are none left, or None where there is no room."""
        while self.runner.has_room and not self._stopping:
            claim = self._world.new_id()
            answer = self._background.claim(tuple(self._queues), claim)
            if isinstance(answer, Idle):
                return answer
            try:
                self._take(claim, answer)
            except BaseException:
                self._background.abandon(claim)
                raise
        return None

    def _wait(self, seen: int, idle: Idle | None, left: float | None) -> None:
        """Wait until there may be something to do; a signal lets the worker stop."""
        waits = [seconds for seconds in (self._background.patience(idle), left) if seconds is not None]
        event = self._world.clock.event(f"runs of {', '.join(task.name for task in self._queues.values())}")
        self._background.bell.when_rung(seen, event.set)
        interrupted = wait(event, min(waits, default=None), thread_guard())
        self._background.bell.forget(event.set)
        if interrupted is not None:
            self._told(interrupted.reason)

    def _told(self, reason: BaseException) -> None:
        """Stop because of a signal; a second one ends what is at work."""
        answer_termination(reason)
        if self._stopping:
            self.runner.finish(reason)
        self._stopping = True
        at_work = len(self.runner.unfinished())
        if at_work:
            _LOGGER.info("Stopping after what is at work (runs: %d); another signal ends that now", at_work)

    def _finish(self) -> None:
        """Wait for what is at work."""
        self._stopping = True
        while unfinished := self.runner.unfinished():
            event = self._world.clock.event(unfinished[0].awaited)
            unfinished[0].when_done(event.set)
            interrupted = wait(event, None, thread_guard())
            if interrupted is not None:
                self._told(interrupted.reason)
        _LOGGER.info("Stopped")

    def _take(self, claim: UUID, claimed: Claimed) -> None:
        """Let a run begin, or end it where it can't."""
        run = self._world.store.task_run(claimed.run_id)
        if run.state is not None and has_ended(run.state):
            self._background.dismiss(claim)
            return
        end = end_of_claimed(run)
        context = self._context(run, claimed) if end is None else None
        if isinstance(context, TaskRunContext):
            if self._is_later(run, claim):
                return
            if run.run_count or self._world.record(Record(run, (PENDING,))) is None:
                self.runner.begin(context, lambda: self._ended(run, claim))
                return
        else:
            self._world.record(Record(run, (end or context,)))  # type: ignore[arg-type]
        self._ended(run, claim)

    def _is_later(self, run: TaskRun, claim: UUID) -> bool:
        """Say whether a run waits for its retry; if so, leave it where it is until then."""
        seconds = seconds_to_wait(run, self._world.clock.now())
        if seconds > 0:
            self._background.abandon(claim, seconds)
        return seconds > 0

    def _context(self, run: TaskRun, claimed: Claimed) -> TaskRunContext | State:
        """Return the context for a run; a failed state where its call can't be read."""
        named = (run.task_name, run.task_key)
        task = next(task for task in self._queues.values() if (task.name, task.task_key) == named)
        try:
            call: Call = call_of(claimed.call)
        except Exception as error:  # noqa: BLE001 - unpickling runs users' code
            why = f"Its arguments, as they were scheduled, can't be read: {messages.described(error)}"
            return unstamped(StateType.FAILED, message=why, data=error)
        context: TaskRunContext = task.claimed(run, call)
        return context

    def _ended(self, run: TaskRun, claim: UUID) -> None:
        """Be done with a run; one that was broken off without an end is left to whoever finds its lease run out."""
        try:
            if run.state is not None and has_ended(run.state):
                self._background.dismiss(claim)
                self._background.ended(run.id, run.state)
            elif not self._is_later(run, claim):
                self._background.abandon(claim)
        except StoreError as error:
            _LOGGER.warning("The run %r could not be dismissed, which happens later: %s", run.name, error)
        self._background.bell.ring()


def _scheduled_of_other_versions(world: World, task: Any) -> int:
    """Count the newest of them; more than so many would take long, and say no more."""
    scheduled = RunFilter(state_names=frozenset({"Scheduled"}), task_name=task.name)
    runs = world.store.task_runs(scheduled, order=NEWEST, limit=_LOOKED_AT)
    others = [run for run in runs if run.task_name == task.name and run.task_key != task.task_key]
    return sum(run.run_count == 0 for run in others)
