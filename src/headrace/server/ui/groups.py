"""Which states belong together for somebody who looks at the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from headrace.core.state_types import StateType

Tab = Literal["failed", "running", "completed", "scheduled", "cancelled"]
#: Which types of states belong together for somebody who looks at the whole.
GROUPS: Mapping[Tab, frozenset[StateType]] = {
    "failed": frozenset({StateType.FAILED, StateType.CRASHED}),
    "running": frozenset({StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}),
    "completed": frozenset({StateType.COMPLETED}),
    "scheduled": frozenset({StateType.SCHEDULED, StateType.PAUSED}),
    "cancelled": frozenset({StateType.CANCELLED}),
}
