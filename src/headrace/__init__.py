"""A workflow engine that you can test: flows and tasks whose every state is recorded."""

from typing import TYPE_CHECKING, Any

from headrace._version import __version__
from headrace.context import tags
from headrace.core.annotations import allow_failure, unmapped
from headrace.core.states import State
from headrace.flows import Flow, flow
from headrace.logging import get_run_logger
from headrace.tasks import Task, task

if TYPE_CHECKING:
    from headrace.client.orchestration import get_client

__all__ = [
    "Flow",
    "State",
    "Task",
    "__version__",
    "allow_failure",
    "flow",
    "get_client",
    "get_run_logger",
    "tags",
    "task",
    "unmapped",
]


def __getattr__(name: str) -> Any:
    if name == "get_client":  # few flows need it, and every flow pays for an import
        from headrace.client.orchestration import get_client

        return get_client
    raise AttributeError(f"module 'headrace' has no attribute {name!r}")
