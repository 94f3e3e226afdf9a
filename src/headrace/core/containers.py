"""What counts as a container, what it holds, and how to make another like it.

Anything that is not listed in `parts` is a leaf: a DataFrame, an open file, an iterator, an object of the
user's own class.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from headrace.core.records import Run
from headrace.core.states import State

#: Types whose values hold nothing: never visited, and skipped in bulk.
SCALARS: frozenset[type] = frozenset(
    {type(None), bool, int, float, complex, str, bytes, bytearray, datetime, date, timedelta, UUID, range}
)


_SEQUENCES = (list, tuple, set, frozenset)

#: The built-in collections, with their subclasses. Other containers are dataclasses and pydantic models.
COLLECTIONS = (*_SEQUENCES, dict)


def parts(value: Any) -> Iterable[Any] | None:
    """Return what a container holds, in order: of a dict the keys, then the values. None: it is a leaf.

    The result can be iterated over more than once.
    """
    kind = type(value)  # not `isinstance`, which believes a Mock(spec=list)
    if issubclass(kind, _SEQUENCES):
        return cast("Iterable[Any]", value)
    if issubclass(kind, dict):
        return [*value, *value.values()]
    if issubclass(kind, State | Run):  # what they hold belongs to other runs, and may lead back here
        return None
    if hasattr(kind, "__dataclass_fields__") or _is_model(kind):
        return list(_fields(value).values())
    return None


def rebuilt(value: Any, items: list[Any]) -> Any:
    """Return a container like this one, holding other items in the order of `parts`.

    Subclasses of dict, dataclasses and models are copied, then changed, so that nothing else that they know
    is lost, and no validator or `__post_init__` runs again. Subclasses of list, set and tuple become plain
    ones, named tuples excepted: a list of futures, say, is no longer one.
    """
    if isinstance(value, list):
        return items
    if isinstance(value, tuple):
        make = getattr(type(value), "_make", tuple)
        return make(items)
    if isinstance(value, set):
        return set(items)
    if isinstance(value, frozenset):
        return frozenset(items)
    if isinstance(value, dict):
        return _rebuilt_dict(value, items)
    changed = {k: new for (k, old), new in zip(_fields(value).items(), items, strict=True) if new is not old}
    if _is_model(type(value)):
        return value.model_copy(update=changed)
    duplicate = copy.copy(value)
    for name, item in changed.items():
        object.__setattr__(duplicate, name, item)  # frozen dataclasses too
    return duplicate


def _rebuilt_dict(value: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
    half = len(items) // 2
    pairs = zip(items[:half], items[half:], strict=True)
    if type(value) is dict:
        return dict(pairs)
    duplicate = copy.copy(value)  # a defaultdict keeps its factory
    duplicate.clear()
    for key, item in pairs:
        duplicate[key] = item  # not `update`, which adds up in a Counter
    return duplicate


def _fields(value: Any) -> dict[str, Any]:
    if not hasattr(type(value), "__dataclass_fields__"):
        return {**value.__dict__, **(getattr(value, "__pydantic_extra__", None) or {})}
    names = [field.name for field in dataclasses.fields(value)]
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _is_model(kind: type) -> bool:
    # pydantic is not imported for this: where it is not loaded, no value is a model.
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and getattr(pydantic, "BaseModel", None) in kind.__mro__
