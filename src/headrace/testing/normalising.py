"""Making histories comparable: what differs from one telling of the same story to the next is replaced.

Moments become seconds since the first state; ids become places in the tree of runs; names that were drawn become the
names of what they are runs of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from headrace.testing.entries import Moment, RunEntry, StateEntry

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
#: States of one run are a microsecond apart even where no time passes; that is not told.
_DIGITS = 3


def normalised(runs: Sequence[RunEntry]) -> tuple[RunEntry, ...]:
    """Return the runs with relative moments and stable ids, those whose name was drawn named after their definition."""
    begin = min((state.at for run in runs for state in run.states), default=0.0)
    ids = stable_ids(runs)
    text = _Replacing({**ids, **{run.name: run.definition for run in runs if run.drawn}})
    return tuple(renamed(_plain(run, text, begin), ids) for run in runs)


def _plain(run: RunEntry, text: _Replacing, begin: Moment) -> RunEntry:
    states = (_plain_state(state, text, begin) for state in run.states)
    return replace(
        run,
        name=text(run.name),
        parameters=text.within(run.parameters),
        states=tuple(states),
        logs=tuple(map(text, run.logs)),
    )


def _plain_state(state: StateEntry, text: _Replacing, begin: Moment) -> StateEntry:
    message = text(state.message) if state.message is not None else None
    return replace(state, at=_since(begin, state.at), message=message, cause=text(state.cause))


def _since(begin: Moment, at: Moment) -> float:
    if isinstance(at, datetime) and isinstance(begin, datetime):
        return round((at - begin).total_seconds(), _DIGITS)
    assert not isinstance(at, datetime), "a history's moments are of one kind"
    assert not isinstance(begin, datetime), "a history's moments are of one kind"
    return round(at - begin, _DIGITS)


class _Replacing:
    """Replaces words in text: those given, and ids that nobody knows."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words
        longest_first = sorted(map(re.escape, words), key=len, reverse=True)
        self._known = re.compile(rf"(?<![\w-])(?:{'|'.join(longest_first)})(?![\w-])") if words else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(lambda found: self._words[found[0]], text)
        return _UUID.sub("<id>", text)

    def within(self, value: Any) -> Any:
        """Replace in all strings of a JSON value."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list):
            return [self.within(item) for item in value]
        return {key: self.within(item) for key, item in value.items()} if isinstance(value, dict) else value


# ids -----------------------------------------------------------------------------------------------------------


def stable_ids(runs: Sequence[RunEntry]) -> dict[str, str]:
    """Return ids that tell places: ``flow-1`` is the first, ``task-1.2`` the second that it started."""
    ids: dict[str, str] = {}

    def number(siblings: Iterable[RunEntry], before: str) -> None:
        for n, run in enumerate(siblings, 1):
            ids[run.id] = f"{run.kind}-{before}{n}"
            number(below.get(run.id, ()), f"{before}{n}.")

    below = tree(runs)
    number(below.get(None, ()), "")
    return ids


def tree(runs: Sequence[RunEntry]) -> dict[str | None, list[RunEntry]]:
    """Return the runs by the id of the run that started them; None stands for the test."""
    known = {run.id for run in runs}
    below: dict[str | None, list[RunEntry]] = {}
    for run in runs:
        below.setdefault(run.parent if run.parent in known else None, []).append(run)
    return below


def in_order(runs: Sequence[RunEntry]) -> tuple[RunEntry, ...]:
    """Return the runs from the root down, each followed by what it started."""
    below = tree(runs)

    def walk(run_id: str | None) -> Iterable[RunEntry]:
        for run in below.get(run_id, ()):
            yield run
            yield from walk(run.id)

    return tuple(walk(None))


def renamed(run: RunEntry, ids: Mapping[str, str]) -> RunEntry:
    """Return a run with other ids, its upstream in order of place."""
    upstream = tuple(sorted((ids.get(one, "<elsewhere>") for one in run.upstream), key=by_place))
    return replace(run, id=ids[run.id], parent=ids.get(run.parent or ""), upstream=upstream)


def by_place(stable_id: str) -> tuple[int, ...]:
    """Return what stable ids are sorted by: the numbers in them."""
    return tuple(map(int, re.findall(r"\d+", stable_id)))
