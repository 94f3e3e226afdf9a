"""Reading a result without loading any code: for whoever shows what others kept, as a server does.

Pickles may name any function to be called, and JSON any class to be made. Here only values of the standard library's
plain types are made; what holds anything else can't be read.
"""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

from headrace.exceptions import SerializationError
from headrace.keeping.records import opened

_PLAIN = {
    "builtins": {"set", "frozenset", "complex", "range", "slice", "bytearray"},
    "collections": {"OrderedDict", "deque", "Counter"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"},
    "uuid": {"UUID"},
}
_MARKS = ({"__class__", "data"}, {"__exception__", "message"})


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        raise SerializationError(f"It holds a {module}.{name}, which only code can make.")


def plain_result(data: bytes) -> Any:
    """Return the result that bytes of a record hold. Raises SerializationError where it is not of plain types."""
    try:
        metadata, payload = opened(data)
    except SerializationError:
        raise SerializationError("It is no result of headrace.") from None  # without telling what it is
    kind = metadata.serializer.type
    if kind not in ("pickle", "json"):
        raise SerializationError(f"The serializer {kind!r} wrote it; only pickle and json are read plainly.")
    try:
        return _Unpickler(io.BytesIO(payload)).load() if kind == "pickle" else json.loads(payload, object_hook=_plain)
    except SerializationError:
        raise
    except Exception as error:
        raise SerializationError(f"It can't be read: {type(error).__name__}: {error}") from error


def _plain(read: dict[str, Any]) -> dict[str, Any]:
    if set(read) in _MARKS:
        named = read.get("__class__") or read.get("__exception__")
        raise SerializationError(f"It holds a {named}, which only code can make.")
    return read
