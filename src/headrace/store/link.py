"""What the SQL back ends ask of a connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, TypeVarTuple

Ts = TypeVarTuple("Ts")
T = TypeVar("T")


class Taken(Exception):
    """A row that is to be inserted has a key that another one has."""


class Cursor(Protocol):
    """The part of a database cursor (DB-API 2) that we use."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""
        ...

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that the statement inserted."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        ...


class Execute(Protocol):
    """Execute one statement."""

    def __call__(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor:
        """Return a cursor over what it found."""
        ...


class Link(Protocol):
    """A database that is opened when first used. Its errors are StoreErrors."""

    def write(self, work: Callable[[Execute, *Ts], T], /, *args: *Ts) -> T:
        """Do some work in one transaction. Whatever it raises, an interrupt too, nothing of it is kept."""
        ...

    def read(self, sql: str, parameters: Sequence[Any] = (), /) -> list[Any]:
        """Return the rows of one statement."""
        ...

    def close(self) -> None:
        """Close it for good."""
        ...
