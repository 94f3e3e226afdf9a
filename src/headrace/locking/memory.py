"""Locks in the memory of this process."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

from headrace.drive.world import current_world
from headrace.locking.waiting import Waiting

__all__ = ["MemoryLockManager"]


_guard = threading.Lock()


class MemoryLockManager(Waiting):
    """Lock keys among the threads and coroutines of this process; all managers share the same locks."""

    def _take(self, key: str, holder: str, hold_timeout: float | None, now: datetime) -> bool:
        with _guard:
            if _holder(key, now) not in (None, holder):
                return False
            expires_at = now + timedelta(seconds=hold_timeout) if hold_timeout is not None else None
            _held()[key] = (holder, expires_at)
            return True

    def _holder_of(self, key: str, now: datetime) -> str | None:
        with _guard:
            return _holder(key, now)

    def release_lock(self, key: str, holder: str) -> None:
        """Give a lock back. Raises ValueError where this holder does not have it."""
        with _guard:
            if _held().get(key, (None, None))[0] != holder:
                raise ValueError(f"{holder} does not hold a lock of {key!r}.")
            del _held()[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryLockManager)

    def __hash__(self) -> int:
        return hash(MemoryLockManager)

    def __reduce__(self) -> tuple[Any, ...]:
        return (MemoryLockManager, ())

    def __repr__(self) -> str:
        return "MemoryLockManager()"


def _held() -> dict[str, tuple[str, datetime | None]]:
    """Return the locks of the world that this code is in, with their holders, and when they are free by themselves."""
    return current_world().shelf.locks


def _holder(key: str, now: datetime) -> str | None:
    """Return who has a lock. The guard is held."""
    held = _held()
    holder, expires_at = held.get(key, (None, None))
    if expires_at is not None and expires_at <= now:
        del held[key]
        return None
    return holder
