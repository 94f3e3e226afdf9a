"""Checking what stubs and faults are given, so that a slip fails where it is made."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any


def checked_seconds(seconds: Any, what: str) -> float:
    """Return a number of virtual seconds. Raises TypeError, and ValueError below 0 or beyond all bounds."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{what} is a number of virtual seconds, not {seconds!r}.")
    if not (seconds >= 0 and math.isfinite(seconds)):
        raise ValueError(f"{what} can't be {seconds!r}: write a number of virtual seconds from 0 up.")
    return seconds


def checked_attempts(attempts: Any) -> frozenset[int] | None:
    """Return attempts as a set; None for all. Raises TypeError, and ValueError for those that are never made."""
    if attempts is None:
        return None
    several = isinstance(attempts, Iterable) and not isinstance(attempts, str | bytes)
    given = list(attempts) if several else [attempts]
    if any(isinstance(attempt, bool) or not isinstance(attempt, int) for attempt in given):
        raise TypeError(f"'attempts' are whole numbers, such as {{1, 2}}, or None for every attempt; not {attempts!r}.")
    if not given or min(given) < 1:
        raise ValueError(f"'attempts' can't be {attempts!r}: the first attempt is 1. None is every attempt.")
    return frozenset(given)


def checked_error(error: Any, what: str) -> BaseException | type[BaseException]:
    """Return an exception, or a class of them. Raises TypeError for anything else."""
    if isinstance(error, BaseException) or (isinstance(error, type) and issubclass(error, BaseException)):
        return error
    raise TypeError(f"{what} is an exception to raise, such as ConnectionError('down'), or its class; not {error!r}.")


def checked_pattern(pattern: Any, what: str) -> str | None:
    """Return a pattern of names, None for all. Raises TypeError, and ValueError for an empty one."""
    if pattern is None:
        return None
    if not isinstance(pattern, str):
        raise TypeError(f"'{what}' is a name or a pattern such as 'load-*', not {pattern!r}.")
    if not pattern:
        raise ValueError(f"'{what}' can't be empty: write a name or a pattern such as 'load-*', or leave it out.")
    return pattern


def checked_choice(given: Any, what: str, choices: Collection[str]) -> str:
    """Return one of several words. Raises ValueError for another."""
    if given not in choices:
        raise ValueError(f"'{what}' can't be {given!r}: write one of {', '.join(map(repr, choices))}.")
    return str(given)


def checked_count(given: Any, what: str) -> int:
    """Return a whole number from 1 up. Raises TypeError and ValueError."""
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(f"'{what}' is a whole number, not {given!r}.")
    if given < 1:
        raise ValueError(f"'{what}' can't be {given}: the first is 1.")
    return given
