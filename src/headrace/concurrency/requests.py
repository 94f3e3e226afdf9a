"""What both ways of taking slots share: the request, what is said of limits that do not exist, and of lost leases."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from headrace.core.limits import ConcurrencyLeaseHolder, SlotRequest
from headrace.drive.guards import Guard
from headrace.drive.world import World, current_world
from headrace.effects import Say
from headrace.exceptions import ConcurrencySlotAcquisitionError
from headrace.runs.context import CURRENT
from headrace.runs.slots import Taken


def request(
    names: str | Sequence[str], occupy: int, lease_seconds: float, *, rate: bool = False, holder: Any = None
) -> SlotRequest | None:
    """Return the request for these slots; None where no limit is named.

    Raises ValueError for no slots, and for a holder that is none.
    """
    listed = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    if occupy < 1:
        raise ValueError(f"'occupy' can't be {occupy!r}: at least one slot is taken.")
    if not listed:
        return None
    here = CURRENT.get()
    named = _holder(holder)
    return SlotRequest(
        ticket=current_world().new_id(),
        names=listed,
        occupy=occupy,
        lease_seconds=lease_seconds,
        holder=str(named) if named is not None else here.run.name if here is not None else "",
        holder_run_id=named.id if named is not None else here.run.id if here is not None else None,
        rate=rate,
    )


def _holder(given: Any) -> ConcurrencyLeaseHolder | None:
    if given is None or isinstance(given, ConcurrencyLeaseHolder):
        return given
    if isinstance(given, Mapping) and given.keys() == {"type", "id"}:
        return ConcurrencyLeaseHolder(**given)
    raise TypeError(
        f"'holder' says who holds the slots, {{'type': 'flow_run', 'id': ...}} or a ConcurrencyLeaseHolder: {given!r} "
        "does not."
    )


async def tell_wait(limit: str) -> None:
    """Write to the log of the run around, if there is one, what it waits for: that is no state of its own."""
    here = CURRENT.get()
    if here is not None:
        await Say(here.run, logging.INFO, f"Waits for {current_world().slots.awaited(limit)}")


def checked_retries(max_retries: int | None) -> int | None:
    """Return how often to ask again. Raises ValueError below 0."""
    if max_retries is not None and max_retries < 0:
        raise ValueError(
            f"'max_retries' can't be {max_retries!r}: it is how often slots are asked for once more; 0 asks once, "
            "None as often as it takes."
        )
    return max_retries


def missing(taken: Taken, request: SlotRequest, strict: bool) -> None:
    """Refuse, with `strict`, names that have no limit; else warn about each once in a flow run."""
    if taken.missing and strict:
        listed = ", ".join(map(repr, taken.missing))
        raise ConcurrencySlotAcquisitionError(
            f"There is no concurrency limit {listed}. Create it: {_command(taken.missing[0], request)}"
        )
    for name in filter(_is_news, taken.missing):
        create = _command(name, request)
        _warn(f"There is no concurrency limit {name!r}; the code runs unlimited. Create it: {create}")


def _warn(line: str) -> None:
    here = CURRENT.get()
    if here is not None:
        current_world().logs.say(here.run, logging.WARNING, line)
    else:
        logging.getLogger("headrace.concurrency").warning(line)


def _command(name: str, request: SlotRequest) -> str:
    return f"headrace concurrency-limit create {name} 1" + (" --decay 1" if request.rate else "")


def _is_news(name: str) -> bool:
    """Say whether this flow run, task run or, outside of runs, process has not been told of a missing limit yet."""
    here = CURRENT.get()
    if here is None:
        slots = current_world().slots
        before, slots.warned = slots.warned, slots.warned | {name}
    else:
        told = here.flow_context or here
        before, told.warned_limits = told.warned_limits, told.warned_limits | {name}
    return name not in before


@contextmanager
def interrupted_by_loss(world: World, request: SlotRequest, guard: Guard, wanted: bool) -> Iterator[None]:
    """Raise ConcurrencySlotAcquisitionError in the block when its slots are lost, if that is wanted."""
    if not wanted:
        yield
        return
    lost = ConcurrencySlotAcquisitionError(
        f"The lease of the slots of {', '.join(map(repr, request.names))} could not be renewed in time: others may "
        "have them. Pass raise_on_lease_renewal_failure=False to go on nevertheless."
    )
    world.slots.when_lost(request.ticket, lambda: guard.interrupt(lost))
    try:
        with guard.opened():
            yield
    except BaseException as error:
        raised = guard.raised(error)
        if raised is lost:
            guard.delivered = None  # it has reached the block that it was for: further out it is an error like others
        if raised is error:
            raise
        raise raised from None
    finally:
        guard.withdraw(lost)


def answered(answer: Any) -> Taken:
    """Return what was taken, or raise why not."""
    if isinstance(answer, Taken):
        return answer
    raise answer if isinstance(answer, Exception) else answer.reason
