"""Values and errors as the Python that makes them."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

#: What is longer is not written out, in characters.
LONGEST = 5000


class Source(NamedTuple):
    """An expression, the imports that it needs, and the classes of errors that stand in for some that are not known."""

    text: str
    imports: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()


_IMPORTS = {
    date: "import datetime",
    datetime: "import datetime",
    time: "import datetime",
    timedelta: "import datetime",
    timezone: "import datetime",
    UUID: "from uuid import UUID",
    Decimal: "from decimal import Decimal",
    ZoneInfo: "import zoneinfo",
}


def literal(value: Any) -> Source | None:
    """Return an expression that is equal to a value; None for one that can't be written, or is too long."""
    try:
        source = _literal(value)
    except RecursionError:
        return None
    return source if source is not None and len(source.text) <= LONGEST else None


def _literal(value: Any) -> Source | None:
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes):
        return Source(repr(value))
    if kind is float:
        return Source(repr(value) if math.isfinite(value) else f"float({str(value)!r})")
    if kind in (list, tuple, set, frozenset):
        return _joined(kind, [_literal(item) for item in value])
    if kind is dict:
        return _pairs([(_literal(key), _literal(item)) for key, item in value.items()])
    if kind in _IMPORTS:
        zone = getattr(value, "tzinfo", None)
        found = {_IMPORTS[kind], *([_IMPORTS[type(zone)]] if type(zone) in _IMPORTS else [])}
        return Source(repr(value), frozenset(found)) if zone is None or type(zone) in _IMPORTS else None
    if isinstance(value, PurePath) and kind.__module__.startswith("pathlib"):
        return Source(repr(value), frozenset({f"from pathlib import {kind.__name__}"}))
    return None


def _joined(kind: type, items: list[Source | None]) -> Source | None:
    known = [item for item in items if item is not None]
    if len(known) < len(items):
        return None
    inside = ", ".join(item.text for item in known)
    if kind is list:
        text = f"[{inside}]"
    elif kind is tuple:
        text = f"({inside},)" if len(known) == 1 else f"({inside})"
    else:
        text = f"{{{inside}}}" if known and kind is set else f"{kind.__name__}({f'[{inside}]' if known else ''})"
    return Source(text, _imports(known))


def _pairs(pairs: list[tuple[Source | None, Source | None]]) -> Source | None:
    known = [(key, item) for key, item in pairs if key is not None and item is not None]
    if len(known) < len(pairs):
        return None
    text = ", ".join(f"{key.text}: {item.text}" for key, item in known)
    return Source(f"{{{text}}}", _imports(part for pair in known for part in pair))


def _imports(sources: Iterable[Source]) -> frozenset[str]:
    return frozenset(one for source in sources for one in source.imports)


def error_of_repr(shown: str) -> Source | None:
    """Return an expression for an error whose repr is known: ``LookupError('x')``; None where it can't be read."""
    try:
        call = ast.parse(shown.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.keywords:
        return None
    try:
        values = [ast.literal_eval(argument) for argument in call.args]
    except (ValueError, TypeError):
        return None
    return _error(call.func.id, ", ".join(map(repr, values)))


def error_of_message(told: str) -> Source:
    """Return an expression for an error that is described as ``LookupError: x``, as well as can be told from that."""
    name, _, text = told.partition(": ")
    return _error(name if name.isidentifier() else "Exception", repr(text or told) if text else "")


def _error(name: str, arguments: str) -> Source:
    known = getattr(builtins, name, None)
    is_known = isinstance(known, type) and issubclass(known, Exception)
    return Source(f"{name}({arguments})", classes=frozenset() if is_known else frozenset({name}))
