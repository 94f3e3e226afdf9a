"""The deployment of the flow run around this code; empty, as this version has no deployments."""

from __future__ import annotations

from typing import Any

from headrace.runtime.lookup import Fields, look_up

_FIELDS: Fields = {
    "id": lambda: None,
    "name": lambda: None,
    "version": lambda: None,
    "flow_run_id": lambda: None,
    "parameters": dict,
}

__all__ = sorted(_FIELDS)


def __getattr__(name: str) -> Any:
    return look_up("deployment", _FIELDS, name, {})


def __dir__() -> list[str]:
    return sorted(_FIELDS)
