"""Asking for concurrency slots: the request, and what may be answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

HOLDERS = ("flow_run", "task_run", "deployment")


@dataclass(frozen=True, slots=True)
class ConcurrencyLeaseHolder:
    """Who holds slots, where that is not the run that asks for them. `type` is one of HOLDERS; `id` may be a string."""

    type: str
    id: UUID

    def __post_init__(self) -> None:
        if self.type not in HOLDERS:
            raise ValueError(f"The 'type' of a holder of slots can't be {self.type!r}: write one of {HOLDERS}.")
        object.__setattr__(self, "id", UUID(str(self.id)))

    def __str__(self) -> str:
        return f"{self.type.replace('_', ' ')} {self.id}"


class SlotRequest(NamedTuple):
    """A wish for `occupy` slots from each of the limits `names`, all or none.

    `ticket` identifies the request, and later the lease. Requests are served in the order of their tickets'
    first arrival at the store. `lease_seconds` is how long the slots stay taken without `renew_slots`; it
    also bounds how long a waiting ticket that is no longer asked for holds its place. `holder` says in
    words who asks, for tables of who waits for what. `rate` takes the slots for good: they come back by
    decay alone, and nothing is to be released.
    """

    ticket: UUID
    names: tuple[str, ...]
    occupy: int = 1
    lease_seconds: float = 60.0
    holder: str = ""
    holder_run_id: UUID | None = None
    rate: bool = False


class Granted(NamedTuple):
    """The slots are taken. `missing` are names that have no limit (nothing was taken for those)."""

    missing: tuple[str, ...] = ()


class Queued(NamedTuple):
    """Not now. `retry_at` is when asking again may succeed without anybody releasing; None: unknown.

    It is exact for decay and expiring leases, and counts the tickets ahead as if they had taken their
    slots. It can't foresee that one ahead is served through another limit, so wake those who wait when
    slots are granted, too. `blocked_by` names the first limit that lacks slots or has earlier tickets.
    """

    blocked_by: str
    retry_at: datetime | None = None
    missing: tuple[str, ...] = ()


class Impossible(NamedTuple):
    """Never: `occupy` is above the `limit` slots of `name`, or a rate is asked of a limit without decay."""

    name: str
    limit: int
    reason: str = ""
    missing: tuple[str, ...] = ()


SlotAnswer = Granted | Queued | Impossible
