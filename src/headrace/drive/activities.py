"""Which runs are going on in this process, so that they can be told to end.

Somebody may ask for a flow run to be cancelled from this process (`cancel`) or from another, by moving it to Cancelling
in a store that both use; a thread looks for that several times a second while there is a run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import UUID

from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.drive.guards import Guard
from headrace.drive.surroundings import Surroundings
from headrace.exceptions import CancelRequested, StoreError
from headrace.runs.context import RunContext

#: How often the store is asked whether somebody wants a run to be cancelled, in seconds.
WATCH_SECONDS = 0.25
#: States that others give to a run, and that it has to be told of.
_TOLD = frozenset({StateType.CANCELLING, StateType.CANCELLED})


class Activities:
    """The runs of one world that this process is at work on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guards: dict[UUID, list[tuple[RunContext, Guard]]] = {}
        self._flow_runs: dict[UUID, RunContext] = {}
        #: Those that were told, because of what the store says, that they are to end.
        self._told: set[UUID] = set()
        self._watch: threading.Thread | None = None
        self._all_ended = threading.Event()
        self._listeners: list[Callable[[RunContext], object]] = []
        self._asked: list[Callable[[], object]] = []

    @contextmanager
    def told_to(self, listener: Callable[[RunContext], object]) -> Iterator[None]:
        """Tell `listener`, in the block, of each flow run that begins to be at work in this process."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @contextmanager
    def asked(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call `listener`, in the block, whenever somebody in this process has asked a flow run to enter a state."""
        self._asked.append(listener)
        try:
            yield
        finally:
            self._asked.remove(listener)

    def tell_asked(self) -> None:
        """Tell that somebody has asked a flow run to enter a state."""
        for listener in tuple(self._asked):
            listener()

    def add(self, world: Surroundings, context: RunContext, guard: Guard) -> None:
        """Let a run be found."""
        flow = context.flow_context
        if flow is None:
            return
        with self._lock:
            self._guards.setdefault(flow.run.id, []).append((context, guard))
            if context is flow:
                self._flow_runs[flow.run.id] = flow
                if world.store_is_shared and self._watch is None:
                    self._watch = threading.Thread(target=self._look, args=(world,), name="headrace-watch", daemon=True)
                    self._watch.start()
        if context is flow:
            for listener in tuple(self._listeners):
                listener(context)

    def remove(self, context: RunContext, guard: Guard) -> None:
        """Let a run be found no more."""
        flow = context.flow_context
        if flow is None:
            return
        with self._lock:
            at_work = self._guards[flow.run.id]
            at_work.remove((context, guard))
            if not at_work:
                del self._guards[flow.run.id]
            if context is flow:
                self._flow_runs.pop(flow.run.id, None)
                self._told.discard(flow.run.id)  # it may be run again
                if not self._flow_runs:
                    self._all_ended.set()

    def interrupt(self, flow_run_id: UUID, reason: BaseException) -> None:
        """Interrupt everything that this flow run does here: its task runs, its subflows, and itself."""
        flows, guards = self._at_work_for(flow_run_id)
        runners = [flow.task_runner for flow in flows if flow.task_runner is not None]
        for runner in runners:
            runner.stopped_by = reason  # all of them know why before any run is cancelled that another may wait for
        for runner in runners:
            runner.stop(reason)
        here = threading.get_ident()
        # Our own thread comes last: it is interrupted at once.
        for guard, run_id in sorted(guards.items(), key=lambda item: item[0].thread_id == here):
            with self._lock:  # what has ended meanwhile is left alone: its thread may be at work for another run
                if any(other is guard for _, other in self._guards.get(run_id, ())):
                    guard.interrupt(reason)

    def at_work(self) -> list[tuple[RunContext, Guard]]:
        """Return the runs that belong to flow runs, each with the guard of what drives it."""
        with self._lock:
            return [pair for pairs in self._guards.values() for pair in pairs]

    def _at_work_for(self, flow_run_id: UUID) -> tuple[list[Any], dict[Guard, UUID]]:
        """Return the contexts of a flow run and its subflows, and the guards of their threads, each for one of them."""
        with self._lock:
            wanted = [flow_run_id]
            for run_id in wanted:
                wanted += [child for child, flow in self._flow_runs.items() if _parent(flow) == run_id]
            flows = [self._flow_runs[run_id] for run_id in wanted if run_id in self._flow_runs]
            guards = {guard: run_id for run_id in reversed(wanted) for _, guard in self._guards.get(run_id, ())}
        return flows, guards

    def _look(self, world: Surroundings) -> None:
        while True:
            self._all_ended.wait(WATCH_SECONDS)
            with self._lock:
                if not self._flow_runs:
                    self._watch = None
                    return
                self._all_ended.clear()
                running = set(self._flow_runs) - self._told
            for run_id in _asked_to_end(world, running):
                self._told.add(run_id)
                self.interrupt(run_id, CancelRequested(run_id))


def _asked_to_end(world: Surroundings, running: set[UUID]) -> list[UUID]:
    try:
        states = world.store.current_states(running)
    except StoreError:
        return []  # the runs themselves will meet it, and say so; here it is looked again in a moment
    return [run_id for run_id, state in states.items() if state.type in _TOLD]


def _parent(context: RunContext) -> UUID | None:
    outer = context.parent.flow_context if context.parent is not None else None
    return outer.run.id if outer is not None else None


class AtWork(Surroundings, Protocol):
    """A world that is at work on runs."""

    activities: Activities


@contextmanager
def active(world: AtWork, context: RunContext, guard: Guard) -> Iterator[None]:
    """Be found, in the block, by who wants to interrupt this run."""
    context.guard = guard
    world.activities.add(world, context, guard)
    try:
        yield
    finally:
        world.activities.remove(context, guard)
        guard.withdraw_cancel(context.run.id)


def cancel(world: AtWork, flow_run_id: UUID) -> State:
    """Ask for a flow run to be cancelled; see `propose`."""
    return propose(world, flow_run_id, unstamped(StateType.CANCELLING))


def propose(world: AtWork, flow_run_id: UUID, state: State) -> State:
    """Ask a flow run to enter a state, and return the state that then stands.

    A run in this process is told at once that it is to be, or is, cancelled; one in another within a second. Raises
    ObjectNotFound.
    """
    standing = world.store.propose("flow", flow_run_id, state)
    if standing.type in _TOLD:
        world.activities.interrupt(flow_run_id, CancelRequested(flow_run_id))
    world.activities.tell_asked()
    return standing
