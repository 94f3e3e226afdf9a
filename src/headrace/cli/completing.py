"""What the shell completes: names of runs, flows, tasks, states, levels, limits, artifacts, variables and settings.

A shell asks while somebody types, so nothing here may fail: where the store can't be used there is nothing to offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import TYPE_CHECKING

from headrace.cli import world
from headrace.exceptions import HeadraceError

if TYPE_CHECKING:
    from headrace.core.records import Run
    from headrace.store.protocol import RunKind

_MOST_RUNS = 50
_LOOKED_AT = 1000  # newest runs, whose flows and tasks are offered
_LEVELS = ("debug", "info", "warning", "error", "critical")


def _offering(words: Callable[[str], Iterable[str]]) -> Callable[[str], list[str]]:
    """Make what a shell asks for of `words`: each once, in their order, those alone that begin as what was typed."""

    @wraps(words)
    def offer(incomplete: str) -> list[str]:
        try:
            return list(dict.fromkeys(word for word in words(incomplete) if word.startswith(incomplete)))
        except HeadraceError:
            return []

    return offer


@_offering
def runs(incomplete: str) -> Iterator[str]:
    """Offer the newest flow runs and task runs by name; after eight digits of an id also by id."""
    from headrace.cli.find import runs_by_prefix

    yield from flow_runs(incomplete)
    yield from task_runs(incomplete)
    yield from (str(run.id) for run in runs_by_prefix(world.store(), incomplete)[:_MOST_RUNS])


@_offering
def flow_runs(incomplete: str) -> Iterator[str]:
    """Offer the newest flow runs by name."""
    yield from (run.name for run in _named("flow", incomplete))


@_offering
def task_runs(incomplete: str) -> Iterator[str]:
    """Offer the newest task runs by name."""
    yield from (run.name for run in _named("task", incomplete))


@_offering
def flows(incomplete: str) -> Iterator[str]:
    """Offer flows that ran lately."""
    from headrace.store.protocol import NEWEST

    yield from (run.flow_name for run in world.store().flow_runs(limit=_LOOKED_AT, order=NEWEST))


@_offering
def tasks(incomplete: str) -> Iterator[str]:
    """Offer tasks that ran lately."""
    from headrace.store.protocol import NEWEST

    yield from (run.task_name for run in world.store().task_runs(limit=_LOOKED_AT, order=NEWEST))


@_offering
def states(incomplete: str) -> Iterable[str]:
    """Offer types of states in lower case, and names."""
    from headrace.cli.find import STATE_WORDS

    return STATE_WORDS


@_offering
def levels(incomplete: str) -> Iterable[str]:
    """Offer levels of logging."""
    return _LEVELS


@_offering
def limits(incomplete: str) -> Iterator[str]:
    """Offer concurrency limits."""
    yield from (limit.name for limit in world.store().limits(world.now()))


@_offering
def artifacts(incomplete: str) -> Iterator[str]:
    """Offer the keys of artifacts."""
    from headrace.store.conditions import NewestOfKey

    yield from (artifact.key or "" for artifact in world.store().artifacts(NewestOfKey(), limit=_LOOKED_AT))


@_offering
def variables(incomplete: str) -> Iterator[str]:
    """Offer variables."""
    yield from (variable.name for variable in world.store().variables())


@_offering
def profiles(incomplete: str) -> Iterable[str]:
    """Offer profiles."""
    from headrace.settings.profiles import all_profiles

    return all_profiles()


@_offering
def settings(incomplete: str) -> Iterator[str]:
    """Offer settings."""
    from headrace.settings import SETTINGS

    yield from (setting.name for setting in SETTINGS)


def _named(kind: RunKind, begin: str) -> Sequence[Run]:
    """Return the newest runs whose names begin so."""
    from headrace.store.protocol import NEWEST, RunFilter

    find = world.store().flow_runs if kind == "flow" else world.store().task_runs
    return find(RunFilter(name=f"{begin}*"), limit=_MOST_RUNS, order=NEWEST)
