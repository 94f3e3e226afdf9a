"""Which state may follow which: the table says exactly what `states` tells in words.

The diagram in the docs is drawn from it, the stores enforce it, and `tests/core` checks that the stories never leave
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from headrace.core import messages
from headrace.core.state_types import CA, CG, CO, CR, PA, TERMINAL, F, P, R, S, StateType
from headrace.core.states import State

#: From each type, the types that may follow. `None` is the beginning.
TRANSITIONS: Mapping[StateType | None, frozenset[StateType]] = {
    None: frozenset({S, P}),
    S: frozenset({S, P, R, CG, *TERMINAL}),
    P: frozenset({P, S, R, PA, CG, *TERMINAL}),
    R: frozenset({S, R, PA, CG, *TERMINAL}),
    PA: frozenset({S, R, CG, *TERMINAL}),
    CG: frozenset({CA, *TERMINAL}),
    # After an end come AwaitingRetry, of a flow run that is asked to run again, and RolledBack: see `allowed`.
    CO: frozenset({CO, S}),
    F: frozenset({S}),
    CR: frozenset({S}),
    CA: frozenset({S}),
}


def allowed(before: State | None, after: State, kind: Literal["flow", "task"]) -> bool:
    """Say whether a run of this kind may go from `before` (None: not yet begun) to `after`."""
    if before is None:
        return after.type in TRANSITIONS[None]
    if after.type not in TRANSITIONS[before.type]:
        return False
    return before.type not in TERMINAL or _may_follow_an_end(before, after, kind)


def _may_follow_an_end(before: State, after: State, kind: Literal["flow", "task"]) -> bool:
    if after.type is StateType.COMPLETED:
        return after.name == "RolledBack" and before.name != "RolledBack"
    # What a run does by itself, not knowing that somebody has ended it, is not `retriable`.
    return after.name == "AwaitingRetry" and after.state_details.retriable is True and kind == "flow"


def as_taken(before: State | None, asked: State) -> State:
    """Return the state that a run enters which is asked, from outside, to enter another.

    A run that is asked to stop is Cancelling while its process ends what it does. One that no process is at work on, as
    it waits for its date or was asked to run again, is Cancelled at once: nobody else would ever say so.
    """
    if asked.type is CG and before is not None and is_at_rest(before):
        return asked.replace(type=CA, name="Cancelled", message=asked.message or messages.cancelled_ahead)
    return asked


def is_at_rest(state: State) -> bool:
    """Say whether no process is at work on a run in this state: it waits for its date, or was asked to run again."""
    return state.type is S and (state.name in _OF_NO_PROCESS or state.state_details.retriable is True)


_OF_NO_PROCESS = frozenset({"Scheduled", "Late"})
