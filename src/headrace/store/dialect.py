"""What databases write differently from one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from headrace.store.filters import is_glob

_ESCAPES = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})
_GLOB_ESCAPES = _ESCAPES | str.maketrans({"*": "%", "?": "_"})


class Dialect(NamedTuple):
    """One database's ways of saying what all of them can say."""

    #: A column holds a text, whatever the case of ASCII letters; the placeholder takes what `like` makes.
    like: str
    #: One of the tags of a run; the placeholder takes the tag.
    has_tag: str
    #: Values as one, so that any number of them goes into one statement, and what reads them from it.
    listed: Callable[[Sequence[Any]], tuple[Any, str]]
    #: Every row, for ``LIMIT ?``.
    no_limit: int | None


#: What no row meets, in every dialect.
NEVER = "1 = 0"
#: No row has a number beyond this.
LAST_SEQ = (1 << 63) - 1


def like(pattern: str, glob: bool = True) -> str:
    """Return a name to look for (a part of it, or a glob over the whole) as a LIKE pattern."""
    if glob and is_glob(pattern):
        return pattern.translate(_GLOB_ESCAPES)
    return f"%{pattern.translate(_ESCAPES)}%"
