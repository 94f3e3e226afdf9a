"""What is to come of a call, instead of what the body would have done."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from reprlib import Repr
from typing import Any, Protocol

from headrace.core.messages import shown

__raises_as_asked__ = True  # see headrace.core.tracebacks

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class Outcome(Protocol):
    """One way in which a call may turn out."""

    def play(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return or raise it."""
        ...

    async def play_async(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return or raise it in async code."""
        ...


@dataclass(frozen=True, slots=True)
class Returns:
    """This value, whatever it is: a list, an exception or a function too."""

    value: Any

    def play(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return it."""
        return self.value

    async def play_async(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return it."""
        return self.value

    def __str__(self) -> str:
        return f"returns {_SHORT.repr(self.value)}"


@dataclass(frozen=True, slots=True)
class Raises:
    """This exception, or a fresh one of this class."""

    error: BaseException | type[BaseException]

    def play(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Raise it, without the traceback of the last time."""
        raise self.error if isinstance(self.error, type) else self.error.with_traceback(None)

    async def play_async(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Raise it."""
        return self.play(args, kwargs)

    def __str__(self) -> str:
        return f"raises {self.error.__name__ if isinstance(self.error, type) else shown(self.error)}"


@dataclass(frozen=True, slots=True)
class Calls:
    """What a function gives for the arguments of the call; in async code an awaitable is awaited."""

    fn: Any

    def play(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call it."""
        return self.fn(*args, **kwargs)

    async def play_async(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call it, and await what it gives."""
        value = self.fn(*args, **kwargs)
        return await value if inspect.isawaitable(value) else value

    def __str__(self) -> str:
        return f"calls {getattr(self.fn, '__qualname__', None) or _SHORT.repr(self.fn)}"


def outcome_of(given: Any) -> Outcome:
    """Return what somebody means who gives a value, an exception, a function, or one of these outcomes."""
    if isinstance(given, Returns | Raises | Calls):
        return given
    if isinstance(given, BaseException) or (isinstance(given, type) and issubclass(given, BaseException)):
        return Raises(given)
    return Calls(given) if callable(given) else Returns(given)


def outcomes_of(given: Any) -> tuple[Outcome, ...]:
    """Return the outcomes of a list, in order, or the one that somebody means. Raises ValueError for an empty list."""
    if not isinstance(given, list):
        return (outcome_of(given),)
    if not given:
        raise ValueError(
            "A list gives the outcomes of a stub in order, and an empty one has none. Write [...] with one for each "
            "call, or Returns([]) if the empty list is the value."
        )
    return tuple(map(outcome_of, given))
