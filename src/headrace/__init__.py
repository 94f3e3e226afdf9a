"""A workflow engine that you can test: flows and tasks whose every state is recorded.

Names are loaded when they are first used: a command that only answers `--help`, or a test run in which no flow is run,
does not pay for the engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from headrace._version import __version__

if TYPE_CHECKING:
    from headrace.client.orchestration import get_client
    from headrace.context import tags
    from headrace.core.annotations import allow_failure, unmapped
    from headrace.deployments.serving import aserve, serve
    from headrace.flows import Flow, flow
    from headrace.logging import get_run_logger
    from headrace.states import State
    from headrace.tasks import Task, task
    from headrace.transactions import Transaction

__all__ = [
    "Flow",
    "State",
    "Task",
    "Transaction",
    "__version__",
    "allow_failure",
    "aserve",
    "flow",
    "get_client",
    "get_run_logger",
    "serve",
    "tags",
    "task",
    "unmapped",
]

#: Where each public name is to be found.
_HOMES = {
    "Flow": "flows",
    "State": "states",
    "Task": "tasks",
    "Transaction": "transactions",
    "allow_failure": "core.annotations",
    "aserve": "deployments.serving",
    "flow": "flows",
    "get_client": "client.orchestration",
    "get_run_logger": "logging",
    "serve": "deployments.serving",
    "tags": "context",
    "task": "tasks",
    "unmapped": "core.annotations",
}
#: Modules that users reach as attributes, after no more than `import headrace`.
_MODULES = frozenset(
    {
        *("cache_policies", "client", "concurrency", "context", "deployments", "exceptions", "filesystems", "flows"),
        *("futures", "locking", "logging", "main", "results", "runtime", "schedules", "serializers", "settings"),
        *("states", "task_runners", "task_worker", "tasks", "testing", "transactions", "types", "utilities"),
    }
)
#: What users of Prefect look for here in vain, so far.
_NOT_YET = frozenset(
    {
        *("deploy", "pause_flow_run", "apause_flow_run", "suspend_flow_run", "asuspend_flow_run"),
        *("resume_flow_run", "aresume_flow_run"),
    }
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"headrace.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"headrace.{name}")
    if name in _NOT_YET:
        raise AttributeError(
            f"headrace.{name} is not part of this version of headrace: nothing pauses yet, and flows run where they "
            "are served. "
            "See docs/moving-from-prefect.md for what is there."
        )
    raise AttributeError(f"module 'headrace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
