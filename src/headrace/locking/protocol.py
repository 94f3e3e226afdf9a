"""What a lock manager does. One of your own needs these methods, and nothing else."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["LockManager"]


@runtime_checkable
class LockManager(Protocol):
    """Lock keys. Each lock has a holder, a string; time-outs are in seconds, None is for ever."""

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Take a lock, and say whether it is held now; `acquire_timeout` 0 does not wait.

        After `hold_timeout` it is free again by itself.
        """
        ...

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Do as `acquire_lock`, in async code."""
        ...

    def release_lock(self, key: str, holder: str) -> None:
        """Give a lock back. Raises ValueError where this holder does not have it."""
        ...

    def is_locked(self, key: str) -> bool:
        """Say whether anybody has the lock."""
        ...

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Say whether this holder has the lock."""
        ...

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody has the lock, and say whether that is so."""
        ...

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Do as `wait_for_lock`, in async code."""
        ...
