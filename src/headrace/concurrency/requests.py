"""What both ways of taking slots share: the request, and what is said of limits that do not exist."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from headrace.core.limits import SlotRequest
from headrace.drive.world import current_world
from headrace.exceptions import ConcurrencySlotAcquisitionError
from headrace.runs.context import CURRENT
from headrace.runs.slots import Taken


def request(names: str | Sequence[str], occupy: int, lease_seconds: float, *, rate: bool = False) -> SlotRequest | None:
    """Return the request for these slots; None where no limit is named. Raises ValueError for no slots."""
    listed = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    if occupy < 1:
        raise ValueError(f"'occupy' can't be {occupy!r}: at least one slot is taken.")
    if not listed:
        return None
    here = CURRENT.get()
    return SlotRequest(
        ticket=current_world().new_id(),
        names=listed,
        occupy=occupy,
        lease_seconds=lease_seconds,
        holder=here.run.name if here is not None else "",
        holder_run_id=here.run.id if here is not None else None,
        rate=rate,
    )


def missing(taken: Taken, strict: bool) -> None:
    """Warn about, or with `strict` refuse, names that have no limit."""
    if not taken.missing:
        return
    listed = ", ".join(map(repr, taken.missing))
    advice = f"headrace concurrency-limit create {taken.missing[0]} 1"
    if strict:
        raise ConcurrencySlotAcquisitionError(f"There is no concurrency limit {listed}. Create it: {advice}")
    logging.getLogger("headrace.concurrency").warning(
        "There is no concurrency limit %s; the code runs unlimited. Create it: %s", listed, advice
    )


def answered(answer: Any) -> Taken:
    """Return what was taken, or raise why not."""
    if isinstance(answer, Taken):
        return answer
    raise answer if isinstance(answer, Exception) else answer.reason
