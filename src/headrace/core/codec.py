"""Say any Python value in JSON, for people to read: parameters on a page, not a way to get the value back.

`to_json` never fails and never grows without bound. What JSON can't say becomes its `repr`, shortened; what
is too deep or too long ends in a visible mark ("… 93 more"). The text is plain ASCII, hence free of lone
surrogates, and strict JSON (no NaN), so that every database takes it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from itertools import islice
from typing import Any
from uuid import UUID

from headrace.core.annotations import Annotation

#: About how many characters `to_json` returns at most; the marks come on top.
SIZE = 10_000
DEPTH = 8
#: How many items of an array are looked at together.
PIECE = 64
REPR_LENGTH = 200

_encode: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_SMALL_INT = 1 << 63
_BY_ISO = (datetime, date, time)
_LISTS = (list, tuple, set, frozenset)


def to_json(value: object, size: int = SIZE) -> str:
    """Return JSON for any value at all, of not much more than `size` characters."""
    if type(value) is dict and _is_plain(value):
        return _encode(value)
    return _Writer(size).text(value, 0)


def _is_plain(value: dict[Any, Any]) -> bool:
    """Say whether the json module alone will do: few, short and simple entries."""
    return len(value) <= 16 and all(type(key) is str and _is_scalar(item) for key, item in value.items())


def _is_scalar(value: object) -> bool:
    kind = type(value)
    if kind is str:
        return len(value) <= REPR_LENGTH  # type: ignore[arg-type]
    if kind is int:
        return -_SMALL_INT < value < _SMALL_INT  # type: ignore[operator]
    return value is None or kind is bool or (kind is float and math.isfinite(value))  # type: ignore[arg-type]


class _Writer:
    """Writes one value, and counts what it has left to write."""

    def __init__(self, size: int) -> None:
        self._left = size

    def text(self, value: object, depth: int) -> str:
        """Return the JSON of a value that is `depth` containers deep."""
        if _is_scalar(value):
            return self._spend(_encode(value))
        if type(value) is dict and depth < DEPTH and _is_plain(value):
            text = _encode(value)
            if len(text) <= self._left:
                return self._spend(text)
        try:
            return self._compound(value, depth)
        except Exception:  # noqa: BLE001 - a user's __iter__ or property failed; record the run
            return self._spend(_encode(_short_repr(value)))

    def _compound(self, value: Any, depth: int) -> str:
        if isinstance(value, str):
            return self._string(str.__str__(value))
        if isinstance(value, Enum):
            return self.text(value.value, depth)
        if isinstance(value, _BY_ISO):
            return self._spend(_encode(value.isoformat()))
        if isinstance(value, UUID) or _is(value, "decimal", "Decimal"):
            return self._string(str(value))
        if isinstance(value, os.PathLike):
            return self.text(os.fspath(value), depth)
        if isinstance(value, timedelta):
            return self._spend(_encode(value.total_seconds()))
        if (entries := _entries(value)) is not None:
            return self._object(entries, depth)
        if isinstance(value, Annotation):
            return self.text(value.value, depth)
        if isinstance(value, _LISTS):
            return self._array(value, depth)
        return self._string(_short_repr(value))

    def _object(self, entries: Mapping[Any, Any], depth: int) -> str:
        if depth >= DEPTH:
            return self._mark(len(entries))
        parts = []
        for done, (key, item) in enumerate(entries.items()):
            if self._left <= 0:
                parts.append(f'"…":{self._mark(len(entries) - done)}'.replace("…", r"\u2026"))
                break
            parts.append(f"{self._key(key)}:{self.text(item, depth + 1)}")
        return f"{{{','.join(parts)}}}"

    def _array(self, items: list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any], depth: int) -> str:
        if depth >= DEPTH:
            return self._mark(len(items))
        parts: list[str] = []
        done, ordered = 0, iter(_in_order(items))
        while piece := list(islice(ordered, PIECE)):
            text = self._at_once(piece)
            if text is not None:
                parts.append(text)
                done += len(piece)
                continue
            for item in piece:
                if self._left <= 0:
                    parts.append(self._mark(len(items) - done))
                    return f"[{','.join(parts)}]"
                parts.append(self.text(item, depth + 1))
                done += 1
        return f"[{','.join(parts)}]"

    def _at_once(self, piece: list[Any]) -> str | None:
        """Return the items of an array as the json module writes them; None where one of them needs a closer look."""
        if not all(map(_is_scalar, piece)):
            return None
        text = _encode(piece)[1:-1]
        return self._spend(text) if len(text) <= self._left else None

    def _key(self, key: object) -> str:
        plain = key if type(key) is str else _short_repr(key) if not isinstance(key, str | Enum) else str(key)
        return self._spend(_encode(_cut(plain, REPR_LENGTH)))

    def _string(self, value: str) -> str:
        # An ASCII escape is up to six characters long, so what fits is found in two steps.
        text = _encode(_cut(value, max(self._left, REPR_LENGTH)))
        if len(text) > self._left + REPR_LENGTH:
            text = _encode(_cut(value, max(self._left // 12, REPR_LENGTH)))
        return self._spend(text)

    def _spend(self, text: str) -> str:
        self._left -= len(text) + 1
        return text

    def _mark(self, left_out: int) -> str:
        return self._spend(_encode(f"… {left_out} more"))


def _entries(value: Any) -> Mapping[Any, Any] | None:
    """Return what a mapping, dataclass or pydantic model holds, by name; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, type):
        return None
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value) if field.repr}
    if _is(value, "pydantic.main", "BaseModel"):
        return {name: getattr(value, name) for name, field in type(value).model_fields.items() if field.repr}
    return None


def _is(value: object, module: str, name: str) -> bool:
    """Say whether this is of some class, which it can only be where somebody imported the class's module."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def _in_order(items: Iterable[Any]) -> Iterable[Any]:
    """Return items in an order that is the same in every process; only a part of a very large set."""
    if isinstance(items, set | frozenset):
        return sorted(islice(items, SIZE), key=lambda item: (type(item).__name__, _short_repr(item)))
    return items


def _short_repr(value: object) -> str:
    if isinstance(value, bytes | bytearray) and len(value) > REPR_LENGTH:
        return _cut(repr(bytes(value[:REPR_LENGTH])), REPR_LENGTH)
    try:
        return _cut(repr(value), REPR_LENGTH)
    except Exception as error:  # noqa: BLE001 - a __repr__ that fails is the user's; the run must be recorded
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
