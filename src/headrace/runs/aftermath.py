"""What is still to be done for a run whose story broke off: the store failed in the middle of it, or we have a bug.

Its slots and locks are given back, what it submitted is told, and it ends Crashed where the store still takes that.
Each is a small story of its own, because each may fail as well.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any

from headrace.core.final import crashed
from headrace.effects import CloseRunner, Effect, Record, ReleaseSlots
from headrace.exceptions import SimulatedCrash
from headrace.runs.context import FlowRunContext, RunContext, TaskRunContext
from headrace.runs.steps import end, mirror, say_end

#: What goes wrong in these steps themselves is not told: it is about the first error, which is raised in the end.
UNTOLD = (Exception, SimulatedCrash)


def aftermath(this: RunContext, error: BaseException) -> Iterator[Coroutine[Effect[Any], Any, None]]:
    """Tell what is left to do, story by story, after `error`."""
    yield _give_back(this)
    yield _unlock(this)
    yield _close(this, error)
    yield _end(this, error)


async def _give_back(this: RunContext) -> None:
    if this.ticket is not None:
        await ReleaseSlots(this.ticket)


async def _unlock(this: RunContext) -> None:
    own = this.transaction if isinstance(this, TaskRunContext) else None
    if own is not None and own.holder is not None:
        from headrace.runs.transactions import unlock  # most task runs have none

        await unlock(own)


async def _close(this: RunContext, error: BaseException) -> None:
    if isinstance(this, FlowRunContext) and this.task_runner is not None:
        await CloseRunner(this, error)


async def _end(this: RunContext, error: BaseException) -> None:
    state = this.run.state
    if state is not None and not state.is_final():  # what the store never took has not happened
        await say_end(this, await end(this, crashed(error)))
    await _end_stand_in(this, error)


async def _end_stand_in(this: RunContext, error: BaseException) -> None:
    """Let the task run that stands for a subflow end too, where it has not heard of its child's beginning or end."""
    stand_in, child = this.stand_in, this.run.state
    if stand_in is None or stand_in.state is None or stand_in.state.is_final():
        return
    if child is None:
        await Record(stand_in, (crashed(error),))
    elif child.is_final():
        await mirror(stand_in, this.run.id, (child,))
