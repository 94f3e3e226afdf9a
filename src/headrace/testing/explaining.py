"""Why a comparison has failed: what pytest prints of states, delays and histories that are not equal."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.testing.comparing import ListOfRun
from headrace.testing.difference import difference
from headrace.testing.differing import explained
from headrace.testing.history import History


def explain(op: str, left: object, right: object) -> list[str] | None:
    """Return the lines that explain a failed ``==``; None where neither side is of a run."""
    if op != "==":
        return None
    if isinstance(left, History) and isinstance(right, History):
        return explained(left, right)
    if not isinstance(left, Sequence) or not isinstance(right, Sequence):
        return None
    mine = left if isinstance(left, ListOfRun) else right
    if not isinstance(mine, ListOfRun):
        return None
    other = right if mine is left else left
    return [
        f"{mine.what} of {mine.run} {op} {list(other)!r}",
        *difference(other, mine),
        *mine.run.timeline.splitlines(),
    ]
