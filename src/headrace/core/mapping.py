"""Spreading the arguments of a map over its calls.

Each argument becomes a column: a list of items, one per call, or a constant. ``*args`` and ``**kwargs`` are
as many columns as they have items.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from headrace.core.annotations import Annotation, unmapped
from headrace.exceptions import MappingLengthMismatch, MappingMissingIterable


def is_mappable(value: object) -> bool:
    """Say whether `map` spreads this value: what `iter` takes, but annotations, strings, bytes and files."""
    if isinstance(value, str | bytes | bytearray | io.IOBase | Annotation):
        return False
    if hasattr(value, "read") and hasattr(value, "readline"):
        return False  # a file in a wrapper, as tempfile makes them
    try:
        iter(value)  # type: ignore[call-overload]
    except TypeError:
        return False
    return True


def map_arguments(
    name: str,
    parameters: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    var_positional: str | None = None,
    var_keyword: str | None = None,
) -> list[dict[str, Any]]:
    """Return the parameters of each call of a map: the n-th items of all that is iterable, the rest as it is.

    `parameters` are those that the call of `map` named (`Binder.given`), futures resolved; `defaults` are
    added to each call and never iterated over. Each item of ``*args`` and ``**kwargs`` is spread on its own,
    under the names of these two parameters. `unmapped` is taken off; other annotations are put on each
    item. Raises MappingMissingIterable, MappingLengthMismatch.
    """
    columns = {
        parameter: _columns(value, parameter == var_positional, parameter == var_keyword)
        for parameter, value in parameters.items()
    }
    rest = {key: value for key, value in (defaults or {}).items() if key not in parameters}
    return [
        {**{parameter: column.at(row) for parameter, column in columns.items()}, **rest}
        for row in range(_common_length(name, columns))
    ]


class _Column(Protocol):
    """One parameter over all calls."""

    def at(self, row: int) -> Any:
        """Return the argument of one call."""

    def lengths(self, label: str) -> Iterator[tuple[str, int]]:
        """Name each iterable in it, and its length."""


class _Constant:
    def __init__(self, value: Any) -> None:
        self.value = value

    def at(self, row: int) -> Any:
        return self.value

    def lengths(self, label: str) -> Iterator[tuple[str, int]]:
        return iter(())


class _Items:
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def at(self, row: int) -> Any:
        return self.items[row]

    def lengths(self, label: str) -> Iterator[tuple[str, int]]:
        yield label, len(self.items)


class _Star:
    def __init__(self, columns: tuple[_Column, ...]) -> None:
        self.columns = columns

    def at(self, row: int) -> tuple[Any, ...]:
        return tuple([column.at(row) for column in self.columns])

    def lengths(self, label: str) -> Iterator[tuple[str, int]]:
        for position, column in enumerate(self.columns):
            yield from column.lengths(f"{label}[{position}]")


class _DoubleStar:
    def __init__(self, columns: dict[str, _Column]) -> None:
        self.columns = columns

    def at(self, row: int) -> dict[str, Any]:
        return {key: column.at(row) for key, column in self.columns.items()}

    def lengths(self, label: str) -> Iterator[tuple[str, int]]:
        for key, column in self.columns.items():
            yield from column.lengths(key)


def _columns(value: Any, star: bool, double_star: bool) -> _Column:
    if star:
        return _Star(tuple([_column(item) for item in value]))
    if double_star:
        return _DoubleStar({key: _column(item) for key, item in value.items()})
    return _column(value)


def _column(value: Any) -> _Column:
    around: list[Annotation[Any]] = []
    inner = value
    while isinstance(inner, Annotation) and not isinstance(inner, unmapped):
        around.append(inner)
        inner = inner.value
    if isinstance(inner, unmapped):
        return _Constant(_rewrapped(around, inner.value))
    if is_mappable(inner):
        return _Items([_rewrapped(around, item) for item in inner])
    return _Constant(value)


def _rewrapped(around: list[Annotation[Any]], item: Any) -> Any:
    for annotation in reversed(around):
        item = annotation.rewrap(item)
    return item


def _common_length(name: str, columns: Mapping[str, _Column]) -> int:
    lengths = [pair for parameter, column in columns.items() for pair in column.lengths(parameter)]
    if not lengths:
        given = f"only {', '.join(columns)}, to be the same in every call" if columns else "nothing"
        raise MappingMissingIterable(
            f"{name}.map needs an iterable to spread over its calls, but was given {given}. "
            "Pass a list, or call the task, or its submit, for a single run."
        )
    if len({length for _, length in lengths}) > 1:
        listed = ", ".join(f"{label} has {length}" for label, length in lengths)
        raise MappingLengthMismatch(
            f"{name}.map needs iterables of one length, but {listed}. Pass unmapped(...) for what is to be "
            "the same in every call."
        )
    return lengths[0][1]
