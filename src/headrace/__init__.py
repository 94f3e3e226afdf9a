"""A workflow engine that you can test: flows and tasks whose every state is recorded."""

from headrace._version import __version__
from headrace.context import tags
from headrace.core.annotations import allow_failure, unmapped
from headrace.core.states import State
from headrace.flows import Flow, flow
from headrace.logging import get_run_logger
from headrace.tasks import Task, task

__all__ = [
    "Flow",
    "State",
    "Task",
    "__version__",
    "allow_failure",
    "flow",
    "get_run_logger",
    "tags",
    "task",
    "unmapped",
]
