"""The world of a simulation: its store tells of every transition, and its functions may have understudies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from headrace.clock.strands import pause
from headrace.clock.virtual import VirtualClock
from headrace.core.records import Run, TaskRun
from headrace.core.states import State
from headrace.core.transitions import as_taken
from headrace.drive.world import World
from headrace.effects import Call
from headrace.exceptions import ObjectNotFound
from headrace.runs.context import CURRENT
from headrace.store.protocol import Claimed
from headrace.testing.faults.leases import SimulatedSlots
from headrace.testing.faults.processes import Processes
from headrace.testing.interrupting import LineByLine
from headrace.testing.slot_waits import SlotWaits

if TYPE_CHECKING:
    from headrace.core.things import ArtifactRecord, VariableRecord
    from headrace.store.protocol import Idle, Store

#: Told of what a store is about to do: "create", "schedule", "transition", "propose", "slots", "logs" or "read",
#: the run if it is one, and its new states.
Before = Callable[[str, "Run | None", Sequence[State]], None]


class ToldStore:
    """A store that lets others have a say before it does something, and tells them after."""

    def __init__(self, inner: Store, clock: VirtualClock, processes: Processes) -> None:
        self.inner = inner
        self._turns = clock.turns
        self._processes = processes
        #: Each may raise, and the operation then does not happen.
        self.before: list[Before] = []
        #: Called after every transition that the store has taken.
        self.after: list[Callable[[], object]] = []
        self.slot_waits = SlotWaits()

    def create(self, run: Run, states: Sequence[State]) -> None:
        """Record a new run."""
        self._announce("create", run, states)
        self.inner.create(run, states)
        self._done("create", run, states)

    def schedule(self, run: TaskRun, states: Sequence[State], queue: str, call: bytes) -> None:
        """Record a new run that whoever claims it is to run."""
        self._announce("schedule", run, states)
        self.inner.schedule(run, states, queue, call)
        self._done("schedule", run, states)

    def claim(self, queues: Sequence[str], claim: UUID, lease_seconds: float, now: datetime) -> Claimed | Idle:
        """Take a scheduled run: from here on it is in another process than before."""
        self._turns.step("looks for scheduled runs")
        answer = self.inner.claim(queues, claim, lease_seconds, now)
        if isinstance(answer, Claimed):
            self._processes.has_claimed(answer.run_id, claim)
        return answer

    def transition(self, run: Run, states: Sequence[State]) -> State | None:
        """Record the next states of a run."""
        self._announce("transition", run, states)
        standing = self.inner.transition(run, states)
        self._done("transition", run, states if standing is None else ())
        return standing

    def propose(self, kind: Any, run_id: Any, state: State) -> State:
        """Move a run from outside."""
        run = self._recorded(kind, run_id)
        state = state if run is None else as_taken(run.state, state)
        self._announce("propose", run, (state,))
        standing = self.inner.propose(kind, run_id, state)
        self._done("propose", run, (state,) if standing.name == state.name else ())
        return standing

    def append_logs(self, records: Sequence[Any]) -> None:
        """Keep lines of the log."""
        self._turns.step("writes to the log")
        records = [line for line in records if self._processes.hears_from(line.task_run_id or line.flow_run_id)]
        if not records:
            return
        if self.before:
            self._tell("logs", self._run_of(records[-1]))
        self.inner.append_logs(records)

    def create_artifact(self, artifact: ArtifactRecord) -> None:
        """Keep an artifact, unless its process is dead."""
        self._turns.step("keeps an artifact")
        if self._processes.hears_from(artifact.task_run_id or artifact.flow_run_id):
            self.inner.create_artifact(artifact)

    def put_variable(self, variable: VariableRecord, *, overwrite: bool = False) -> VariableRecord:
        """Keep a variable."""
        self._turns.step("sets a variable")
        return self.inner.put_variable(variable, overwrite=overwrite)

    def request_slots(self, request: Any, now: Any) -> Any:
        """Ask for slots."""
        self._announce("slots", None, ())
        answer = self.inner.request_slots(request, now)
        self.slot_waits.answered(request, answer, now)
        return answer

    def release_slots(self, ticket: Any, now: Any) -> None:
        """Give slots back."""
        self._announce("slots", None, ())
        self.slot_waits.released(ticket, now)
        self.inner.release_slots(ticket, now)

    def _announce(self, what: str, run: Run | None, states: Sequence[State]) -> None:
        if run is not None:
            self._turns.renamed(run, run.name)
        self._turns.step(what if run is None else f"{run.name} {states[-1].name}")
        self._processes.about_to(what, run, states)
        self._tell(what, run, states)

    def _tell(self, what: str, run: Run | None, states: Sequence[State] = ()) -> None:
        for told in self.before:
            told(what, run, states)

    def reads(self, run: Run) -> None:
        """Tell that the engine is about to look a run up."""
        self._tell("read", run)

    def _read(self, name: str, *args: Any, **kwargs: Any) -> Any:
        here = CURRENT.get()
        if here is not None:  # what the test reads is its own business
            self._tell("read", here.run)
        return getattr(self.inner, name)(*args, **kwargs)

    def _run_of(self, record: Any) -> Run | None:
        """Return the run that a line of the log belongs to, if it is recorded already."""
        kind, run_id = ("task", record.task_run_id) if record.task_run_id else ("flow", record.flow_run_id)
        return self._recorded(kind, run_id)

    def _recorded(self, kind: str, run_id: Any) -> Run | None:
        try:
            return self.inner.flow_run(run_id) if kind == "flow" else self.inner.task_run(run_id)
        except ObjectNotFound:
            return None

    def _done(self, what: str, run: Run | None, states: Sequence[State]) -> None:
        self._turns.progress()
        death = self._processes.has_done(what, run, states) if run is not None and states else None
        for told in self.after:
            told()
        if death is not None:
            raise death

    def __getattr__(self, name: str) -> Any:
        return partial(self._read, name) if name in _READS else getattr(self.inner, name)


_READS = frozenset(
    {
        *("flow_run", "task_run", "flow_runs", "task_runs", "flows", "count"),
        *("history", "histories", "current_states", "logs", "limit", "limits"),
        *("artifacts", "variables"),
    }
)


class SimulatedWorld(World):
    """A world on a virtual clock that nobody else has a part in."""

    in_process = True

    def __init__(self, open_store: Callable[[], Store], clock: VirtualClock, seed: int) -> None:
        self.told: ToldStore | None = None
        self.told_before: list[Before] = []
        self._after: list[Callable[[], object]] = []
        self._turns = clock.turns
        self.pause = None if clock.turns.is_plain else partial(pause, clock.turns)
        self.lines: LineByLine | None = None
        self.processes = Processes(self, clock)
        self.elders = frozenset(threading.enumerate())

        def opened() -> Store:
            self.told = ToldStore(open_store(), clock, self.processes)
            self.told.before, self.told.after = self.told_before, self._after
            return cast("Store", self.told)

        super().__init__(opened, clock=clock, seed=seed)

    @property
    def store_is_shared(self) -> bool:
        """Nobody else has a part in it, not even where it is a file."""
        return False

    def expects_runs(self) -> bool:
        """Say whether runs may yet begin: none has, or somebody beside the test takes part, or waits to."""
        if len(self._turns.everybody()) > 1 or not self._holds_runs():
            return True
        try:
            return len(asyncio.all_tasks()) > 1
        except RuntimeError:  # no loop runs here
            return False

    def cast(self, effect: Call) -> Call:
        """Return the call to make: that or its understudy's, and one that may be interrupted where that is asked."""
        effect = super().cast(effect)
        return effect if self.lines is None else self.lines.cast(effect)

    def _holds_runs(self) -> bool:
        store = self.told.inner if self.told is not None else None
        return store is not None and bool(store.count("flow") or store.count("task"))

    def _new_slots(self) -> SimulatedSlots:
        return SimulatedSlots(self, self._inner_store, self.processes.of)

    def _inner_store(self) -> Store:
        assert self.told is not None, "who asks for slots has opened the store"
        return self.told.inner

    def catch_up(self, run: Run) -> None:
        """Bring a run up to date, which faults may make fail."""
        assert self.told is not None, "a run is brought up to date after the store was used"
        self.told.reads(run)
        super().catch_up(run)

    def before_each(self, told: Before) -> None:
        """Let somebody have a say before each operation of the store."""
        self.told_before.append(told)

    def after_each(self, told: Callable[[], object]) -> None:
        """Tell somebody of each transition."""
        self._after.append(told)
