"""Results that a store does not keep, remembered while tests are traced.

A store in a file keeps no results; but the run itself, as its own process sees it, ends in a state that has its data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.core.kept import NOT_KEPT
from headrace.core.records import Run
from headrace.drive.world import World, current_world

if TYPE_CHECKING:
    from headrace.runs.context import RunContext

#: How many runs are remembered at most.
_MOST = 20_000


class Results:
    """The runs that stores outside this process's memory have taken, until they are forgotten."""

    def __init__(self) -> None:
        self._runs: dict[UUID, Run] = {}
        self._before: Callable[[RunContext], object] | None = None

    def watch(self) -> Callable[[], None]:
        """Remember runs from here on; return what ends that. Whoever else is told of runs still is."""
        self._before = World.witness
        World.witness = self._witness
        return self._end

    def _end(self) -> None:
        World.witness = self._before

    def _witness(self, context: RunContext) -> None:
        if self._before is not None:
            self._before(context)
        if len(self._runs) < _MOST and current_world().store.location != "memory":
            self._runs[context.run.id] = context.run

    def of(self, run_id: UUID) -> object:
        """Return the result of a run, or the error that it ended with; NOT_KEPT where it is not known."""
        run = self._runs.get(run_id)
        return run.state.data if run is not None and run.state is not None and run.state.is_final() else NOT_KEPT

    def forget(self) -> None:
        """Let go of all runs."""
        self._runs.clear()
