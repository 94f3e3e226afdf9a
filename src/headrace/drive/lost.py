"""Runs whose process is gone: whoever finds them says so in the record, where they would go on for ever.

A process says what it is at work on while it lives, and the system tells whether it does: see `headrace.store.roster`.
That is so for processes of one machine that keep runs in one file, or, from one home, in one database or at one server.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from logging import ERROR

from headrace.core import messages
from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.core.transitions import is_at_rest
from headrace.drive.leaving import end_inside
from headrace.drive.world import World
from headrace.exceptions import ObjectNotFound, StoreError
from headrace.store.roster import Entry, left_by_the_dead


def record_lost(world: World) -> None:
    """Record as Crashed what processes of this machine were at work on that are gone, and what was inside of it.

    Runs that were asked to stop are Cancelled. Does nothing where the store can't be written.
    """
    rosters = world.store.rosters
    if rosters is None:
        return
    with suppress(StoreError), left_by_the_dead(rosters) as (gone, is_elsewhere):
        for entry in gone:
            with suppress(ObjectNotFound):
                _end(world, entry, is_elsewhere)
        world.logs.flush()


def _end(world: World, entry: Entry, is_elsewhere: Callable[[Entry], bool]) -> None:
    store = world.store
    run: Run = store.flow_run(entry.run_id) if entry.kind == "flow" else store.task_run(entry.run_id)
    standing = run.state
    if standing is None or standing.is_final() or is_at_rest(standing) or is_elsewhere(entry):
        return  # it has ended, or was run again since
    state = _ended(standing, world.clock.now())
    if entry.kind == "flow":
        end_inside(world, entry.run_id, state)
    ended = store.propose(entry.kind, entry.run_id, state)
    if ended.is_final():
        world.logs.keep(run, ERROR, f"Finished in state {ended}")


def _ended(standing: State, now: datetime) -> State:
    type_ = StateType.CANCELLED if standing.is_cancelling() else StateType.CRASHED
    return unstamped(type_, message=messages.process_is_gone, timestamp=now)
