"""One test on every runner: the story must not depend on where task runs are carried out.

What is compared is what was recorded, and what runs returned. Moments are not: whether two naps of a minute take one
minute or two is what runners differ in. Nor is the order in which a run's children began.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from headrace.core.codec import to_json
from headrace.core.state_types import StateType
from headrace.exceptions import HeadraceError
from headrace.testing.bodies import call_body
from headrace.testing.differing import history_difference
from headrace.testing.entries import RunEntry
from headrace.testing.history import History
from headrace.testing.paths import PATHS, path_named
from headrace.testing.simulation import Simulation, simulate

__all__ = ["RunnerDifference", "on_every_runner"]
__raises_as_asked__ = True  # see headrace.core.tracebacks

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


class RunnerDifference(AssertionError):
    """A test leaves another history on one runner than on another.

    `histories` are all of them by runner, as they were compared; `reference` is the runner that the others were
    compared with, `differences` says by runner, line by line, what differs: '-' on the reference, '+' on the other.
    """

    def __init__(self, histories: Mapping[str, History], reference: str, differences: Mapping[str, list[str]]) -> None:
        self.histories = dict(histories)
        self.reference = reference
        self.differences = dict(differences)
        said = (_told_difference(reference, name, lines) for name, lines in differences.items())
        super().__init__("\n\n".join(said))


def _told_difference(reference: str, name: str, lines: list[str]) -> str:
    first = f"On runner {name!r} the runs have another history than on {reference!r}:"
    return "\n".join([first, *_legend(reference, name, lines)])


def _legend(reference: str, name: str, lines: list[str]) -> list[str]:
    return [f"  ('-' {reference}, '+' {name})", *(f"  {line}" for line in lines)]


def on_every_runner(fn: Callable[..., Any], *runners: str, seed: int = 0, **options: Any) -> dict[str, History]:
    """Run a test once on each runner, in a simulation of its own from the same start and seed, and compare histories.

    `runners`: of "inline", "threads", "processes" and "async", see `simulate`; none: all. The first is what the others
    are compared with: the states of all runs with messages and causes, parameters, tags, log lines, what depends on
    what, and what was returned; but neither moments nor the order of siblings. `fn` is called without arguments, or
    with the simulation if it takes one; it may be async. What it uses it makes anew. `options` are further ones of
    `simulate`.

    Returns the histories by runner. Raises RunnerDifference where they differ; an error of the test itself is raised as
    it is, with a note on which runner that was. Raises ValueError for other runners, for one twice, and for just one.
    """
    chosen = checked_runners(runners)
    histories: dict[str, History] = {}
    for name in chosen:
        with simulate(seed=seed, runner=name, **options) as simulation:  # type: ignore[arg-type]
            _run(fn, simulation, name, histories)
            histories[name] = told(simulation)
    _compare(histories)
    return histories


def checked_runners(runners: tuple[str, ...]) -> tuple[str, ...]:
    """Return the runners that are meant. Raises ValueError."""
    for name in runners:
        path_named(name)
    if len(set(runners)) < len(runners):
        raise ValueError(f"Each runner is to be named once, not {', '.join(map(repr, runners))}.")
    if len(runners) == 1:
        raise ValueError(f"There is nothing to compare {runners[0]!r} with: name another runner, or none for all.")
    return runners or tuple(PATHS)


def _run(fn: Callable[..., Any], simulation: Simulation, name: str, before: Mapping[str, History]) -> None:
    try:
        call_body(fn, simulation)
    except Exception as error:
        error.add_note("\n".join(_noted(simulation, name, before)))
        raise


def _noted(simulation: Simulation, name: str, before: Mapping[str, History]) -> list[str]:
    """Say on which runner a test has failed, and what was otherwise on the one that it is compared with."""
    if not before:
        return [f"This was on runner {name!r}, the first."]
    reference = next(iter(before))
    lines = history_difference(before[reference], told(simulation))
    said = f"This was on runner {name!r}; the test has passed on {', '.join(map(repr, before))}."
    return [said, *(_legend(reference, name, lines) if lines else ())]


def _compare(histories: Mapping[str, History]) -> None:
    reference, expected = next(iter(histories.items()))
    differences = {name: history_difference(expected, found) for name, found in histories.items() if found != expected}
    if differences:
        raise RunnerDifference(histories, reference, differences)


# what is told ----------------------------------------------------------------------------------------------------


def told(simulation: Simulation) -> History:
    """Return what is compared: the history with what runs returned, without moments and without order of siblings."""
    returned = {str(view.id): _returned(view) for view in simulation.runs.all()}
    entries = (_with_result(entry, returned.get(entry.id, "")) for entry in simulation.runs.history())
    return History(tuple(map(_timeless, entries))).unordered()


def _returned(view: Any) -> str:
    state = view.state
    if state is None or state.type is not StateType.COMPLETED:
        return ""
    try:
        return json.dumps(json.loads(_ADDRESS.sub("", to_json(state.result()))), ensure_ascii=False)
    except (HeadraceError, ValueError):  # it was not kept
        return ""


def _with_result(entry: RunEntry, returned: str) -> RunEntry:
    if not returned or returned == "null":
        return entry
    *others, last = entry.states
    return replace(entry, states=(*others, replace(last, cause=f"{last.cause} {returned}")))


def _timeless(entry: RunEntry) -> RunEntry:
    return replace(entry, states=tuple(replace(state, at=0.0) for state in entry.states))
