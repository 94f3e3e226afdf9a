"""The deployment that the run around this code, or one further out, is of; empty where there is none."""

from __future__ import annotations

from typing import Any

from headrace.runs.context import CURRENT, Deployed, FlowRunContext
from headrace.runtime.lookup import Fields, look_up


def _deployed() -> Deployed | None:
    here = CURRENT.get()
    while here is not None:
        if isinstance(here, FlowRunContext) and here.deployed is not None:
            return here.deployed
        here = here.parent
    return None


def _text(name: str) -> str | None:
    value = getattr(_deployed(), name, None)
    return str(value) if value is not None else None


def _parameters() -> dict[str, Any]:
    deployed = _deployed()
    return dict(deployed.parameters) if deployed is not None else {}


_FIELDS: Fields = {
    "id": lambda: _text("id"),
    "name": lambda: _text("name"),
    "version": lambda: _text("version"),
    "flow_run_id": lambda: _text("flow_run_id"),
    "parameters": _parameters,
}

__all__ = sorted(_FIELDS)


def __getattr__(name: str) -> Any:
    return look_up("deployment", _FIELDS, name, {})


def __dir__() -> list[str]:
    return sorted(_FIELDS)
