"""The names that a file of flows needs, under the module name that the field expects."""

from headrace import (
    Flow,
    State,
    Task,
    Transaction,
    allow_failure,
    flow,
    get_client,
    get_run_logger,
    tags,
    task,
    unmapped,
)

__all__ = [
    "Flow",
    "State",
    "Task",
    "Transaction",
    "allow_failure",
    "flow",
    "get_client",
    "get_run_logger",
    "tags",
    "task",
    "unmapped",
]
