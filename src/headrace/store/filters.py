"""Which runs and log lines meet a condition, said in Python. `queries.py` says the same in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from headrace.store import conditions as c
from headrace.store.conditions import Condition, Kind
from headrace.store.protocol import Order, Place

Predicate = Callable[[Any], bool]


class Around(NamedTuple):
    """How to get from a run or log line to the runs around it."""

    #: The flow run of this id; None where there is no such run.
    flow_run: Callable[[UUID | None], Any]
    #: The task runs of the flow run of this id.
    task_runs: Callable[[UUID], Iterable[Any]]
    #: The ids of the newest artifact of each key.
    newest_of_keys: Callable[[], Collection[UUID]]


def is_glob(pattern: str) -> bool:
    """Say whether a name is meant as a glob over the whole name and not as a part of it."""
    return "*" in pattern or "?" in pattern


@lru_cache(maxsize=64)
def matcher(pattern: str, glob: bool = True) -> re.Pattern[str]:
    """Compile a name or text to look for. Case is ignored for ASCII letters alone, as SQLite's LIKE does."""
    flags = re.IGNORECASE | re.ASCII | re.DOTALL
    if not (glob and is_glob(pattern)):
        return re.compile(re.escape(pattern), flags)
    parts = ({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile(rf"\A{''.join(parts)}\Z", flags)


def predicate(kind: Kind, condition: Condition, around: Around) -> Predicate:
    """Return what says of a run, or log line, whether it meets a condition. Raises ValueError for an unknown field."""
    return _MADE[type(condition)](kind, condition, around)


def ids_in(condition: Condition) -> frozenset[UUID] | None:
    """Return the ids that nothing else can meet a condition; None where it does not say."""
    if isinstance(condition, c.AllOf):
        return next((ids for part in condition.conditions if (ids := ids_in(part)) is not None), None)
    return condition.values if isinstance(condition, c.OneOf) and condition.field == "id" else None


def in_order(
    runs: Iterable[tuple[int, Any]], order: Order, after: Place | None, arrival_of: Callable[[UUID], int | None]
) -> list[Any]:
    """Return the runs of some pairs of arrival and run in this order, those beyond a place if one is given.

    Raises ValueError for a field that runs can't be sorted by.
    """
    value_of = attrgetter(order.field)
    found = sorted(((_key(value_of(run)), arrival, run) for arrival, run in runs), key=lambda one: one[:2])
    if order.descending:
        found.reverse()
    if after is not None:
        key, arrival = _key(after.value), arrival_of(after.run_id)
        found = [one for one in found if _is_beyond(one[0], one[1], key, arrival, order.descending)]
    return [run for _, _, run in found]


def _key(value: Any) -> tuple[bool, Any]:
    return value is None, value  # what has no value comes after all that have one


def _is_beyond(key: Any, arrival: int, place: Any, arrival_there: int | None, descending: bool) -> bool:
    if key == place:  # of a run that is gone nobody knows among its equals which came after it: all are told again
        return arrival_there is None or (arrival < arrival_there if descending else arrival > arrival_there)
    return bool(key < place if descending else key > place)


def _getter(kind: Kind, field: str) -> Callable[[Any], Any]:
    c.type_of(kind, field)
    return _all_tags if field == "tags" else attrgetter(field)


def _all_tags(run: Any) -> Any:
    return run.tags or None


def _one_of(kind: Kind, condition: c.OneOf, around: Around) -> Predicate:
    c.type_compared(kind, condition)
    value_of, values = _getter(kind, condition.field), condition.values - {None}
    return lambda thing: value_of(thing) in values


def _like(kind: Kind, condition: c.Like, around: Around) -> Predicate:
    c.type_compared(kind, condition)
    value_of, search = _getter(kind, condition.field), matcher(condition.pattern, condition.glob).search

    def test(thing: Any) -> bool:
        value = value_of(thing)
        return value is not None and search(value) is not None

    return test


def _between(kind: Kind, condition: c.Between, around: Around) -> Predicate:
    c.type_compared(kind, condition)
    value_of, (_, least, most, below) = _getter(kind, condition.field), condition

    def test(thing: Any) -> bool:
        value = value_of(thing)
        return (
            value is not None
            and (least is None or value >= least)
            and (most is None or value <= most)
            and (below is None or value < below)
        )

    return test


def _known(kind: Kind, condition: c.Known, around: Around) -> Predicate:
    value_of = _getter(kind, condition.field)
    return lambda thing: value_of(thing) is not None


def _tagged(kind: Kind, condition: c.Tagged, around: Around) -> Predicate:
    c.type_of(kind, "tags")
    return lambda run: condition.tag in run.tags


def _of_flow_run(kind: Kind, condition: c.OfFlowRun, around: Around) -> Predicate:
    c.type_of(kind, "flow_run_id")
    test = predicate("flow", condition.condition, around)

    def of_one(thing: Any) -> bool:
        flow_run = around.flow_run(thing.flow_run_id)
        return flow_run is not None and test(flow_run)

    return of_one


def _with_task_run(kind: Kind, condition: c.WithTaskRun, around: Around) -> Predicate:
    c.type_of(kind, "parent_flow_run_id")
    test = predicate("task", condition.condition, around)
    return lambda flow_run: any(map(test, around.task_runs(flow_run.id)))


def _newest_of_key(kind: Kind, condition: c.NewestOfKey, around: Around) -> Predicate:
    c.type_of(kind, "key")
    newest = around.newest_of_keys()
    return lambda artifact: artifact.id in newest


def _not(kind: Kind, condition: c.Not, around: Around) -> Predicate:
    test = predicate(kind, condition.condition, around)
    return lambda thing: not test(thing)


def _all_of(kind: Kind, condition: c.AllOf, around: Around) -> Predicate:
    tests = [predicate(kind, part, around) for part in condition.conditions]
    return lambda thing: all(test(thing) for test in tests)


def _any_of(kind: Kind, condition: c.AnyOf, around: Around) -> Predicate:
    tests = [predicate(kind, part, around) for part in condition.conditions]
    return lambda thing: any(test(thing) for test in tests)


_MADE: dict[type, Callable[[Kind, Any, Around], Predicate]] = {
    c.OneOf: _one_of,
    c.Like: _like,
    c.Between: _between,
    c.Known: _known,
    c.Tagged: _tagged,
    c.OfFlowRun: _of_flow_run,
    c.WithTaskRun: _with_task_run,
    c.NewestOfKey: _newest_of_key,
    c.Not: _not,
    c.AllOf: _all_of,
    c.AnyOf: _any_of,
}
