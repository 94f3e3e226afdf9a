"""Writing to the log of a run."""

from headrace.logging.loggers import RunLoggerAdapter, disable_run_logger, get_logger, get_run_logger

__all__ = ["RunLoggerAdapter", "disable_run_logger", "get_logger", "get_run_logger"]
