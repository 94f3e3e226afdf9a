"""Which runs and log lines fit a filter, said in Python. `queries.py` says the same in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.store.protocol import LogFilter, LogRecord, RunFilter

#: Tells the flow's name of a stored flow run; None where there is no such run.
FlowNameOf = Callable[[UUID | None], str | None]


def is_glob(pattern: str) -> bool:
    """Say whether a name is meant as a glob over the whole name and not as a part of it."""
    return "*" in pattern or "?" in pattern


@lru_cache(maxsize=64)
def matcher(pattern: str, glob: bool = True) -> re.Pattern[str]:
    """Compile a name or text to look for. Case is ignored for ASCII letters alone, as SQLite's LIKE does."""
    flags = re.IGNORECASE | re.ASCII | re.DOTALL
    if not (glob and is_glob(pattern)):
        return re.compile(re.escape(pattern), flags)
    parts = ({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile(rf"\A{''.join(parts)}\Z", flags)


def fits(run: Run, where: RunFilter, flow_name_of: FlowNameOf) -> bool:
    """Say whether a run is one of those looked for."""
    return (
        (not where.ids or run.id in where.ids)
        and (where.flow_run_id is None or _flow_run_id(run) == where.flow_run_id)
        and _fits_state(run, where)
        and (where.after is None or run.created >= where.after)
        and (where.before is None or run.created < where.before)
        and where.tags <= run.tags
        and _fits_name(where.name, run.name)
        and (where.task_name is None or _fits_name(where.task_name, _task_name(run)))
        and (where.flow_name is None or _fits_name(where.flow_name, _flow_name(run, flow_name_of)))
    )


def fits_log(record: LogRecord, where: LogFilter) -> bool:
    """Say whether a line is one of those looked for."""
    return (
        record.level >= where.min_level
        and (where.task_run_id is None or record.task_run_id == where.task_run_id)
        and (where.flow_run_id is None or record.flow_run_id == where.flow_run_id)
        and (where.text is None or matcher(where.text, glob=False).search(record.message) is not None)
    )


def _fits_state(run: Run, where: RunFilter) -> bool:
    if not where.state_types and not where.state_names:
        return True
    return run.state is not None and (run.state.type in where.state_types or run.state.name in where.state_names)


def _fits_name(pattern: str | None, name: str | None) -> bool:
    return pattern is None or (name is not None and matcher(pattern).search(name) is not None)


def _flow_run_id(run: Run) -> UUID | None:
    if isinstance(run, TaskRun):
        return run.flow_run_id
    return run.parent_flow_run_id if isinstance(run, FlowRun) else None


def _task_name(run: Run) -> str | None:
    return run.task_name if isinstance(run, TaskRun) else None


def _flow_name(run: Run, flow_name_of: FlowNameOf) -> str | None:
    if isinstance(run, FlowRun):
        return run.flow_name
    return flow_name_of(run.flow_run_id) if isinstance(run, TaskRun) else None
