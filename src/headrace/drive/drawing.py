"""The world of a flow that is only drawn: a store in memory, and stories in which no task is run."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, cast

from headrace.clock import Clock
from headrace.core.records import TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import unstamped
from headrace.drive.world import World
from headrace.effects import Record
from headrace.runs import drawn
from headrace.runs.context import FlowRunContext, RunContext, TaskRunContext
from headrace.store.memory import MemoryStore


class DrawingWorld(World):
    """A world in which flows are drawn. Nothing of it is kept."""

    in_process = True

    def __init__(self, clock: Clock) -> None:
        super().__init__(MemoryStore(), clock=clock, seed=0)

    def story(self, callee: Any, context: RunContext) -> Coroutine[Any, Any, Any]:
        """Return a story without tasks; the outermost flow run's is the one that calls its function."""
        if isinstance(context, FlowRunContext) and context.parent is None:
            return drawn.flow_run(context, callee.validation(context))
        return drawn.stand_in(cast("TaskRunContext | FlowRunContext", context))

    def schedule(self, definition: Any, run: TaskRun, queue: str, call: bytes) -> None:
        """Record a run for the background as one that has ended: no worker will come."""
        self.record(Record(run, (unstamped(StateType.SCHEDULED), drawn.end_of(definition))))
