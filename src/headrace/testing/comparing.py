"""Comparisons that explain themselves: lists that know the run they were read from."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from headrace.core.states import TYPE_OF_NAME, StateType

if TYPE_CHECKING:
    from headrace.testing.patterns import Match, Pattern
    from headrace.testing.views import RunView

T = TypeVar("T")


class ListOfRun(list[T]):
    """A list in every way, with `run`, the run it was read from, and `what` it holds."""

    def __init__(self, items: Iterable[T], run: RunView, what: str) -> None:
        super().__init__(items)
        self.run = run
        self.what = what


class StatesOfRun(ListOfRun[str]):
    """The states that a run went through, by name or by type."""

    def match(self, pattern: str | Pattern) -> Match:
        """Say whether the states, from first to last, fit a pattern: ``Pending Running (AwaitingRetry Retrying){2} .``.

        ``( ) | * + ? {2} {1,3}`` are those of regular expressions, over whole names; ``.`` is any state. The answer is
        true or false, and says how far the states fitted. Raises UnknownStateName for a name that is neither one of
        headrace's nor of this run's states, unless it stands in quotation marks; ValueError for what is no pattern.
        """
        from headrace.testing.patterns import Pattern  # most tests compare with lists

        read = pattern if isinstance(pattern, Pattern) else Pattern(pattern)
        read.check({*map(str, self), *self._known})
        return read.match(map(str, self))

    @property
    def _known(self) -> Collection[str]:
        return [type_.value for type_ in StateType] if self.what == "state_types" else TYPE_OF_NAME


def explain(op: str, left: object, right: object) -> list[str] | None:
    """Return the lines that explain a failed ``==``; None where neither side is of a run."""
    if op != "==":
        return None
    if _are_histories(left, right):
        from headrace.testing.differing import explained  # needs what only histories need

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


def _are_histories(*values: object) -> bool:
    """Say whether these are histories, which they can only be where somebody took one."""
    loaded = sys.modules.get("headrace.testing.history")
    return loaded is not None and all(isinstance(value, loaded.History) for value in values)


def difference(expected: Sequence[object], found: Sequence[object]) -> list[str]:
    """Return a short diff of two lists: what both have, '-' what was expected, '+' what happened."""
    import difflib  # only who fails needs it

    before, after = [repr(item) for item in expected], [repr(item) for item in found]
    lines: list[tuple[str, list[str]]] = []
    for tag, i, j, m, n in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        lines += [("  ", before[i:j])] if tag == "equal" else [("- ", before[i:j]), ("+ ", after[m:n])]
    return [f"{sign}{', '.join(items)}" for sign, items in lines if items]
