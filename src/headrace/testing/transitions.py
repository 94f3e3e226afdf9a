"""The steps of a run from one state to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.core.records import Run
from headrace.core.states import State
from headrace.drive.world import World
from headrace.testing import lookups
from headrace.testing.causes import Evidence, causes


class StateName(str):
    """The name of a state, a string in every way, that knows the `state`: its type, message, timestamp and the rest."""

    state: State

    @classmethod
    def of(cls, state: State) -> StateName:
        """Return the name of a state."""
        name = cls(state.name)
        name.state = state
        return name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "state":
            raise AttributeError(name)
        return getattr(self.state, name)


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of a run.

    `from_` is None for the first. `at` is the moment at which `to` was entered, aware UTC. `cause` says in words what
    brought it about: "unknown" where that can't be told from what is recorded. What else is asked of it is asked of
    the state that was entered: `name`, `timestamp`, `message`, `state_details`, ...
    """

    from_: StateName | None
    to: StateName
    at: datetime
    cause: str

    @property
    def state(self) -> State:
        """The state that was entered."""
        return self.to.state

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.to.state, name)

    def __str__(self) -> str:
        return f"{self.from_ or 'nothing'} → {self.to}: {self.cause}"


def steps(world: World, run: Run) -> list[Transition]:
    """Return the run's transitions, each with its cause. A task run that stands for a subflow has that one's log."""
    teller = lookups.stood_for(world, run) or run
    evidence = Evidence(
        run,
        logs=lambda: [line.message for line in lookups.log_lines(world, teller)],
        upstream=lambda: {one.name: one.state for one in lookups.upstream(world, run)},
        limits=lambda: lookups.limits(world, run),
    )
    return _transitions(world.store.history(run.id), evidence)


def _transitions(states: Sequence[State], evidence: Evidence) -> list[Transition]:
    """Return the steps that led through these states."""
    names = [StateName.of(state) for state in states]
    return [
        Transition(before, name, _moment(name.state), cause)
        for before, name, cause in zip([None, *names], names, causes(states, evidence), strict=False)
    ]


def _moment(state: State) -> datetime:
    assert state.timestamp is not None, "a recorded state has its moment"
    return state.timestamp
