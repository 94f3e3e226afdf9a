"""How many runs there may be at a time of what is served, and what becomes of one more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


def checked_limit(limit: Any, option: str = "limit") -> int | None:
    """Return how many runs there may be at a time, None for any number. Raises TypeError and ValueError."""
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"{option!r} is a whole number or None, not {limit!r}.")
    if limit < 1:
        raise ValueError(f"{option!r} can't be {limit}: at least one run at a time. None is no limit.")
    return limit


class ConcurrencyLimitStrategy(StrEnum):
    """What becomes of a run that is due while there are as many as there may be."""

    ENQUEUE = "ENQUEUE"
    CANCEL_NEW = "CANCEL_NEW"


@dataclass(frozen=True, slots=True)
class ConcurrencyLimitConfig:
    """At most `limit` runs of a deployment at a time; one more waits, or is cancelled (CANCEL_NEW)."""

    limit: int
    collision_strategy: ConcurrencyLimitStrategy = ConcurrencyLimitStrategy.ENQUEUE

    def __post_init__(self) -> None:
        if checked_limit(self.limit) is None:
            raise TypeError("'limit' is a whole number, not None: leave the concurrency limit out for none.")
        object.__setattr__(self, "collision_strategy", ConcurrencyLimitStrategy(self.collision_strategy))

    @classmethod
    def of(cls, given: Any) -> ConcurrencyLimitConfig | None:
        """Return what is given, or make it of a number; None is no limit. Raises TypeError and ValueError."""
        if given is None or isinstance(given, cls):
            return given
        checked_limit(given, "concurrency_limit")
        return cls(given)
