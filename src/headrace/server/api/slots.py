"""Routes by which programs take slots of concurrency limits, and give them back.

Who is refused asks again: a place in the line is for those who tell their ticket each time, as the runs of headrace do.
"""

from __future__ import annotations

import math
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from starlette.exceptions import HTTPException

from headrace.core.limits import Granted, Impossible, SlotRequest
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound
from headrace.server.api.answers import LimitAnswer, SlotsAnswer
from headrace.server.api.errors import LOCKED, NOT_FOUND, TAKEN
from headrace.server.api.finding import Served
from headrace.server.api.requests import LimitWanted, Renewal, SlotsGiven, SlotsWanted
from headrace.store.protocol import ConcurrencyLimit

router = APIRouter(prefix="/v2/concurrency_limits", tags=["Concurrency limits"])


@router.post("/", status_code=201, responses=TAKEN)
def create_limit(world: Served, wanted: LimitWanted) -> LimitAnswer:
    """Create a limit; one that is there is changed by PUT."""
    if world.store.limit(wanted.name, world.clock.now()) is not None:
        raise ObjectAlreadyExists(f"There is a concurrency limit {wanted.name!r} already; PUT changes it.")
    made = ConcurrencyLimit(wanted.name, wanted.limit, wanted.active, wanted.slot_decay_per_second)
    world.store.put_limit(made)
    return LimitAnswer.of(made)


@router.post("/increment-with-lease", responses=NOT_FOUND | LOCKED)
def take_slots(world: Served, wanted: Annotated[SlotsWanted, Body()]) -> SlotsAnswer:
    """Take slots of all these limits, or none; 423 where they are taken, and Retry-After says when to ask again.

    They are held until they are given back, or the lease ends. Those of a rate limit come back by themselves.
    """
    now = world.clock.now()
    missing = [name for name in wanted.names if world.store.limit(name, now) is None]
    if missing:
        raise ObjectNotFound(f"There is no concurrency limit {missing[0]!r}.")
    ticket = world.new_id()
    answer = world.store.request_slots(
        SlotRequest(
            ticket,
            tuple(wanted.names),
            wanted.slots,
            wanted.lease_duration,
            wanted.holder,
            rate=wanted.mode == "rate_limit",
        ),
        now,
    )
    if isinstance(answer, Granted):
        world.slots.ring()  # who stood behind this request may be the first of another line now
        limits = [limit for name in wanted.names if (limit := world.store.limit(name, now)) is not None]
        return SlotsAnswer(lease_id=ticket, limits=[LimitAnswer.of(limit) for limit in limits])
    world.slots.release(ticket)
    if isinstance(answer, Impossible):
        raise HTTPException(
            422, f"{wanted.slots} slots of {answer.name!r} are never free at once: {answer.reason or answer.limit}."
        )
    seconds = 1 if answer.retry_at is None else max(math.ceil((answer.retry_at - now).total_seconds()), 1)
    raise HTTPException(
        423, f"The slots of {answer.blocked_by!r} are taken. Ask again in {seconds} s.", {"Retry-After": str(seconds)}
    )


@router.post("/decrement-with-lease", status_code=204)
def give_slots_back(world: Served, given: Annotated[SlotsGiven, Body()]) -> None:
    """Give slots back. Twice, or after the lease has ended, does nothing."""
    world.slots.release(given.lease_id)


@router.post("/leases/{lease_id}/renew", status_code=204, responses=NOT_FOUND)
def renew_lease(world: Served, lease_id: UUID, wanted: Annotated[Renewal, Body()]) -> None:
    """Hold slots for longer, counted from now; 404 where the lease has ended, and others may have them."""
    if not world.store.renew_slots([lease_id], wanted.lease_duration, world.clock.now()):
        raise ObjectNotFound(f"There is no lease {lease_id}, or it has ended: ask for the slots anew.")
