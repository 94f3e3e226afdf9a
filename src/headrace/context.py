"""The run that code is in."""

from headrace.exceptions import MissingContextError
from headrace.runs.context import CURRENT, FlowRunContext, RunContext, TagsContext, TaskRunContext, tags

#: What users of Prefect call the context of a flow run, too.
EngineContext = FlowRunContext

__all__ = ["EngineContext", "FlowRunContext", "RunContext", "TagsContext", "TaskRunContext", "get_run_context", "tags"]


def get_run_context() -> FlowRunContext | TaskRunContext:
    """Return the context of the task run, else the flow run, around this code. Raises MissingContextError outside."""
    here = CURRENT.get()
    if isinstance(here, FlowRunContext | TaskRunContext):
        return here
    raise MissingContextError("There is no run around this code: call it inside a flow or a task.")
