"""Whether a run that ended an attempt is tried again."""

from __future__ import annotations

from typing import NamedTuple

from headrace.core.retries import RetryPolicy
from headrace.core.state_types import StateType
from headrace.core.states import State


class Decision(NamedTuple):
    """Try again after `delay` seconds (0: at once), or, where it is None, let the run end as it is."""

    delay: float | None


FINISH = Decision(None)


def decide(policy: RetryPolicy, ended: State, retries_made: int) -> Decision:
    """Decide by the policy alone; jitter and a user's condition come after it.

    Only a failure is tried again: what was raised, returned as a FAILED state, or took too long. What was ended from
    outside (crashed, cancelled) is not.
    """
    if ended.type is not StateType.FAILED or retries_made >= policy.retries:
        return FINISH
    return Decision(policy.delay(retries_made))
