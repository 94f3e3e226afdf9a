"""What there is to see of a flow run, one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Tab = Literal["log", "task-runs", "subflow-runs", "parameters", "artifacts", "history", "details"]
TABS: Mapping[str, str] = {
    "log": "Log",
    "task-runs": "Task runs",
    "subflow-runs": "Subflow runs",
    "parameters": "Parameters",
    "artifacts": "Artifacts",
    "history": "State history",
    "details": "Details",
}
