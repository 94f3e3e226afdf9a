"""Which tags have a limit, as far as is known. Tasks with tags ask at each of their runs, and few tags have one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from headrace.clock import Clock

_TAG = "tag:"


class KnownLimits:
    """What the server said lately. `holding_nothing` are the tickets that were granted without any slot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._missing_at: dict[str, int] = {}
        self._there: set[str] = set()
        self.holding_nothing: set[UUID] = set()

    def learn(self, asked: Sequence[str], missing: Sequence[str]) -> None:
        """Take note of which limits are missing, of those that were asked for."""
        now = self._clock.monotonic_ns()
        for name in asked:
            if name in missing:
                self._missing_at[name] = now
                self._there.discard(name)
            else:
                self._missing_at.pop(name, None)
                self._there.add(name)

    def are_missing(self, names: Sequence[str], seconds: float) -> bool:
        """Say whether these are limits of tags, all of which were missing so many seconds ago at most."""
        since = self._clock.monotonic_ns() - seconds * 1e9
        said_at = (self._missing_at.get(name) if name.startswith(_TAG) else None for name in names)
        return bool(names) and all(at is not None and at >= since for at in said_at)

    def wanted(self, names: Sequence[str]) -> list[str]:
        """Return those that are to be waited for: by name, and of tags if they had a limit."""
        return [name for name in names if name in self._there or not name.startswith(_TAG)]
