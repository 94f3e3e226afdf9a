"""Concurrency slots in async code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from headrace.concurrency.requests import answered, checked_retries, interrupted_by_loss, missing, request, tell_wait
from headrace.drive.asyncio import drive, task_guard
from headrace.drive.world import current_world
from headrace.effects import ReleaseSlots
from headrace.runs.slots import take

__all__ = ["concurrency", "rate_limit"]


@asynccontextmanager
async def concurrency(
    names: str | Sequence[str],
    occupy: int = 1,
    timeout_seconds: float | None = None,
    max_retries: int | None = None,
    lease_duration: float = 300,
    strict: bool = False,
    holder: Any = None,
    raise_on_lease_renewal_failure: bool | None = None,
) -> AsyncIterator[None]:
    """Hold `occupy` slots of each of these limits in the block; see `headrace.concurrency.sync.concurrency`."""
    wanted, retries = request(names, occupy, lease_duration, holder=holder), checked_retries(max_retries)
    if wanted is None:
        yield
        return
    world = current_world()
    taken = answered(await drive(take(wanted, timeout_seconds, tell_wait, retries), world))
    try:
        missing(taken, wanted, strict)
        stops = strict if raise_on_lease_renewal_failure is None else raise_on_lease_renewal_failure
        with interrupted_by_loss(world, wanted, task_guard(), stops):
            yield
    finally:
        world.release_slots(ReleaseSlots(wanted.ticket))


async def rate_limit(
    names: str | Sequence[str], occupy: int = 1, timeout_seconds: float | None = None, strict: bool = False
) -> None:
    """Wait until the rate of these limits allows `occupy` more; see `headrace.concurrency.sync.rate_limit`."""
    wanted = request(names, occupy, 60.0, rate=True)
    if wanted is not None:
        missing(answered(await drive(take(wanted, timeout_seconds), current_world())), wanted, strict)
