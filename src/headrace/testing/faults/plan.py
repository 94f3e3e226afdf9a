"""All that one simulation has been told to stub and to let go wrong."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar

from headrace.drive.world import World
from headrace.runs.definitions import flavour_of
from headrace.testing.faults.casting import Cast
from headrace.testing.faults.checks import checked_choice, checked_error, checked_seconds
from headrace.testing.faults.crashes import Crash
from headrace.testing.faults.failures import Failure, Slowness
from headrace.testing.faults.outcomes import Calls, Outcome, outcomes_of
from headrace.testing.faults.planned import Planned
from headrace.testing.faults.processes import Processes, outermost
from headrace.testing.faults.stores import StoreFault
from headrace.testing.faults.stubs import EXHAUSTED, UNUSED, Stub, takes_of
from headrace.testing.faults.targets import kind_of, target_of

T = TypeVar("T", bound=Planned)


class Faults:
    """The stubs and faults of one world. See the methods of `Simulation` for what they take."""

    def __init__(self, world: World, processes: Processes, told_before: list[Any]) -> None:
        self._world = world
        self._processes, self._told_before = processes, told_before
        self._cast = Cast(world, processes)
        self._said = False
        #: What stubs and faults have done so far.
        self.strikes = self._cast.strikes

    def stub(self, task: Any, outcome: Any, takes: Any, run: Any, exhausted: str, unused: str) -> Stub:
        """Let something stand in for bodies."""
        target, outcomes = target_of(task, run), outcomes_of(outcome)
        for one in outcomes:
            _check_stands_in_for(task, one)
        checked_choice(exhausted, "exhausted", EXHAUSTED)
        checked_choice(unused, "unused", UNUSED)
        when_exhausted = exhausted if isinstance(outcome, list) else None
        stub = Stub(self._world, target, outcomes, takes_of(takes), when_exhausted, unused)
        return self._planned(stub, self._cast.stubs)

    def fail(self, task: Any, error: Any, attempts: Any, run: Any) -> Failure:
        """Let bodies raise."""
        target = target_of(task, run, attempts)
        return self._planned(Failure(target, checked_error(error, "'error'")), self._cast.failures)

    def slow(self, task: Any, seconds: Any, attempts: Any, run: Any) -> Slowness:
        """Let bodies take longer."""
        target = target_of(task, run, attempts)
        return self._planned(Slowness(target, checked_seconds(seconds, "'seconds'")), self._cast.delays)

    def store_fails(self, on: Any, nth: Any, error: Any, times: Any, run: Any, state: Any) -> StoreFault:
        """Let the store raise."""
        fault = StoreFault(on, nth, error, times, run, state, self.strikes.note)
        before = self._told_before
        before.append(fault)
        return fault.when_removed(lambda: before.remove(fault))

    def crash(self, at: Any, before: Any) -> Crash:
        """Let a process die."""
        crash = Crash(at, before, self.strikes.note)
        return self._planned(crash, self._processes.plans)

    def _planned(self, one: T, others: list[T]) -> T:
        self._world.understudy = self._cast
        others.append(one)
        return one.when_removed(lambda: others.remove(one))

    def __call__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the simulation."""
        self.check_stubs(error)

    def check_stubs(self, error: BaseException | None) -> None:
        """Raise what the stubs have to say, unless another error is on its way; once."""
        said, self._said = self._said, True
        if said or error is not None:
            return
        for stub in self._cast.stubs:
            for refused, context in stub.refused:
                if not _is_met(refused, outermost(context).ended_by):
                    raise refused
        for stub in self._cast.stubs:
            stub.check_used()


def _is_met(refused: BaseException, ended_by: BaseException | None) -> bool:
    """Say whether whoever called the outermost run has met this error; of what a worker called it meets a copy."""
    return ended_by is refused or (type(ended_by) is type(refused) and ended_by.args == refused.args)


def _check_stands_in_for(task: Any, outcome: Outcome) -> None:
    is_sync = kind_of(task) is not None and not task.isasync
    if is_sync and isinstance(outcome, Calls) and flavour_of(outcome.fn) in ("async", "async generator"):
        raise TypeError(f"An async function can't stand in for the sync one of {task.name!r}: {outcome.fn!r}.")
