"""Looking through nested collections, and small tools for dicts and iterables."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum, auto
from itertools import islice
from typing import Any, TypeVar

from headrace.core.annotations import Annotation, quote
from headrace.core.containers import parts, rebuilt

T = TypeVar("T")

__all__ = [
    "AutoEnum",
    "StopVisiting",
    "batched_iterable",
    "deep_merge",
    "deep_merge_dicts",
    "dict_to_flatdict",
    "distinct",
    "ensure_iterable",
    "extract_instances",
    "flatdict_to_dict",
    "get_from_dict",
    "isiterable",
    "listrepr",
    "quote",
    "remove_nested_keys",
    "set_in_dict",
    "visit_collection",
]


class AutoEnum(StrEnum):
    """An enumeration whose values are the names of its members: ``RED = AutoEnum.auto()``."""

    @staticmethod
    def _generate_next_value_(name: str, *_: object) -> str:
        return name

    @staticmethod
    def auto() -> Any:
        """Stand for the member's own name."""
        return auto()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.value}"

    __str__ = __repr__


# --- visiting --------------------------------------------------------------------------------------------------


class StopVisiting(BaseException):
    """Raised by a visitor: take the object as it is, and do not look into it."""


def visit_collection(
    expr: Any,
    visit_fn: Callable[..., Any],
    return_data: bool = False,
    max_depth: int = -1,
    context: dict[str, Any] | None = None,
    remove_annotations: bool = False,
) -> Any:
    """Call `visit_fn` with an object, then with all that is inside, containers before what they hold.

    Entered are list, tuple, set, dict with its keys, dataclass, pydantic model, and annotations; iterators are left
    alone. With `return_data` the object comes back with each part replaced by what `visit_fn` returned, the very same
    where nothing was; else None. `max_depth` is how many levels are entered, all if negative. With a `context` the
    visitor is called with a dict as well: each level has a copy of the one above, and finds there, under
    ``annotation``, the annotation that it is in. `remove_annotations` takes annotations off.
    """
    visitor = _Visitor(visit_fn, return_data, remove_annotations)
    value = visitor.go(expr, max_depth, context)
    return value if return_data else None


class _Visitor:
    """One visit: what came out of each container so far; a cycle ends at its original."""

    def __init__(self, visit_fn: Callable[..., Any], return_data: bool, remove_annotations: bool) -> None:
        self._visit_fn = visit_fn
        self._return_data = return_data
        self._remove_annotations = remove_annotations
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []  # keeps ids in `_done` from being used again

    def go(self, value: Any, depth: int, context: dict[str, Any] | None) -> Any:
        try:
            visited = self._visit_fn(value) if context is None else self._visit_fn(value, context)
        except StopVisiting:
            return value
        if self._return_data:
            value = visited
        if depth == 0:
            return value
        if isinstance(value, Annotation):
            return self._annotated(value, depth - 1, context)
        items = parts(value)
        return value if items is None else self._container(value, list(items), depth - 1, context)

    def _annotated(self, annotation: Annotation[Any], depth: int, context: dict[str, Any] | None) -> Any:
        inside = {**context, "annotation": annotation} if context is not None else None
        value = self.go(annotation.value, depth, inside)
        if self._remove_annotations:
            return value
        return annotation if value is annotation.value else annotation.rewrap(value)

    def _container(self, value: Any, items: list[Any], depth: int, context: dict[str, Any] | None) -> Any:
        key = id(value)
        if key in self._done:
            return self._done[key]
        self._done[key] = value
        self._kept.append(value)
        new = [self.go(item, depth, dict(context) if context is not None else None) for item in _paired(value, items)]
        if isinstance(value, dict):
            new = [*new[::2], *new[1::2]]
        if self._return_data and any(a is not b for a, b in zip(items, new, strict=True)):
            self._done[key] = value = rebuilt(value, new)
        return value


def _paired(value: Any, items: list[Any]) -> list[Any]:
    """Return the entries of a dict pair by pair, key before value; the items of all else as they are."""
    if not isinstance(value, dict):
        return items
    return [item for pair in value.items() for item in pair]


# --- dicts -----------------------------------------------------------------------------------------------------


