"""How attributes of the runtime modules are looked up: the environment first, for tests; then the run."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from headrace.settings import current_settings

Fields = Mapping[str, Callable[[], Any]]


def look_up(module: str, fields: Fields, name: str, empty: Mapping[str, Any]) -> Any:
    """Return an attribute; ``HEADRACE__RUNTIME__<MODULE>__<NAME>`` overrides it, or adds one, a string.

    Raises AttributeError for others.
    """
    override = os.environ.get(f"HEADRACE__RUNTIME__{module.upper()}__{name.upper()}")
    if name not in fields and override is not None:
        return override
    if name not in fields:
        raise AttributeError(
            f"headrace.runtime.{module} has no attribute {name!r}; it has {', '.join(sorted(fields))}."
        )
    real = fields[name]()
    return real if override is None else _cast(override, real if real is not None else empty.get(name))


def told_at(kind: str, run_id: object) -> str | None:
    """Return where the server tells of a run, that runs are reported to; None outside a run, or without a server."""
    url = current_settings().api_url
    return f"{url}/{kind}_runs/{run_id}" if url is not None and run_id is not None else None


def shown_at(kind: str, run_id: object) -> str | None:
    """Return where a browser shows a run; None as above."""
    url = current_settings().api_url
    if url is None or run_id is None:
        return None
    return f"{url.removesuffix('/api')}/runs/{kind}-run/{run_id}"


def _cast(text: str, like: Any) -> Any:
    if isinstance(like, bool):
        return text.strip().lower() in ("1", "true", "yes", "on")
    if isinstance(like, int):
        return int(text)
    if isinstance(like, float):
        return float(text)
    if isinstance(like, datetime):
        return datetime.fromisoformat(text)
    if isinstance(like, list):
        return json.loads(text) if text.startswith("[") else [item for item in text.split(",") if item]
    return json.loads(text) if isinstance(like, dict) else text
