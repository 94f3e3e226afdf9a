"""Which runs live, and die, together.

A simulation is one process, but stands for several: each outermost run, with all that it started, is one of its own. A
process that dies is not heard of any more: the store takes nothing from it, its functions are not called, and whoever
belongs to it is unwound by a `SimulatedCrash`, from where it waits, or at its next step.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.core.records import Run
from headrace.core.states import State
from headrace.exceptions import SimulatedCrash
from headrace.runs.context import CURRENT, FlowRunContext, RunContext
from headrace.testing.faults.crashes import Crash
from headrace.testing.faults.leases import SimulatedSlots

if TYPE_CHECKING:
    from headrace.clock.virtual import VirtualClock
    from headrace.drive.world import World


class Processes:
    """The processes of one simulation, those that died, and those that are to die."""

    def __init__(self, world: World, clock: VirtualClock) -> None:
        self._world = world
        self._clock = clock
        self._outermost: dict[UUID, UUID] = {}
        self._dead: dict[UUID, str] = {}
        self.plans: list[Crash] = []

    # what the store does -------------------------------------------------------------------------------------------

    def about_to(self, what: str, run: Run | None, states: Sequence[State]) -> None:
        """Be told of what the store is about to do. Raises SimulatedCrash in a process that is dead, or dies of it."""
        caller = self._caller(run if what in ("create", "transition") else None)
        self._check(caller)
        if run is not None and self.plans:
            self._strike([plan for plan in self.plans if plan.before and plan.comes(run, states)], run)
            self._check(caller)

    def has_done(self, what: str, run: Run, states: Sequence[State]) -> SimulatedCrash | None:
        """Be told of what the store has done; return what its caller is to meet, once all others have been told."""
        caller = self._caller(run if what in ("create", "transition") else None)
        if what == "create":
            self._outermost[run.id] = caller or run.id
        elif what == "schedule":
            self._outermost[run.id] = run.id  # whoever claims it is another process
        self._strike([plan for plan in self.plans if not plan.before and plan.comes(run, states)], run)
        return self._death(caller) if caller in self._dead else None

    def has_claimed(self, run_id: UUID, claim: UUID) -> None:
        """Be told that a run goes on elsewhere, whatever became of where it was."""
        self._outermost[run_id] = claim

    def hears_from(self, run_id: UUID | None) -> bool:
        """Say whether the process of a run, of this code where the run is not known, is alive."""
        return self.of(run_id) not in self._dead

    def of(self, run_id: UUID | None) -> UUID | None:
        """Return the process of a run; of a run that is not recorded yet, that of this code."""
        known = self._outermost.get(run_id) if run_id is not None else None
        here = self._here()
        return known or (self._process(here) if here is not None else run_id)

    def _here(self) -> RunContext | None:
        """Return the run that this code is in, or that began the thread it is in."""
        here = CURRENT.get()
        participant = self._clock.turns.here() if here is None else None
        return participant.within if participant is not None else here  # type: ignore[return-value]

    def _process(self, context: RunContext) -> UUID:
        first = outermost(context).run.id
        return self._outermost.get(first, first)

    def _caller(self, run: Run | None) -> UUID | None:
        return self.of(run.id if run is not None else None)

    # the dead ------------------------------------------------------------------------------------------------------

    def check(self, context: RunContext | None) -> None:
        """Raise SimulatedCrash in code that runs in a dead process."""
        if context is not None and self._dead:
            self._check(self._process(context))

    def _check(self, process: UUID | None) -> None:
        if process in self._dead:
            raise self._death(process)

    def _death(self, process: UUID | None) -> SimulatedCrash:
        assert process is not None, "who has died has a name"
        return SimulatedCrash(self._dead[process], process)

    def _strike(self, plans: Sequence[Crash], run: Run) -> None:
        for plan in plans:
            plan.strike(run)
            self._kill(self._outermost.get(run.id) or self._caller(run) or run.id, plan.told(run))

    def _kill(self, process: UUID, words: str) -> None:
        if process in self._dead:
            return
        self._dead[process] = words
        self._clock.before_wait = lambda: self.check(self._here())
        slots = self._world.slots
        assert isinstance(slots, SimulatedSlots), "a simulation has slots of its own"
        slots.abandon(process)
        for context, guard in self._world.activities.at_work():
            if self._process(context) == process:
                self._unwind(context, guard, self._death(process))
        for participant in self._clock.turns.everybody():
            if isinstance(participant.within, RunContext) and self._process(participant.within) == process:
                self._wake(participant.thread_id, self._death(process))

    def _unwind(self, context: RunContext, guard: Any, death: SimulatedCrash) -> None:
        """Let a run begin nothing more, and end its wait; who is at work itself is told where it goes on."""
        if isinstance(context, FlowRunContext) and context.task_runner is not None:
            context.task_runner.stopped_by = death
        task = getattr(guard, "task", None)
        if task is not None and task is not _current_task():
            guard.interrupt(death)
        elif task is None:
            self._wake(guard.thread_id, death)

    def _wake(self, thread_id: int | None, death: SimulatedCrash) -> None:
        if thread_id is not None and thread_id != threading.get_ident():
            self._clock.turns.interrupt(thread_id, death)


def outermost(context: RunContext) -> RunContext:
    """Return the context of the run that all this began with."""
    while context.parent is not None:
        context = context.parent
    return context


def _current_task() -> Any:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs here
        return None
