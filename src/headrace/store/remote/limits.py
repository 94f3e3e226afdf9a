"""Which tags have no limit, as far as is known: of those no slots need be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from headrace.clock import Clock

_TAG = "tag:"


class WithoutLimit:
    """What the server said lately. `holding_nothing` are the tickets that were granted without any slot."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said_at: dict[str, int] = {}
        self.holding_nothing: set[UUID] = set()

    def learn(self, asked: Sequence[str], missing: Sequence[str]) -> None:
        """Take note of which limits are missing, of those that were asked for."""
        now = self._clock.monotonic_ns()
        for name in asked:
            if name in missing and name.startswith(_TAG):
                self._said_at[name] = now
            else:
                self._said_at.pop(name, None)

    def are_without(self, names: Sequence[str], *, within: float | None = None) -> bool:
        """Say whether all of these were missing the last time, or so many seconds ago at most."""
        latest = self._clock.monotonic_ns()
        for name in names:
            said_at = self._said_at.get(name)
            if said_at is None or (within is not None and latest - said_at > within * 1e9):
                return False
        return bool(names)
