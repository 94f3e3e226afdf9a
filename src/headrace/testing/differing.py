"""How two histories differ: run by run, and only what is not the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from headrace.testing.difference import difference
from headrace.testing.entries import RunEntry
from headrace.testing.history import History
from headrace.testing.normalising import stable_ids

_DIFFER = "histories differ ('-' is the right one, '+' the left one)"


def explained(left: object, right: object) -> list[str]:
    """Return the lines that explain why two histories are not equal."""
    assert isinstance(left, History), "asked for histories only"
    assert isinstance(right, History), "asked for histories only"
    return [_DIFFER + _hint(left, right), *history_difference(right, left)]


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
