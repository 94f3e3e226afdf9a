"""What SQLite writes differently from other databases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headrace.store.dialect import Dialect


def _listed(values: Sequence[Any]) -> tuple[str, str]:
    """Return values as a JSON array; `from_hex` is a function of ours."""
    if isinstance(values[0], bytes):
        return json.dumps([value.hex() for value in values]), "SELECT from_hex(value) FROM json_each(?)"
    return json.dumps(values), "SELECT value FROM json_each(?)"


SQLITE = Dialect(
    like="{column} LIKE ? ESCAPE '\\'",
    has_tag="EXISTS (SELECT 1 FROM json_each(r.tags) WHERE value = ?)",
    listed=_listed,
    no_limit=-1,
)
