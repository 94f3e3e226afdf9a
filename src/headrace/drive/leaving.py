"""What is written down of runs that go on when nobody waits for them any more, as after a second Ctrl-C.

The process is about to go, and their threads with it, so they would be Running in the record for ever. A thread that
does get to its end finds the record closed.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from headrace.core.final import ended_from_outside
from headrace.core.records import Run
from headrace.core.state_types import TERMINAL, StateType
from headrace.core.states import State
from headrace.drive.surroundings import Surroundings
from headrace.exceptions import SimulatedCrash, StoreError
from headrace.store.protocol import RunFilter

_GOING_ON = frozenset(StateType) - TERMINAL


def leave_behind(world: Surroundings, flow_run_id: UUID, reason: BaseException) -> None:
    """Let all that goes on inside a flow run end in the record, because of `reason`.

    What a process that dies is at, nobody could record: in a simulation, for a planned crash, nothing is.
    """
    if isinstance(reason, SimulatedCrash):
        return
    with suppress(StoreError):
        end_inside(world, flow_run_id, ended_from_outside(reason))


def end_inside(world: Surroundings, flow_run_id: UUID, state: State) -> None:
    """Let all that goes on inside a flow run, and inside its subflows, enter a state that is an end."""
    inside = RunFilter(flow_run_id=flow_run_id, state_types=_GOING_ON)
    subflows = world.store.flow_runs(inside)
    for subflow in subflows:
        end_inside(world, subflow.id, state)
    runs: list[Run] = [*subflows, *world.store.task_runs(inside)]
    for run in runs:
        if run.state_name != "NotReady":  # that is where such a run stays
            world.store.propose(run.kind, run.id, state.replace(timestamp=world.clock.now()))
