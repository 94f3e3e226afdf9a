"""Looking at runs: what the store knows of them, in the words of a test.

A view reads the store at each look, so it stays true while its run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.states import State, StateType
from headrace.drive.world import World
from headrace.store.protocol import LogFilter, RunFilter
from headrace.testing.comparing import ListOfRun
from headrace.testing.timelines import timeline


class RunView:
    """One flow run or task run. Two views are equal when they are of the same run."""

    def __init__(self, world: World, run: Run) -> None:
        self._world = world
        self._kind = run.kind
        self.id = run.id

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
        return definition_name(self.record)

    @property
    def state(self) -> State | None:
        """The state that the run is in."""
        return self.record.state

    @property
    def transitions(self) -> list[State]:
        """Every state that the run went through, in order, with its timestamp, message and details."""
        return self._world.store.history(self.id)

    @property
    def states(self) -> ListOfRun[str]:
        """The names of the states that the run went through."""
        return ListOfRun((state.name for state in self.transitions), self, "states")

    @property
    def state_types(self) -> ListOfRun[StateType]:
        """The types of the states that the run went through; each equals its name as a string."""
        return ListOfRun((state.type for state in self.transitions), self, "state_types")

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
        waits = (state for state in self.transitions if state.name == "AwaitingRetry")
        return ListOfRun(map(_delay, waits), self, "retry_delays")

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
        self._world.logs.flush()
        if self._kind == "task":
            return [line.message for line in self._world.store.logs(LogFilter(task_run_id=self.id))]
        lines = self._world.store.logs(LogFilter(flow_run_id=self.id))
        return [line.message for line in lines if line.task_run_id is None]

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
        """What a flow run started, in order of creation; subflows in the place of the task runs that stand for them."""
        if self._kind == "task":
            return []
        tasks = self._world.store.task_runs(RunFilter(flow_run_id=self.id))
        subflows = {run.id: run for run in self._world.store.flow_runs(RunFilter(flow_run_id=self.id))}
        return self._views(
            [subflows.get(task.child_flow_run_id, task) if task.child_flow_run_id else task for task in tasks]
        )

    @property
    def upstream(self) -> list[RunView]:
        """The task runs that this one took values from or waited for."""
        record = self.record
        if not isinstance(record, TaskRun):
            return []
        inputs = {name: given for name, given in record.task_inputs.items() if name != "__parents__"}
        ids = frozenset(run_id for given in inputs.values() for run_id in given)
        return self._views(self._world.store.task_runs(RunFilter(ids=ids))) if ids else []

    @property
    def timeline(self) -> str:
        """The run's timeline as text, with that of all that it started."""
        return timeline(self._world.store, self.record)

    def _views(self, records: Any) -> list[RunView]:
        return [RunView(self._world, record) for record in records]

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, RunView) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return f"{self._kind} run {self.name!r}"

    def __repr__(self) -> str:
        return f"<{self}: {', '.join(self.states)}>"


def definition_name(run: Run) -> str:
    """Return the name of the flow or task that this is a run of."""
    assert isinstance(run, FlowRun | TaskRun)
    return run.flow_name if isinstance(run, FlowRun) else run.task_name


def _delay(state: State) -> float:
    until, since = state.state_details.scheduled_time, state.timestamp
    assert until is not None, "who awaits a retry knows until when"
    assert since is not None, "a recorded state has its moment"
    # The state is stamped a moment after the delay was worked out, and after every state before it.
    seconds = round((until - since).total_seconds(), 3)
    return int(seconds) if seconds == int(seconds) else seconds
