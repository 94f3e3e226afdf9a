"""Looking through the values that users pass around, without changing what need not change.

Arguments and return values may hold futures and states anywhere inside lists, dicts, dataclasses and the
like. `walk` replaces them, `found` collects them, `map_arguments` spreads them over the calls of a map. All
three must cost next to nothing on what is far more common: plain numbers and strings, and large objects that
hold nothing of interest.

* Where nothing inside changed, the very same object comes back. A list of a million numbers costs one pass,
  no copy.
* Iterators are never consumed, and anything that is not listed in `parts` is left closed: a DataFrame is one
  leaf.
* Each container is looked at once, so shared parts stay shared, and a cycle ends: a container that holds
  itself keeps pointing at its original.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from headrace.core.annotations import Annotation, allow_failure, opaque, quote, unmapped
from headrace.core.containers import COLLECTIONS, SCALARS, parts, rebuilt
from headrace.core.mapping import is_mappable, map_arguments

__all__ = [
    "SCALARS",
    "Annotation",
    "allow_failure",
    "found",
    "is_mappable",
    "known",
    "looked_through",
    "map_arguments",
    "opaque",
    "parts",
    "quote",
    "rebuilt",
    "unmapped",
    "walk",
]

T = TypeVar("T")

Visit = Callable[[Any], Any]


def walk(
    value: Any, visit: Visit, *, lenient: Visit | None = None, depth: int | None = None, unwrap: bool = True
) -> Any:
    """Return the value with each object in it replaced by `visit(object)`; the very same if none was.

    Collections (list, tuple, set, frozenset, dict with its keys) are entered; scalars are passed over;
    anything else is visited, and then entered if it is a dataclass or a pydantic model that came back as it
    was. Annotations are taken off; inside `allow_failure` the visitor is `lenient`, if given. Without `unwrap`
    they are leaves, not looked into. `depth` is how many levels are entered; None is all.
    """
    if _is_plain(value):
        return value
    return _Walk(visit, lenient, unwrap).go(value, -1 if depth is None else depth)


class _Walk:
    """One walk: its visitors, and what came out of each container so far."""

    __slots__ = ("_done", "_kept", "_lenient", "_unwrap", "_visit")

    def __init__(self, visit: Visit, lenient: Visit | None, unwrap: bool = True) -> None:
        self._unwrap = unwrap
        self._visit = visit
        self._lenient = lenient
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # keeps ids in `_done` from being used again

    def go(self, value: Any, depth: int) -> Any:
        if type(value) in SCALARS:
            return value
        if isinstance(value, Annotation):
            return self._annotated(value, depth) if self._unwrap else value
        if not issubclass(type(value), COLLECTIONS):
            new = self._visit(value)
            if new is not value:
                return new
        items = parts(value)
        if items is None or depth == 0 or SCALARS.issuperset(map(type, items)):
            return value
        return self._container(value, items, depth - 1)

    def _container(self, value: Any, items: Iterable[Any], depth: int) -> Any:
        done, key = self._done, id(value)
        if key in done:
            return done[key]
        done[key] = value
        self._kept.append(value)
        go = self.go
        old = list(items)
        new = [item if type(item) in SCALARS else go(item, depth) for item in old]
        if any(map(_is_not, old, new)):
            done[key] = value = rebuilt(value, new)
        return value

    def _annotated(self, annotation: Annotation[Any], depth: int) -> Any:
        value = annotation.value
        if isinstance(annotation, quote):
            return value
        if isinstance(annotation, opaque):
            depth = 0
        if isinstance(annotation, allow_failure) and self._lenient is not None:
            return _Walk(self._lenient, None).go(value, depth)
        return self.go(value, depth)


def _is_plain(value: Any) -> bool:
    """Say, at the speed of C, whether there is nothing to visit: a scalar, or a dict of scalars."""
    kind = type(value)
    if kind is dict:
        return SCALARS.issuperset(map(type, value.values())) and SCALARS.issuperset(map(type, value))
    return kind in SCALARS


def _is_not(a: object, b: object) -> bool:
    return a is not b


def found(value: object, wanted: Callable[[Any], bool]) -> list[Any]:
    """Return everything inside, the value and containers included, that is wanted: each once, in order.

    What is wanted is not looked into. `quote` is not entered, `opaque` only for its top level. Scalars within
    containers are not asked about; see `known` for those.
    """
    if type(value) is dict and _is_plain(value):
        return [value] if wanted(value) else []
    return list(_Search(wanted).run(value).hits.values())


def looked_through(value: object, wanted: Callable[[Any], bool]) -> tuple[list[Any], bool]:
    """Return what `found` does, and whether a `walk` would change anything: where it would not, it may be saved."""
    search = _Search(wanted).run(value)
    return list(search.hits.values()), bool(search.hits) or search.annotated


class _Search:
    """One search: what is wanted, what was seen, what was found, by identity, and whether there are annotations."""

    __slots__ = ("_seen", "_wanted", "annotated", "hits")

    def __init__(self, wanted: Callable[[Any], bool]) -> None:
        self._wanted = wanted
        self._seen: dict[int, Any] = {}
        self.hits: dict[int, Any] = {}
        self.annotated = False

    def run(self, value: Any) -> _Search:
        self._go(value)
        return self

    def _go(self, value: Any) -> None:
        deep = True
        while isinstance(value, Annotation):
            self.annotated = True
            if isinstance(value, quote):
                return
            deep = deep and not isinstance(value, opaque)
            value = value.value
        if self._wanted(value):
            self.hits[id(value)] = value
            return
        items = parts(value) if deep and type(value) not in SCALARS else None
        if not items or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if not SCALARS.issuperset(map(type, items)):
            for item in items:
                if type(item) not in SCALARS:
                    self._go(item)


def _nothing(_: object) -> None:
    return None


def known(value: object, by_id: Mapping[int, T], told: Callable[[Any], T | None] = _nothing) -> list[T]:
    """Return what is known of the objects inside, by their identity: each once, in order, scalars included.

    What objects that are no scalars say of themselves (`told`; None is nothing) comes first, and they are not looked
    into.

    `by_id` maps `id(object)` to what is known of the object. Its owner keeps the objects alive, and leaves
    out those that the interpreter shares, such as None, True and small numbers.
    """
    if not by_id and told is _nothing:
        return []
    said: list[T] = []
    hits: dict[int, T] = {}

    def note(item: Any) -> bool:
        own = told(item)
        if own is not None:
            said.append(own)
            return True
        if id(item) in by_id:
            hits.setdefault(id(item), by_id[id(item)])
            return True
        for key in filter(by_id.__contains__, map(id, parts(item) or ())):  # scalars too, at the speed of C
            hits.setdefault(key, by_id[key])
        return False

    found(value, note)
    return [*said, *hits.values()]
