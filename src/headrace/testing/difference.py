"""What differs between two lists, in a few lines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def difference(expected: Sequence[object], found: Sequence[object]) -> list[str]:
    """Return a short diff of two lists: what both have, '-' what was expected, '+' what happened."""
    before, after = [repr(item) for item in expected], [repr(item) for item in found]
    lines: list[tuple[str, list[str]]] = []
    for tag, i, j, m, n in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        lines += [("  ", before[i:j])] if tag == "equal" else [("- ", before[i:j]), ("+ ", after[m:n])]
    return [f"{sign}{', '.join(items)}" for sign, items in lines if items]
