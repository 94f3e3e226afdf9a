"""What clients are asked to make."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GlobalConcurrencyLimitCreate"]


@dataclass(frozen=True, slots=True)
class GlobalConcurrencyLimitCreate:
    """A concurrency limit to be made; `slot_decay_per_second` above 0 makes it a rate limit."""

    name: str
    limit: int
    active: bool = True
    slot_decay_per_second: float = 0.0

    @classmethod
    def of(
        cls,
        given: GlobalConcurrencyLimitCreate | str,
        limit: int | None,
        slot_decay_per_second: float,
        active: bool,
    ) -> GlobalConcurrencyLimitCreate:
        """Return what is given, or make it of a name and numbers. Raises TypeError for a name without a limit."""
        if not isinstance(given, str):
            return given
        if limit is None:
            raise TypeError(f"Say how many slots the limit {given!r} has: pass limit=1, say.")
        return cls(given, limit, active, slot_decay_per_second)
