"""Waiting for locks: looking again and again, at intervals that grow, on the clock of the world."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from headrace.core.transactions import FIRST_LOOK, LONGEST_LOOK
from headrace.drive.sync import drive
from headrace.drive.world import current_world
from headrace.effects import Cancelled, Now, Sleep


async def until(is_so: Callable[[datetime], bool], timeout: float | None) -> bool | Cancelled:
    """Wait until it is so, at most `timeout` seconds, and say whether it is."""
    seconds, began = FIRST_LOOK, await Now()
    while not is_so(now := await Now()):
        left = None if timeout is None else timeout - (now - began).total_seconds()
        if left is not None and left <= 0:
            return False
        waiting = await Sleep(seconds if left is None else min(seconds, left))
        if waiting is not None:
            return waiting
        seconds = min(seconds * 2, LONGEST_LOOK)
    return True


class Waiting:
    """The waits of a lock manager that can say, at any moment, whether a lock is free or could be taken."""

    def _take(self, key: str, holder: str, hold_timeout: float | None, now: datetime) -> bool:
        raise NotImplementedError

    def _holder_of(self, key: str, now: datetime) -> str | None:
        raise NotImplementedError

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Take a lock, and say whether it is held now; `acquire_timeout` 0 does not wait."""
        world = current_world()
        return _plain(drive(until(lambda now: self._take(key, holder, hold_timeout, now), acquire_timeout), world))

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Do as `acquire_lock`, in async code."""
        from headrace.drive.asyncio import drive  # slow to import; only async code comes here

        taken = until(lambda now: self._take(key, holder, hold_timeout, now), acquire_timeout)
        return _plain(await drive(taken, current_world()))

    def is_locked(self, key: str) -> bool:
        """Say whether anybody has the lock."""
        return self._holder_of(key, current_world().clock.now()) is not None

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Say whether this holder has the lock."""
        return self._holder_of(key, current_world().clock.now()) == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody has the lock, and say whether that is so."""
        return _plain(drive(until(lambda now: self._holder_of(key, now) is None, timeout), current_world()))

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Do as `wait_for_lock`, in async code."""
        from headrace.drive.asyncio import drive  # as above

        return _plain(await drive(until(lambda now: self._holder_of(key, now) is None, timeout), current_world()))


def _plain(answer: bool | Cancelled) -> bool:
    if isinstance(answer, Cancelled):
        raise answer.reason
    return answer
