"""Routes about concurrency limits, and by which programs take slots of them, and give them back.

Who is refused slots asks again: a place in the line is for those who tell their ticket each time, as the runs of
headrace do.
"""

from __future__ import annotations

import math
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from starlette.exceptions import HTTPException

from headrace.core.limits import Granted, Impossible, SlotRequest
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound
from headrace.server.api.answers import LeaseAnswer, LimitAnswer, SlotsAnswer
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


@router.post("/filter")
def read_limits(world: Served) -> list[LimitAnswer]:
    """List the concurrency limits, by name."""
    return [LimitAnswer.of(limit) for limit in world.store.limits(world.clock.now())]


@router.put("/")
def put_limit(world: Served, wanted: LimitWanted) -> LimitAnswer:
    """Create a limit, or change one; slots that are taken stay taken."""
    world.store.put_limit(ConcurrencyLimit(wanted.name, wanted.limit, wanted.active, wanted.slot_decay_per_second))
    return _limit(world, wanted.name)


@router.get("/{name}", responses=NOT_FOUND)
def read_limit(world: Served, name: str) -> LimitAnswer:
    """Return one limit, as it stands."""
    return _limit(world, name)


@router.get("/{name}/leases", responses=NOT_FOUND)
def read_leases(world: Served, name: str) -> list[LeaseAnswer]:
    """List who holds slots of a limit, and who waits for them."""
    _limit(world, name)
    return [LeaseAnswer.of(lease) for lease in world.store.leases(name, world.clock.now())]


@router.delete("/{name}", status_code=204, responses=NOT_FOUND)
def delete_limit(world: Served, name: str) -> None:
    """Remove a limit, with what is held of it."""
    if not world.store.delete_limit(name):
        raise ObjectNotFound(f"There is no concurrency limit {name!r}.")


@router.post("/increment-with-lease", responses=NOT_FOUND | LOCKED)
def take_slots(world: Served, wanted: Annotated[SlotsWanted, Body()]) -> SlotsAnswer:
    """Take slots of all these limits, or none; 423 where they are taken, and Retry-After says when to ask again.

    They are held until they are given back, or the lease ends. Those of a rate limit come back by themselves.
    """
    now = world.clock.now()
    names = tuple(dict.fromkeys(wanted.names))
    for name in names:
        _limit(world, name)
    ticket = world.new_id()
    answer = world.store.request_slots(
        SlotRequest(
            ticket,
            names,
            wanted.slots,
            wanted.lease_duration,
            wanted.holder,
            rate=wanted.mode == "rate_limit",
        ),
        now,
    )
    if isinstance(answer, Granted):
        world.slots.ring()  # who stood behind this request may be the first of another line now
        return SlotsAnswer(lease_id=ticket, limits=[_limit(world, name) for name in names])
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


def _limit(world: Served, name: str) -> LimitAnswer:
    found = world.store.limit(name, world.clock.now())
    if found is None:
        raise ObjectNotFound(f"There is no concurrency limit {name!r}.")
    return LimitAnswer.of(found)
