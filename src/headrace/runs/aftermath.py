"""What is still to be done for a run whose story broke off: the store failed in the middle of it, or we have a bug.

Its slots and locks are given back, what it submitted is told, and it ends Crashed where the store still takes that.
Each is a small story of its own, because each may fail as well.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any

from headrace.core.final import crashed
from headrace.effects import CloseRunner, Effect, ReleaseSlots
from headrace.exceptions import SimulatedCrash
from headrace.runs.context import FlowRunContext, RunContext, TaskRunContext
from headrace.runs.steps import end, say_end

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
    if state is None or state.is_final():
        return  # what the store never took has not happened, and what has ended has ended
    await say_end(this, await end(this, crashed(error)))
