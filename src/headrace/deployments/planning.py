"""What is due next of one schedule of a deployment, recorded ahead of its time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core import messages
from headrace.core.records import FlowRun
from headrace.core.schedules import IntervalSchedule
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.deployments.runner import RunnerDeployment
from headrace.drive.world import World
from headrace.effects import Record
from headrace.exceptions import ObjectNotFound, StoreOutOfReach
from headrace.runs.context import Deployed
from headrace.schedules import Schedule
from headrace.store.conditions import AllOf, OneOf

_LOGGER = getLogger("headrace.deployments")


class Due(NamedTuple):
    """A run of a deployment that is recorded as Scheduled, when it is due, and what it is given."""

    at: datetime
    run: FlowRun
    deployment: RunnerDeployment
    given: dict[str, Any]

    def deployed(self) -> Deployed:
        """Return what the run may ask about its deployment."""
        deployment = self.deployment
        return Deployed(deployment.id, deployment.name, deployment.version, self.run.id, self.given)


def scheduled(at: datetime, name: str = "Scheduled") -> State:
    """Return the state of a run that waits for its time, or is Late."""
    return unstamped(StateType.SCHEDULED, name, state_details=StateDetails(scheduled_time=at))


@dataclass(slots=True)
class Line:
    """The times of one schedule, and the run that is planned for the next of them."""

    world: World
    deployment: RunnerDeployment
    schedule: Schedule
    next: Due | None = None
    _times: Iterator[datetime] | None = None

    def open(self, now: datetime, left: list[FlowRun]) -> None:
        """Plan the first run from now on; one that is planned already, among those that are left, is taken over."""
        timing = self.schedule.timing
        if isinstance(timing, IntervalSchedule):
            timing = timing.anchored(now)
        self._times = timing.times(now)
        self._plan(now, left)

    def take(self, now: datetime) -> Due | None:
        """Return the run whose time has come, having planned the next; None where it has not."""
        due = self.next
        if due is None or due.at > now:
            return None
        self._plan(now, [])
        return due

    def _plan(self, now: datetime, left: list[FlowRun]) -> None:
        assert self._times is not None, "it is open"
        at, skipped = next(self._times, None), 0
        while at is not None and at <= now:  # the machine slept, say
            at, skipped = next(self._times, None), skipped + 1
        if skipped:
            warn_of_skipped(self.deployment, skipped)
        self.next = self._planned(at, left) if at is not None else None

    def _planned(self, at: datetime, left: list[FlowRun]) -> Due:
        given = self.deployment.given(self.schedule)
        for run in left:
            if run.expected_start_time == at:
                left.remove(run)
                return Due(at, run, self.deployment, given)
        run = self.deployment.flow.new_run(given, self.deployment.tags)
        run.deployment_id = self.deployment.id
        self.world.record(Record(run, (scheduled(at),)))
        return Due(at, run, self.deployment, given)

    def includes(self, at: datetime) -> bool:
        """Say whether the schedule has this time."""
        return next(self.schedule.times(at - timedelta(microseconds=1)), None) == at

    def passed(self, since: datetime, now: datetime) -> int:
        """Count the times after one moment, and up to another; no more than a thousand."""
        number = 0
        for at in self.schedule.times(since):
            if at > now or number == 1000:
                break
            number += 1
        return number


def left_over(world: World, deployment: RunnerDeployment) -> list[FlowRun]:
    """Return the runs that were planned, and have not begun: whoever served the deployment is gone."""
    waiting = AllOf((OneOf("deployment_id", frozenset({deployment.id})), OneOf("state_name", _WAITING)))
    return [run for run in world.store.flow_runs(waiting) if run.run_count == 0]


_WAITING = frozenset({"Scheduled", "Late"})


def asked_again(world: World, deployments: Mapping[UUID, RunnerDeployment]) -> Iterator[Due]:
    """Take up the runs that somebody has asked to run again: each is Pending then, and nobody else's."""
    asked = AllOf((OneOf("deployment_id", frozenset(deployments)), OneOf("state_name", _ASKED)))
    for run in world.store.flow_runs(asked):
        assert run.state is not None, "what is recorded has a state"
        assert run.deployment_id is not None, "it was found by it"
        details, deployment = run.state.state_details, deployments[run.deployment_id]
        if details.retriable and world.record(Record(run, (unstamped(StateType.PENDING),))) is None:
            yield Due(details.scheduled_time or world.clock.now(), run, deployment, dict(run.parameters))


def still_waiting(world: World, waiting: Sequence[Due]) -> list[Due]:
    """Return those of some runs that nobody has ended, or deleted; one that was asked to stop ends here."""
    try:
        standing = world.store.current_states([due.run.id for due in waiting]) if waiting else {}
    except StoreOutOfReach:
        return list(waiting)  # what is due begins all the same
    return [due for due in waiting if _waits(world, due.run, standing.get(due.run.id))]


def _waits(world: World, run: FlowRun, standing: State | None) -> bool:
    if standing is not None and standing.is_cancelling():
        with suppress(ObjectNotFound):  # deleted just now
            world.catch_up(run)
            world.record(Record(run, (unstamped(StateType.CANCELLED, message=messages.cancelled_ahead),)))
        return False
    return standing is not None and not standing.is_final()


#: A run that waits for a retry of its own is AwaitingRetry as well: what was asked for says that it is `retriable`.
_ASKED = frozenset({"AwaitingRetry"})


def warn_of_skipped(deployment: RunnerDeployment, number: int) -> None:
    """Warn of times that passed while nothing ran."""
    times = "a time" if number == 1 else f"{number} times"
    _LOGGER.warning("%s of %r passed while nothing ran, and are not made up for", times, deployment.full_name)
