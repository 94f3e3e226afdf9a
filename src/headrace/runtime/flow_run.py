"""The flow run around this code; None, [], {} or 0 outside one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace.core.records import FlowRun
from headrace.runs.context import FlowRunContext
from headrace.runtime.lookup import Fields, look_up, shown_at, told_at


def _run() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.run if context is not None else None


def _text(name: str) -> Any:
    run = _run()
    value = getattr(run, name) if run is not None else None
    return str(value) if value is not None else None


def _parameters() -> dict[str, Any]:
    run = _run()
    return dict(run.parameters) if run is not None else {}


def _scheduled_start_time() -> Any:
    run = _run()
    return run.expected_start_time or run.created if run is not None else None


def _parent_deployment_id() -> str | None:
    context = FlowRunContext.get()
    outer = context.parent.flow_context if context is not None and context.parent is not None else None
    return str(outer.run.deployment_id) if outer is not None and outer.run.deployment_id is not None else None


_FIELDS: Fields = {
    "id": lambda: _text("id"),
    "name": lambda: _text("name"),
    "tags": lambda: sorted(run.tags) if (run := _run()) else [],
    "parameters": _parameters,
    "run_count": lambda: run.run_count if (run := _run()) else 0,
    "flow_name": lambda: _text("flow_name"),
    "flow_version": lambda: _text("flow_version"),
    "parent_flow_run_id": lambda: _text("parent_flow_run_id"),
    "parent_deployment_id": _parent_deployment_id,
    "root_flow_run_id": lambda: _text("root_flow_run_id"),
    "scheduled_start_time": _scheduled_start_time,
    "api_url": lambda: told_at("flow", _text("id")),
    "ui_url": lambda: shown_at("flow", _text("id")),
    "job_variables": lambda: {} if _run() else None,
}
#: A value of the type that an attribute has, where it is None outside a run.
_EMPTY: dict[str, Any] = {"scheduled_start_time": datetime.min}

__all__ = sorted(_FIELDS)


def __getattr__(name: str) -> Any:
    return look_up("flow_run", _FIELDS, name, _EMPTY)


def __dir__() -> list[str]:
    return sorted(_FIELDS)
