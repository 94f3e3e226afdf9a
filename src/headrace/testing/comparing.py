"""Comparisons that explain themselves: lists that know the run they were read from, and histories."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.core.states import TYPE_OF_NAME, StateType
from headrace.testing.entries import RunEntry
from headrace.testing.history import History
from headrace.testing.normalising import stable_ids
from headrace.testing.patterns import Match, Pattern

if TYPE_CHECKING:
    from headrace.testing.views import RunView

T = TypeVar("T")

_HISTORIES_DIFFER = "histories differ ('-' is the right one, '+' the left one)"


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
    if isinstance(left, History) and isinstance(right, History):
        return [_HISTORIES_DIFFER + _hint(left, right), *history_difference(right, left)]
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


def _hint(left: History, right: History) -> str:
    return "; their stories are the same: compare .normalised()" if left.normalised() == right.normalised() else ""


def history_difference(expected: History, found: History) -> list[str]:
    """Return what differs, run by run: '-' what was expected, '+' what happened.

    Runs are paired by id, or by their place where the histories have no id in common.
    """
    before, after = _paired(expected, found)
    lines: list[str] = []
    for key in [*before, *(key for key in after if key not in before)]:
        lines += _run_difference(before.get(key), after.get(key))
    return lines


def _paired(one: History, other: History) -> tuple[dict[str, RunEntry], dict[str, RunEntry]]:
    before, after = {run.id: run for run in one}, {run.id: run for run in other}
    if before.keys().isdisjoint(after):
        return _by_place(one), _by_place(other)
    return before, after


def _by_place(history: History) -> dict[str, RunEntry]:
    ids = stable_ids(history.runs)
    return {ids[run.id]: run for run in history}


def _run_difference(before: RunEntry | None, after: RunEntry | None) -> Iterable[str]:
    if before is None or after is None:
        sign, only = ("+", after) if before is None else ("-", before)
        assert only is not None, "a run is in one of them"
        yield f"{sign} {only.id} {only.name}: {' '.join(state.name for state in only.states)}"
    elif before != after:
        yield f"  {after.id} {after.name}"
        yield from (f"  {line}" for line in [*_state_difference(before, after), *_field_difference(before, after)])


def _state_difference(before: RunEntry, after: RunEntry) -> Iterable[str]:
    names = [[state.name for state in run.states] for run in (before, after)]
    if names[0] != names[1]:
        yield from difference(*names)
        return
    for old, new in zip(before.states, after.states, strict=True):
        for name, was, has in _fields_that_differ(old, new):
            yield f"- {old.name} {name} {was}"
            yield f"+ {new.name} {name} {has}"


def _field_difference(before: RunEntry, after: RunEntry) -> Iterable[str]:
    for name, was, has in _fields_that_differ(before, after):
        if name == "logs":
            yield from (f"{line[:2]}log {line[2:]}" for line in difference(was, has) if not line.startswith(" "))
        elif name != "states":
            yield f"- {name} {was!r}"
            yield f"+ {name} {has!r}"


def _fields_that_differ(before: Any, after: Any) -> Iterable[tuple[str, Any, Any]]:
    for field in fields(before):
        was, has = getattr(before, field.name), getattr(after, field.name)
        if was != has:
            yield field.name, was, has


def difference(expected: Sequence[object], found: Sequence[object]) -> list[str]:
    """Return a short diff of two lists: what both have, '-' what was expected, '+' what happened."""
    before, after = [repr(item) for item in expected], [repr(item) for item in found]
    lines: list[tuple[str, list[str]]] = []
    for tag, i, j, m, n in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        lines += [("  ", before[i:j])] if tag == "equal" else [("- ", before[i:j]), ("+ ", after[m:n])]
    return [f"{sign}{', '.join(items)}" for sign, items in lines if items]
