"""Writing to the log of a run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from headrace.drive.logs import FLOW_RUNS, TASK_RUNS, configure, run_extra
from headrace.exceptions import MissingContextError
from headrace.runs.context import CURRENT

__all__ = ["RunLoggerAdapter", "disable_run_logger", "get_logger", "get_run_logger"]


class RunLoggerAdapter(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines belong to a run."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Add the run to what the caller gave as `extra`."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs

    def getChild(self, suffix: str, extra: dict[str, Any] | None = None) -> RunLoggerAdapter:  # noqa: N802
        """Return a logger below this one, for the same run."""
        return RunLoggerAdapter(self.logger.getChild(suffix), {**(self.extra or {}), **(extra or {})})


def get_run_logger(context: Any = None, **extra: Any) -> RunLoggerAdapter:
    """Return the logger of the run around this code. Raises MissingContextError outside a run."""
    here = context if context is not None else CURRENT.get()
    if here is None and _DISABLED.get():
        return RunLoggerAdapter(FLOW_RUNS, extra)
    if here is None:
        raise MissingContextError("There is no active flow or task run context: get_run_logger() works in a run.")
    configure()
    logger = FLOW_RUNS if here.run.kind == "flow" else TASK_RUNS
    return RunLoggerAdapter(logger, {**run_extra(here.run), **extra})


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
