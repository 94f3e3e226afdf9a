"""Forgetting the order in which runs started others.

Threads, processes and event loops tell one story in different orders. To compare them, siblings are put into an order
that follows from what they say and from the runs around them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.testing.entries import RunEntry
from headrace.testing.normalising import by_place, in_order, renamed, stable_ids

#: What of a run tells where it stands, or where others do.
_PLACES = ("id", "parent", "upstream")
#: Runs that nothing but the place of their upstream tells apart may need more than one pass.
_PASSES = 5


def ordered_siblings(runs: Sequence[RunEntry]) -> tuple[RunEntry, ...]:
    """Return normalised runs with what each started in an order that follows from what it says, and ids after that."""
    for _ in range(_PASSES):
        before, runs = runs, _ordered_once(runs)
        if tuple(before) == runs:
            break
    return tuple(runs)


def _ordered_once(runs: Sequence[RunEntry]) -> tuple[RunEntry, ...]:
    ranks = _ranks(runs)
    ordered = in_order(sorted(runs, key=lambda run: (ranks[run.id], *map(by_place, run.upstream))))
    ids = stable_ids(ordered)
    return tuple(renamed(run, ids) for run in ordered)


def _ranks(runs: Sequence[RunEntry]) -> dict[str, int]:
    """Return a rank for each run that does not depend on places: by what it says, then by the runs around it.

    Colour refinement (B. Weisfeiler and A. Leman, 1968): runs of one rank are told apart by the ranks of their
    neighbours, until that tells no more of them apart.
    """
    around = _neighbours(runs)
    ranks = _ranked({run.id: _words(run) for run in runs})
    while True:
        finer = _ranked(
            {
                one: (ranks[one], *(tuple(sorted(ranks[other] for other in others)) for others in kinds))
                for one, kinds in around.items()
            }
        )
        if len(set(finer.values())) == len(set(ranks.values())):
            return finer
        ranks = finer


def _neighbours(runs: Sequence[RunEntry]) -> dict[str, tuple[list[str], list[str], list[str], list[str]]]:
    """Return, for each run, who started it, whom it started, what it waited for, and who waited for it."""
    around: dict[str, tuple[list[str], list[str], list[str], list[str]]] = {run.id: ([], [], [], []) for run in runs}
    for run in runs:
        if run.parent in around:
            around[run.id][0].append(run.parent)
            around[run.parent][1].append(run.id)
        for one in run.upstream:
            if one in around:
                around[run.id][2].append(one)
                around[one][3].append(run.id)
    return around


def _ranked(keys: Mapping[str, Any]) -> dict[str, int]:
    rank = {key: place for place, key in enumerate(sorted(set(keys.values())))}
    return {one: rank[key] for one, key in keys.items()}


def _words(run: RunEntry) -> str:
    """Return all that a run says by itself, without its place and the places of others."""
    said = run.as_json()
    return json.dumps([said["definition"], {name: said[name] for name in said if name not in _PLACES}])
