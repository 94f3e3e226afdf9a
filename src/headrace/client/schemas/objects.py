"""States, runs and limits, as the engine itself uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from headrace.core.limits import ConcurrencyLeaseHolder
from headrace.core.models import Model
from headrace.core.overlaps import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from headrace.core.records import FlowRun, LogRecord, TaskRun
from headrace.core.state_details import StateDetails
from headrace.core.state_types import TERMINAL, StateType
from headrace.core.states import State
from headrace.store.protocol import ConcurrencyLimit

#: The types of states after which nothing more happens to a run.
TERMINAL_STATES = TERMINAL
#: One line of a run's log, and a limit, as clients call them.
Log, GlobalConcurrencyLimit = LogRecord, ConcurrencyLimit

__all__ = [
    "TERMINAL_STATES",
    "ConcurrencyLeaseHolder",
    "ConcurrencyLimit",
    "ConcurrencyLimitConfig",
    "ConcurrencyLimitStrategy",
    "Flow",
    "FlowRun",
    "GlobalConcurrencyLimit",
    "Log",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
]


@dataclass(frozen=True)
class Flow(Model):
    """What is known of a flow from its runs: its id, its name, and when the first of those that are kept was made."""

    id: UUID
    name: str
    created: datetime

    FIELDS = ("id", "name", "created")

    def changed(self, changes: Mapping[str, Any]) -> Flow:
        """Return a copy with these fields changed. Raises TypeError for a name that is no field."""
        return replace(self, **changes)