def dict_to_flatdict(dct: Mapping[Any, Any]) -> dict[tuple[Any, ...], Any]:
    """Return a nested dict as one level, whose keys are tuples; an empty dict inside stays a value."""
    flat: dict[tuple[Any, ...], Any] = {}
    for key, value in dct.items():
        if isinstance(value, dict) and value:
            flat.update({(key, *path): item for path, item in dict_to_flatdict(value).items()})
        else:
            flat[(key,)] = value
    return flat


def flatdict_to_dict(dct: Mapping[tuple[Any, ...], Any]) -> dict[Any, Any]:
    """Do the reverse of `dict_to_flatdict`."""
    nested: dict[Any, Any] = {}
    for (*path, last), value in dct.items():
        inner = nested
        for key in path:
            inner = inner.setdefault(key, {})
        inner[last] = value
    return nested


def remove_nested_keys(keys_to_remove: Sequence[Hashable], obj: Any) -> Any:
    """Return a dict without these keys, at any depth; anything else as it is."""
    if not isinstance(obj, dict):
        return obj
    return {key: remove_nested_keys(keys_to_remove, value) for key, value in obj.items() if key not in keys_to_remove}


def get_from_dict(dct: Any, keys: str | Sequence[Any], default: Any = None) -> Any:
    """Return what nested dicts and lists hold under ``a.b[0]``, or a list of keys; `default` where there is nothing."""
    value = dct
    try:
        for key in _path(keys):
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (KeyError, IndexError, TypeError, ValueError):
        return default
    return value


def set_in_dict(dct: dict[Any, Any], keys: str | Sequence[Any], value: Any) -> None:
    """Set a value under ``a.b``, or a list of keys; makes the dicts on the way. Raises TypeError where one is not."""
    *path, last = _path(keys)
    for key in path:
        inner = dct.setdefault(key, {})
        if not isinstance(inner, dict):
            raise TypeError(f"{key!r} holds {inner!r}, which is no dict: nothing can be set under {keys!r}.")
        dct = inner
    dct[last] = value


def _path(keys: str | Sequence[Any]) -> list[Any]:
    return keys.replace("[", ".").replace("]", "").split(".") if isinstance(keys, str) else list(keys)


def deep_merge(dct: Mapping[Any, Any], merge: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the first dict with the second laid over it; dicts that both have are merged in turn."""
    result = dict(dct)
    for key, value in merge.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = deep_merge(result[key], value) if both else value
    return result


def deep_merge_dicts(*dicts: Mapping[Any, Any]) -> dict[Any, Any]:
    """Merge any number of dicts; the later ones win."""
    result: dict[Any, Any] = {}
    for each in dicts:
        result = deep_merge(result, each)
    return result


# --- iterables -------------------------------------------------------------------------------------------------


def isiterable(obj: Any) -> bool:
    """Say whether this can be iterated over, and is no string, bytes or file."""
    try:
        iter(obj)
    except TypeError:
        return False
    return not isinstance(obj, str | bytes | io.IOBase)


def ensure_iterable(obj: Any) -> Iterable[Any]:
    """Return a sequence or set as it is, anything else in a list."""
    return obj if isinstance(obj, Sequence | AbstractSet) else [obj]


def listrepr(objs: Iterable[Any], sep: str = " ") -> str:
    """Return the reprs of some objects, with something between them."""
    return sep.join(map(repr, objs))


def extract_instances(objects: Iterable[Any], types: type[T] | tuple[type[T], ...] = object) -> Any:  # type: ignore[assignment]
    """Return the instances of a type as a list; of several types, a dict of such lists."""
    listed = types if isinstance(types, tuple) else (types,)
    found: dict[type, list[Any]] = defaultdict(list)
    for item in objects:
        for kind in listed:
            if isinstance(item, kind):
                found[kind].append(item)
    return found[listed[0]] if len(listed) == 1 else found


def batched_iterable(iterable: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield tuples of `size` items; the last may have fewer."""
    rest = iter(iterable)
    while batch := tuple(islice(rest, size)):
        yield batch


def distinct(iterable: Iterable[T], key: Callable[[T], Any] = lambda item: item) -> Generator[T, None, None]:
    """Yield each item once, the first of those that have the same key."""
    seen = set()
    for item in iterable:
        if key(item) not in seen:
            seen.add(key(item))
            yield item
