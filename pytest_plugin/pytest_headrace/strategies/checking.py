"""Checking what a strategy was given, when it is called: an error that comes with the first example comes too late."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, ParamSpec, TypeAlias, TypeVar

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy

P = ParamSpec("P")
T = TypeVar("T")

#: What arguments of our strategies are: a strategy, a list of values, or None for all that is valid.
Choice: TypeAlias = SearchStrategy[T] | Sequence[T] | None


def refuse(message: str) -> NoReturn:
    """Raise Hypothesis' own error for arguments that can't be, a TypeError."""
    raise InvalidArgument(message)


def check_count(name: str, value: object, least: int = 0) -> None:
    """Refuse what is no whole number from `least` up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        refuse(f"{name}={value!r} must be a whole number from {least} up.")


def check_range(low_name: str, low: object, high_name: str, high: object, least: int = 0) -> None:
    """Refuse two counts of which the first is the larger."""
    check_count(low_name, low, least)
    check_count(high_name, high, least)
    if low > high:  # type: ignore[operator]  # both are counts
        refuse(f"{low_name}={low} can't be above {high_name}={high}: no number is in between.")


def check_choices(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse what is no collection of some of these words."""
    said = f"a list of some of {', '.join(map(repr, choices))}"
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset) or not value:
        refuse(f"{name}={value!r} must be {said}; write {name}=[{choices[0]!r}].")
    unknown = [item for item in value if item not in choices]
    if unknown:
        refuse(f"{name}={value!r} names {unknown[0]!r}, and must be {said}.")


def choice(
    name: str, given: Choice[T], check: Callable[[str, Any], None], default: SearchStrategy[T]
) -> SearchStrategy[T]:
    """Return a strategy for what is one, or a list of values that each pass `check`, or None for the default."""
    if given is None:
        return default
    if isinstance(given, SearchStrategy):
        return given
    if isinstance(given, str | bytes) or not isinstance(given, Sequence) or not given:
        refuse(f"{name}={given!r} must be a strategy, or a list of at least one value; write {name}=[...].")
    for at, item in enumerate(given):
        check(f"{name}[{at}]", item)
    return st.sampled_from(given)


def checked_by(check: Callable[..., None]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Call `check` with all arguments, defaults included and by name, before the decorated function."""

    def decorate(fn: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(fn)

        @functools.wraps(fn)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            check(**bound.arguments)
            return fn(*args, **kwargs)

        return checked

    return decorate


def check_seconds(name: str, value: object) -> None:
    """Refuse what is no number of seconds from 0 up."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        refuse(f"{name}={value!r} must be a number of seconds from 0 up.")


def anything(name: str, value: object) -> None:
    """Refuse nothing."""


def check_error(name: str, value: object) -> None:
    """Refuse what can't be raised as a failure: an exception, or a class of which one can be made from a message."""
    if isinstance(value, Exception):
        return
    if not (isinstance(value, type) and issubclass(value, Exception)):
        refuse(
            f"{name}={value!r} must be an Exception or a class of them, as what fails a run is. "
            f"Write for example errors=[ConnectionError, ValueError('bad page')]."
        )
    try:
        value("a message")
    except Exception as error:  # noqa: BLE001 - whatever the constructor of a user's class raises
        refuse(f"{name}={value.__name__} can't be made from a message alone ({error}); give an instance of it.")


def quarters(longest: float) -> SearchStrategy[float]:
    """Return seconds in steps of a quarter, which floats add up without error; whole ones as int."""
    return st.integers(0, int(longest * 4)).map(_seconds_of_quarters)


def _seconds_of_quarters(count: int) -> float:
    return count // 4 if count % 4 == 0 else count / 4
