"""The loggers of runs, and others below `headrace`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from headrace.core.records import FlowRun, TaskRun
from headrace.drive.logs import FLOW_RUNS, TASK_RUNS, configure, run_extra
from headrace.exceptions import MissingContextError
from headrace.runs.context import CURRENT, FlowRunContext, RunContext, TaskRunContext

__all__ = [
    "RunLoggerAdapter",
    "disable_run_logger",
    "flow_run_logger",
    "get_logger",
    "get_run_logger",
    "task_run_logger",
]

#: What a record says of a flow run that its task run does not belong to.
UNKNOWN = "<unknown>"


class RunLoggerAdapter(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines belong to a run."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Add the run to what the caller gave as `extra`."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs

    def getChild(self, suffix: str, extra: dict[str, Any] | None = None) -> RunLoggerAdapter:  # noqa: N802
        """Return a logger below this one, for the same run."""
        return RunLoggerAdapter(self.logger.getChild(suffix), {**(self.extra or {}), **(extra or {})})


def get_run_logger(context: RunContext | None = None, **extra: Any) -> RunLoggerAdapter:
    """Return the logger of the run around this code, or of a context of another; `extra` goes into its records.

    Raises MissingContextError outside a run, TypeError for what is no context of a run.
    """
    here = context if context is not None else CURRENT.get()
    if isinstance(here, TaskRunContext):
        flow_run = here.within.run if here.within is not None else None
        return task_run_logger(here.run, flow_run=flow_run, **extra)
    if isinstance(here, FlowRunContext):
        return flow_run_logger(here.run, **extra)
    if here is not None:
        raise TypeError(f"get_run_logger takes what get_run_context() gives, or nothing, and not {here!r}.")
    if _DISABLED.get():
        return RunLoggerAdapter(FLOW_RUNS, extra)
    raise MissingContextError("There is no active flow or task run context: get_run_logger() works in a run.")


def flow_run_logger(flow_run: FlowRun, flow: Any = None, **extra: Any) -> RunLoggerAdapter:
    """Return the logger of a flow run; the flow need not be given."""
    configure()
    return RunLoggerAdapter(FLOW_RUNS, {**run_extra(flow_run), **extra})


def task_run_logger(
    task_run: TaskRun, task: Any = None, flow_run: FlowRun | None = None, flow: Any = None, **extra: Any
) -> RunLoggerAdapter:
    """Return the logger of a task run; with `flow_run`, its records name that, too. The others need not be given."""
    configure()
    known = {"flow_run_name": UNKNOWN, "flow_name": UNKNOWN} if flow_run is None else run_extra(flow_run)
    return RunLoggerAdapter(TASK_RUNS, {**known, **run_extra(task_run), **extra})


def get_logger(name: str | None = None) -> logging.Logger:
    """Return the logger `headrace.<name>`, whose lines belong to no run; without a name, `headrace` itself."""
    configure()
    return logging.getLogger("headrace" if not name else name if name.startswith("headrace") else f"headrace.{name}")


@contextmanager
def disable_run_logger() -> Iterator[None]:
    """Silence the loggers of runs in the block, and let `get_run_logger` work outside runs: for calling ``task.fn``."""
    before = FLOW_RUNS.disabled, TASK_RUNS.disabled
    FLOW_RUNS.disabled = TASK_RUNS.disabled = True
    token = _DISABLED.set(True)
    try:
        yield
    finally:
        FLOW_RUNS.disabled, TASK_RUNS.disabled = before
        _DISABLED.reset(token)


_DISABLED: ContextVar[bool] = ContextVar("headrace_run_logger_disabled", default=False)
