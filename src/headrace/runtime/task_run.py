"""The task run around this code; None, [], {} or 0 outside one."""

from __future__ import annotations

from typing import Any

from headrace.core.records import TaskRun
from headrace.runs.context import TaskRunContext
from headrace.runtime.lookup import Fields, look_up, shown_at, told_at


def _run() -> TaskRun | None:
    context = TaskRunContext.get()
    return context.run if context is not None else None


def _parameters() -> dict[str, Any]:
    context = TaskRunContext.get()
    return dict(context.parameters) if context is not None else {}


_FIELDS: Fields = {
    "id": lambda: str(run.id) if (run := _run()) else None,
    "name": lambda: run.name if (run := _run()) else None,
    "tags": lambda: sorted(run.tags) if (run := _run()) else [],
    "parameters": _parameters,
    "run_count": lambda: run.run_count if (run := _run()) else 0,
    "task_name": lambda: run.task_name if (run := _run()) else None,
    "api_url": lambda: told_at("task", str(run.id) if (run := _run()) else None),
    "ui_url": lambda: shown_at("task", str(run.id) if (run := _run()) else None),
}
_EMPTY: dict[str, Any] = {}

__all__ = sorted(_FIELDS)


def __getattr__(name: str) -> Any:
    return look_up("task_run", _FIELDS, name, _EMPTY)


def __dir__() -> list[str]:
    return sorted(_FIELDS)
