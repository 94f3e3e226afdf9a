"""What surrounds a call of the user's function, whichever driver makes it: its context, its prints, its outcome."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from headrace.core.records import Run
from headrace.drive import prints
from headrace.drive.guards import Guard
from headrace.drive.world import World
from headrace.effects import Call, Cancelled, Outcome, Raised
from headrace.exceptions import SimulationError, TimeIsUp
from headrace.runs.context import CURRENT

_NOTHING: AbstractContextManager[None] = nullcontext()


@contextmanager
def inside(context: Any) -> Iterator[None]:
    """Be in this run."""
    token = CURRENT.set(context)
    try:
        yield
    finally:
        CURRENT.reset(token)


def printing(world: World, effect: Call) -> AbstractContextManager[None]:
    """Turn prints into log lines, or let them print, as the run wants it."""
    if not effect.prints:
        return prints.captured(None) if prints.are_captured() else _NOTHING
    run = effect.context.run
    return prints.captured(lambda line: world.logs.say(run, logging.INFO, line))


def limited(world: World, effect: Call, guard: Guard) -> AbstractContextManager[None]:
    """Raise `effect.expired` in the call once its time is up."""
    if effect.seconds is None or effect.expired is None:
        return _NOTHING
    return world.clock.time_limit(effect.seconds, _ring(world, effect.context.run, effect.expired, guard))


_LATE = (
    "{}; it is in a blocking call in a thread, which can't be interrupted: the time-out takes effect when that returns"
)


def _ring(world: World, run: Run, expired: TimeIsUp, guard: Guard) -> Callable[[], None]:
    def ring() -> None:
        if guard.is_late:
            world.logs.say(run, logging.WARNING, _LATE.format(expired.error))
        else:
            guard.interrupt(expired)

    return ring


def outcome_of(error: BaseException, effect: Call, guard: Guard | None) -> Outcome:
    """Say what an exception that left the user's function means for the run."""
    if guard is not None:
        error = guard.raised(error)
    traceback = _users_part(error)
    if effect.expired is not None and error is effect.expired:
        return Raised(effect.expired.error.with_traceback(traceback))
    error = error.with_traceback(traceback)
    interrupted = guard is not None and error is guard.delivered
    if isinstance(error, Exception) and not interrupted and not isinstance(error, SimulationError):
        return Raised(error)
    return Cancelled(error)


_HERE = os.path.dirname(__file__)


def _users_part(error: BaseException) -> Any:
    """Leave out the frames of the drivers, so that a traceback begins in the user's function."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_HERE):
        traceback = traceback.tb_next
    return traceback if traceback is not None else error.__traceback__
