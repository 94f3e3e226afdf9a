"""How a caller says that one argument is to be treated differently from the others."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Annotation(Generic[T]):
    """Say how one argument is to be treated; `value` is the argument itself."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def unwrap(self) -> T:
        """Return the argument."""
        return self.value

    def rewrap(self, value: Any) -> Annotation[Any]:
        """Return the same annotation of another argument."""
        return type(self)(value)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((type(self), self.value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"


class unmapped(Annotation[T]):  # noqa: N801 - used like a function
    """Pass the same value to every call of a map, even if it could be iterated over."""

    __slots__ = ()

    def __getitem__(self, _: object) -> T:
        return self.value

    # `__getitem__` alone would make `iter` believe in an endless sequence.
    __iter__ = None


class allow_failure(Annotation[T]):  # noqa: N801 - used like a function
    """Pass on the exception of a failed upstream run, instead of not running."""

    __slots__ = ()


class quote(Annotation[T]):  # noqa: N801 - used like a function
    """Pass a value unexamined: futures and states inside are neither waited for nor replaced."""

    __slots__ = ()

    def unquote(self) -> T:
        """Return the value."""
        return self.value


class opaque(Annotation[T]):  # noqa: N801 - used like a function
    """Resolve the value itself, if it is a future or a state, but nothing inside it."""

    __slots__ = ()
