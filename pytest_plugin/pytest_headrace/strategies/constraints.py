"""Constraints of pydantic that a filter alone would seldom meet: patterns, multiples, digits, versions."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import annotated_types as at
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic.fields import FieldInfo

#: Those that Hypothesis meets by itself.
KNOWN = (at.Gt, at.Ge, at.Lt, at.Le, at.MinLen, at.MaxLen, at.Timezone)


def flattened(metadata: Iterable[Any]) -> Iterator[Any]:
    """Yield single constraints: a `Field`, and what groups several, are taken apart."""
    for item in metadata:
        if isinstance(item, FieldInfo):
            yield from flattened(item.metadata)
        elif isinstance(item, at.GroupedMetadata):
            yield from flattened(item)
        else:
            yield item


def constrained(base: Any, limits: list[Any]) -> SearchStrategy[Any] | None:
    """Return a strategy for values of a plain type within these limits; None where Hypothesis does as well."""
    if base is str and (pattern := _said(limits, "pattern")) is not None:
        return st.from_regex(_to_the_end(pattern))
    if base is uuid.UUID and (version := _said(limits, "uuid_version")) is not None:
        return st.uuids(version=version) if version in (1, 2, 3, 4, 5) else None
    if base is Decimal:
        return _decimals(limits)
    if base in (int, float) and (step := _said(limits, "multiple_of")) is not None:
        return _multiples(step, *_interval(limits))
    if base is float and _said(limits, "allow_inf_nan") is False:
        low, high = _interval(limits)
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    return None


def _to_the_end(pattern: str) -> str:
    """Return a pattern whose last ``$`` is the very end: to Python a line break may follow, to pydantic not."""
    ends = pattern.endswith("$") and (len(pattern) - len(pattern[:-1].rstrip("\\"))) % 2 == 1
    return f"{pattern[:-1]}\\Z" if ends else pattern


def _decimals(limits: list[Any]) -> SearchStrategy[Decimal]:
    """No NaN and no infinity: pydantic refuses both where it is not told otherwise."""
    low, high = _interval(limits)
    places, digits = _said(limits, "decimal_places"), _said(limits, "max_digits")
    if digits is not None:
        most = Decimal(10) ** (digits - (places or 0)) - 1
        low, high = max(low, -most) if low is not None else -most, min(high, most) if high is not None else most
        places = places or 0
    return st.decimals(low, high, allow_nan=False, allow_infinity=False, places=places)


def _multiples(step: Any, low: Any, high: Any) -> SearchStrategy[Any]:
    least = None if low is None else math.ceil(low / step)
    most = None if high is None else math.floor(high / step)
    return st.integers(least, most).map(lambda count: count * step)


def _interval(limits: list[Any]) -> tuple[Any, Any]:
    """Return the bounds, inclusive; whether one is exclusive is left to the filter."""
    lows = [value for name in ("ge", "gt") if (value := _said(limits, name)) is not None]
    highs = [value for name in ("le", "lt") if (value := _said(limits, name)) is not None]
    return max(lows, default=None), min(highs, default=None)


def _said(limits: list[Any], name: str) -> Any:
    """Return what the last of these limits that has such an attribute says."""
    return next((value for limit in reversed(limits) if (value := getattr(limit, name, None)) is not None), None)
