"""Looking at runs: what the store knows of them, in the words of a test.

A view reads the store at each look, so it stays true while its run goes on. What only some looks need is imported at
such a look: most tests ask for states, and are over before all the rest could be loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import World
from headrace.store.protocol import RunFilter, RunKind
from headrace.testing import lookups
from headrace.testing.comparing import ListOfRun, StatesOfRun

if TYPE_CHECKING:
    from headrace.core.things import ArtifactRecord
    from headrace.testing.conditions import Reached
    from headrace.testing.history import History
    from headrace.testing.transitions import Transition

__tracebackhide__ = True  # in reports of pytest: who looks at a run that is not there is shown the line that looks


class RunView:
    """One flow run or task run. Two views are equal when they are of the same run."""

    def __init__(self, world: World, run: Run) -> None:
        self._world = world
        self._kind = run.kind
        self._id: UUID = run.id

    @property
    def id(self) -> UUID:
        """The run's id."""
        return self._id

    @property
    def kind(self) -> RunKind:
        """Whether this is a flow run or a task run."""
        return self._kind

    @property
    def record(self) -> Run:
        """The run as the store has it."""
        store = self._world.store
        return store.flow_run(self.id) if self._kind == "flow" else store.task_run(self.id)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.record.name

    @property
    def definition_name(self) -> str:
        """The name of the flow or task that this is a run of."""
        return lookups.definition_name(self.record)

    @property
    def state(self) -> State | None:
        """The state that the run is in."""
        return self.record.state

    @property
    def transitions(self) -> list[Transition]:
        """Every step of the run, in order: `from_` which state `to` which, `at` what moment, and its `cause`."""
        from headrace.testing.transitions import steps

        return steps(self._world, self.record)

    @property
    def states(self) -> StatesOfRun:
        """The names of the states that the run went through."""
        return StatesOfRun((state.name for state in self._history()), self, "states")

    @property
    def state_types(self) -> StatesOfRun:
        """The types of the states that the run went through; each equals its name as a string."""
        return StatesOfRun((state.type for state in self._history()), self, "state_types")

    def reaches(self, state: str | StateType, times: int = 1) -> Reached:
        """Return the condition that the run has been in a state of this name or type, `times` times.

        It stays true from then on. Raises UnknownStateName for a name that is misspelled, ValueError for `times` < 1.
        """
        from headrace.testing.conditions import Reached, checked_state

        name = checked_state(state, self.states, f"{self} can't reach it")
        return Reached(str(self), name, times, lambda: [self._history()])

    @property
    def run_count(self) -> int:
        """How often the run entered a RUNNING state."""
        return self.record.run_count

    @property
    def attempts(self) -> int:
        """How often the function was tried: the same as `run_count`."""
        return self.run_count

    @property
    def retry_delays(self) -> ListOfRun[float]:
        """The planned seconds before each retry that had a delay, to the millisecond; whole ones as int."""
        return ListOfRun(lookups.planned_delays(self._history()), self, "retry_delays")

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the function was called with."""
        record = self.record
        assert isinstance(record, FlowRun | TaskRun)
        return record.parameters

    @property
    def tags(self) -> frozenset[str]:
        """The run's tags."""
        return self.record.tags

    @property
    def logs(self) -> list[str]:
        """The messages of the run's own log lines, without those of runs that it started."""
        return [line.message for line in lookups.log_lines(self._world, self.record)]

    @property
    def artifacts(self) -> list[ArtifactRecord]:
        """The artifacts that the run left, in order, those of a flow run's task runs too: `key`, `type`, `data`, …"""
        from headrace.store.conditions import one_of

        return self._world.store.artifacts(one_of(f"{self._kind}_run_id", [self.id]))

    def result(self, raise_on_failure: bool = True) -> Any:
        """Return what the run returned, or raise what it raised; see `State.result`."""
        state = self.state
        assert state is not None, "a recorded run has a state"
        return state.result(raise_on_failure=raise_on_failure)

    @property
    def task_runs(self) -> list[RunView]:
        """The task runs of a flow run, in order of creation, those that stand for subflows included."""
        return self._views(self._world.store.task_runs(RunFilter(flow_run_id=self.id)))

    @property
    def subflows(self) -> list[RunView]:
        """The flow runs that a flow run started, in order of creation."""
        return self._views(self._world.store.flow_runs(RunFilter(flow_run_id=self.id)))

    @property
    def children(self) -> list[RunView]:
        """What this run started, in order of creation; subflows in the place of the task runs that stand for them.

        What a task called is its own child, not the flow run's; a subflow that it called is the flow run's.
        """
        return self._views(lookups.children(self._world, self.record))

    @property
    def upstream(self) -> list[RunView]:
        """The runs that this one took values from or waited for; subflows in the place of what stands for them."""
        return self._views(lookups.upstream(self._world, self.record))

    @property
    def history(self) -> History:
        """The history of this run and of all that it started, as a value."""
        from headrace.testing.history import history_of

        return history_of(self._world, self.record)

    @property
    def timeline(self) -> str:
        """The run's timeline as text, with that of all that it started."""
        from headrace.testing.timelines import timeline

        return timeline(self._world.store, self.record)

    @property
    def story(self) -> str:
        """The run state by state, as text: at which second, for how long, in which attempt, and why."""
        from headrace.testing.timelines import story

        return story(self.transitions)

    def _history(self) -> list[State]:
        return self._world.store.history(self.id)

    def _views(self, records: Iterable[Run]) -> list[RunView]:
        return [RunView(self._world, record) for record in records]

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, RunView) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return f"{self._kind} run {self.name!r}"

    def __repr__(self) -> str:
        return f"<{self}: {', '.join(self.states)}>"


class Search(Protocol):
    """A search for runs of one name, made again at each call."""

    def all(self) -> Sequence[RunView]:
        """Return the runs that fit now."""
        ...

    def only(self) -> RunView:
        """Return the one that fits now. Raises AssertionError where there is none, or more than one."""
        ...


class ExpectedRun(RunView):
    """A run that is not there yet, while others go on.

    `reaches` can be asked of it. Any other look finds the run, or fails as the search for it would have: with near
    misses, or with the names of those that fit where there are several by then.
    """

    def __init__(self, world: World, kind: RunKind, name: str, search: Search) -> None:
        self._world = world
        self._kind = kind
        self._name = name
        self._search = search

    @property
    def id(self) -> UUID:
        """The run's id. Raises AssertionError where there is no such run, or more than one."""
        return self._search.only().id

    def reaches(self, state: str | StateType, times: int = 1) -> Reached:
        """Return the condition that a run of this name has been in a state, `times` times; the first that has counts.

        Raises UnknownStateName for a name that is misspelled, ValueError for `times` < 1.
        """
        from headrace.testing.conditions import Reached, checked_state

        name = checked_state(state, (), f"{self} can't reach it")
        return Reached(str(self), name, times, lambda: [view._history() for view in self._search.all()])

    def __bool__(self) -> bool:
        return bool(self._search.only())

    def __str__(self) -> str:
        return f"{self._kind} run {self._name!r}"

    def __repr__(self) -> str:
        there = self._search.all()
        return f"<{self}: not there yet>" if not there else f"<{self}: {', '.join(map(repr, there))}>"
