"""Concurrency slots in sync code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from headrace.concurrency.requests import answered, missing, request
from headrace.drive.sync import drive
from headrace.drive.world import current_world
from headrace.effects import ReleaseSlots
from headrace.runs.slots import take

__all__ = ["concurrency", "rate_limit"]


@contextmanager
def concurrency(
    names: str | Sequence[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: Any = None,
    raise_on_lease_renewal_failure: bool | None = None,
) -> Iterator[None]:
    """Hold `occupy` slots of each of these limits in the block; wait for them in order of arrival.

    Raises AcquireConcurrencySlotTimeoutError if they are not free within `timeout_seconds`. A limit that does not exist
    is warned about; with `strict` it raises ConcurrencySlotAcquisitionError. The slots of a process that is killed come
    back after `lease_duration` seconds. The last two arguments, and `max_retries`, are accepted and have no effect: a
    wait here does not poll.
    """
    wanted = request(names, occupy, lease_duration)
    if wanted is None:
        yield
        return
    world = current_world()
    taken = answered(drive(take(wanted, timeout_seconds), world))
    try:
        missing(taken, strict)
        yield
    finally:
        world.release_slots(ReleaseSlots(wanted.ticket))


def rate_limit(
    names: str | Sequence[str], occupy: int = 1, timeout_seconds: float | None = None, strict: bool = False
) -> None:
    """Wait until the rate of these limits allows `occupy` more, and take them; they come back by decay.

    Raises as `concurrency` does, and ConcurrencySlotAcquisitionError for a limit without decay.
    """
    wanted = request(names, occupy, 60.0, rate=True)
    if wanted is not None:
        missing(answered(drive(take(wanted, timeout_seconds), current_world())), strict)
