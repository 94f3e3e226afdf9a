"""What SQLite writes differently from other databases."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from headrace.store.filters import is_glob

#: One of the tags of a run; the placeholder takes the tag.
HAS_TAG = "EXISTS (SELECT 1 FROM json_each(r.tags) WHERE value = ?)"
#: The run is among some; the placeholder takes what `id_list` makes. `from_hex` is a function of ours.
ID_IN_LIST = "r.id IN (SELECT from_hex(value) FROM json_each(?))"
#: Case of ASCII letters does not count. The placeholder takes what `like` makes.
LIKE = "LIKE ? ESCAPE '\\'"
#: Every row, for `LIMIT ?`.
NO_LIMIT = -1

_ESCAPES = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_GLOB_ESCAPES = _ESCAPES | str.maketrans({"*": "%", "?": "_"})


def like(pattern: str, glob: bool = True) -> str:
    """Return a name to look for (a part of it, or a glob over the whole) as a LIKE pattern."""
    if glob and is_glob(pattern):
        return pattern.translate(_GLOB_ESCAPES)
    return f"%{pattern.translate(_ESCAPES)}%"


def id_list(ids: Iterable[UUID]) -> str:
    """Return ids as one value, so that any number of them goes into one statement."""
    return json.dumps([run_id.hex for run_id in ids])
