"""Concurrency slots in sync code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from headrace.concurrency.requests import answered, checked_retries, interrupted_by_loss, missing, request, tell_wait
from headrace.drive.guards import thread_guard
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

    Raises AcquireConcurrencySlotTimeoutError if they are not free within `timeout_seconds`, and
    ConcurrencySlotAcquisitionError if they are not when they have been asked for `max_retries` times more: when slots
    changed hands, and where other processes use the store ten times a second. (None: as often as it takes; 0: once.)
    A limit that does not exist is warned about, once in a run; with `strict` it raises ConcurrencySlotAcquisitionError.

    The slots of a process that is killed come back after `lease_duration` seconds; while it lives they are renewed.
    Where that fails for so long that others may have them, `raise_on_lease_renewal_failure` (None: as `strict`) raises
    ConcurrencySlotAcquisitionError in the block; else there is a warning. `holder` names who holds the slots, where it
    is not the run around: a ConcurrencyLeaseHolder, or a dict of its `type` and `id`.
    """
    wanted, retries = request(names, occupy, lease_duration, holder=holder), checked_retries(max_retries)
    if wanted is None:
        yield
        return
    world = current_world()
    taken = answered(drive(take(wanted, timeout_seconds, tell_wait, retries), world))
    try:
        missing(taken, wanted, strict)
        stops = strict if raise_on_lease_renewal_failure is None else raise_on_lease_renewal_failure
        with interrupted_by_loss(world, wanted, thread_guard(), stops):
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
        missing(answered(drive(take(wanted, timeout_seconds), current_world())), wanted, strict)
