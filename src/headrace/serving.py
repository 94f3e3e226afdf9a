"""A task worker at work: what it claims, what it waits for, when it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from headrace.background import Call, call_of
from headrace.core import messages
from headrace.core.background import end_of_claimed, has_ended, seconds_to_wait
from headrace.core.records import TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.drive.attendants import Attendant
from headrace.drive.world import World
from headrace.effects import Promise, Record
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


class Service(Attendant):
    """A task worker at work: it claims runs while there is room; with `until_idle` it ends when nothing is left."""

    def __init__(self, world: World, queues: dict[str, Any], limit: int | None, until_idle: bool) -> None:
        self._background, self._queues, self._until_idle = world.background, queues, until_idle
        super().__init__(world, self._background.bell, "task worker", _LOGGER)
        self.runner = Runner(limit, self._background.bell.ring)

    def announce(self) -> None:
        """Say which tasks are served, and which runs of them are not."""
        _LOGGER.info("Serving %s", ", ".join(sorted(repr(task.name) for task in self._queues.values())))
        for task in self._queues.values():
            stale = _scheduled_of_other_versions(self._world, task)
            if stale:
                _LOGGER.warning(
                    "%d scheduled runs of %r are for another version of its function, and are not run: serve that "
                    "version, or delete them.", stale, task.name,
                )  # fmt: skip

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have threads for the runs."""
        with self.runner:
            yield

    def work(self) -> float | None:
        """Claim what there is room for; there may be more when a lease of others has run out."""
        idle = self._claim_all()
        if self._until_idle and idle is not None and idle.retry_at is None and not self.at_work():
            self.stop()
        return self._background.patience(idle)

    def at_work(self) -> Sequence[Promise]:
        """Return the runs that were begun and have not ended."""
        return self.runner.unfinished()

    def end(self, reason: BaseException) -> None:
        """End what is at work."""
        self.runner.finish(reason)

    def awaited(self) -> str:
        """Say which runs are waited for."""
        return f"runs of {', '.join(task.name for task in self._queues.values())}"

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
