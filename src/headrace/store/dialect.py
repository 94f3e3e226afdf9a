"""What SQLite writes differently from other databases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from headrace.store.filters import is_glob

#: One of the tags of a run; the placeholder takes the tag.
HAS_TAG = "EXISTS (SELECT 1 FROM json_each(r.tags) WHERE value = ?)"
#: Case of ASCII letters does not count. The placeholder takes what `like` makes.
LIKE = "LIKE ? ESCAPE '\\'"
#: Every row, for `LIMIT ?`.
NO_LIMIT = -1
#: What no row meets.
NEVER = "1 = 0"
#: No row has a number beyond this.
LAST_SEQ = (1 << 63) - 1

_ESCAPES = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_GLOB_ESCAPES = _ESCAPES | str.maketrans({"*": "%", "?": "_"})


def like(pattern: str, glob: bool = True) -> str:
    """Return a name to look for (a part of it, or a glob over the whole) as a LIKE pattern."""
    if glob and is_glob(pattern):
        return pattern.translate(_GLOB_ESCAPES)
    return f"%{pattern.translate(_ESCAPES)}%"


def listed(values: Sequence[Any]) -> tuple[str, str]:
    """Return values as one, so that any number of them goes into one statement, and what reads them from it.

    `from_hex` is a function of ours.
    """
    if isinstance(values[0], bytes):
        return json.dumps([value.hex() for value in values]), "SELECT from_hex(value) FROM json_each(?)"
    return json.dumps(values), "SELECT value FROM json_each(?)"
