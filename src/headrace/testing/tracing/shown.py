"""Writing values of users down for people: by their repr, never too long, whatever their classes do."""

from __future__ import annotations

from collections.abc import Sized
from itertools import islice
from reprlib import Repr
from typing import Any

#: Stands where something was left out, until it is known that it was.
_CUT = "\ue000"


def shown(value: object, most: int) -> str:
    """Return the repr of a value in about `most` characters at most, and a word on it where that is not all."""
    try:
        text = _Bounded(most).repr(value)
    except Exception as error:  # noqa: BLE001 - what a user's class does must not hide the test's own failure
        return f"<{type(value).__name__} whose repr can't be shown: {type(error).__name__}>"
    if _CUT not in text and len(text) <= most:
        return text
    size = f" of {len(value):,}" if isinstance(value, Sized) else ""
    return f"{text[:most].replace(_CUT, '…')}\n(abbreviated: {type(value).__name__}{size})"


def abbreviated(text: str, most: int) -> str:
    """Return a text, or as much of its begin and end as may be shown, with a word on what is left out."""
    if len(text) <= most:
        return text
    end = most // 2
    left_out = f"(abbreviated: {len(text) - most:,} of {len(text):,} characters are left out)"
    return f"{text[: most - end]}\n{left_out}\n{text[-end:]}"


class _Bounded(Repr):
    """What stops early where there is much; dicts keep their order."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.fillvalue = _CUT
        self.maxlevel = 6
        self.maxstring = self.maxother = self.maxlong = most
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = max(most // 8, 8)
        self.maxdict = self.maxarray = self.maxdeque = self.maxlist

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Write as many items as there may be."""
        if level <= 0:
            return f"{{{self.fillvalue}}}"
        items = [f"{self.repr1(key, level - 1)}: {self.repr1(x[key], level - 1)}" for key in islice(x, self.maxdict)]
        return f"{{{', '.join([*items, *([self.fillvalue] if len(x) > len(items) else [])])}}}"
