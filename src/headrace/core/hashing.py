"""A hash of values that is the same for equal values, in every process.

Pickles alone will not do: those of equal values differ by which of their parts are one object, by the order of sets
and of dicts. So what Python knows how to compare by its parts is taken apart, each part with a word for its kind (1,
True and "1" are three things), and only what is left over is pickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from headrace.core.wording import kind_of
from headrace.exceptions import HashError

_BY_REPR = (type(None), bool, int, float, complex, str, bytes, datetime, date, time, timedelta, Decimal, UUID, PurePath)
_Write = Callable[[bytes], object]


def hash_objects(*values: Any) -> str:
    """Return 32 hex digits. Raises HashError for what can be neither compared by its parts nor pickled."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        _Taking(digest.update).apart(values)
    except RecursionError:
        raise HashError("The values hold themselves, or are nested too deeply to be hashed.") from None
    return digest.hexdigest()


class _Taking:
    """One walk through a value."""

    def __init__(self, write: _Write) -> None:
        self._write = write

    def apart(self, value: Any) -> None:
        kind = type(value)
        if kind in _BY_REPR or isinstance(value, PurePath):
            self._leaf(kind.__name__, repr(value).encode("utf-8", "surrogatepass"))
        elif kind in (list, tuple):
            self._parts(kind.__name__, value)
        elif kind in (set, frozenset):
            self._sorted(kind.__name__, value)
        elif kind is dict:
            self._sorted("dict", value.items())
        elif isinstance(value, Enum):
            self._parts(_name(kind), [value.name])
        elif (state := _state(value)) is not None:
            self._write(b"(%s" % _name(kind).encode())
            self._sorted("state", state.items())
        else:
            self._leaf("pickle", _pickled(value))

    def _leaf(self, word: str, data: bytes) -> None:
        self._write(b"%s %d:" % (word.encode(), len(data)))
        self._write(data)

    def _parts(self, word: str, parts: Iterable[Any]) -> None:
        self._write(b"(%s" % word.encode())
        for part in parts:
            self.apart(part)
        self._write(b")")

    def _sorted(self, word: str, parts: Iterable[Any]) -> None:
        self._leaf(word, b"".join(sorted(_digest(part) for part in parts)))


def _digest(value: Any) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    _Taking(digest.update).apart(value)
    return digest.digest()


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _state(value: Any) -> dict[str, Any] | None:
    """Return the attributes of an object that is made of nothing else; None where that can't be said."""
    kind: Any = type(value)
    if isinstance(value, type) or any(getattr(kind, name) is not getattr(object, name) for name in _PICKLING):
        return None
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(kind, "model_fields"):
        return {name: getattr(value, name) for name in kind.model_fields}
    is_plain = kind.__base__ is object and kind.__flags__ & _DEFINED_IN_PYTHON and kind.__dictoffset__
    if not is_plain or callable(value) or "__slots__" in vars(kind) or "__getstate__" in vars(kind):
        return None
    return dict(vars(value))


_PICKLING = ("__reduce__", "__reduce_ex__")
_DEFINED_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE


def _pickled(value: Any) -> bytes:
    import cloudpickle  # type: ignore[import-untyped]  # slow to import, and seldom needed

    try:
        pickled: bytes = cloudpickle.dumps(value)
    except Exception as error:
        raise HashError(
            f"No hash can be made of {kind_of(value)} ({type(error).__name__}: {error}). Leave the parameter out "
            "of the key (cache_policy=INPUTS - 'parameter'), write a cache_key_fn, or pass cache_policy=NO_CACHE."
        ) from error
    return pickled
