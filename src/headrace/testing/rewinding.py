"""What is to be as it was before each try of a test that is tried many times: the log lines that pytest keeps, say."""

from __future__ import annotations

from collections.abc import Callable

#: Called when tries begin; what each returns is called before each of them.
REWINDERS: list[Callable[[], Callable[[], object]]] = []


def rewinding() -> Callable[[], None]:
    """Return what makes everything as it is now."""
    rewinds = [begin() for begin in REWINDERS]

    def rewind() -> None:
        for one in rewinds:
            one()

    return rewind
