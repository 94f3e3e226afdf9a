"""Concurrency limits in an SQL database, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.store.later import Later
from headrace.store.link import Execute, Link, T, Ts
from headrace.store.protocol import ConcurrencyLimit, Lease, SlotAnswer, SlotRequest

if TYPE_CHECKING:
    from headrace.store import sql_slots
else:
    sql_slots = Later("headrace.store.sql_slots")


class LimitTables:
    """The part of a store that keeps concurrency limits. See `Store` for what its methods promise."""

    _link: Link

    def _on_limits(self, work: Callable[[Execute, *Ts], T], /, *args: *Ts) -> T:
        """Do some work on limits in a transaction, while nobody else works on them."""
        return self._link.write(work, *args)

    def put_limit(self, limit: ConcurrencyLimit) -> None:
        """Create or replace a limit by name; slots that are taken stay taken."""
        self._on_limits(sql_slots.put_limit, limit)

    def delete_limit(self, name: str) -> bool:
        """Remove a limit with its leases."""
        return self._on_limits(sql_slots.delete_limit, name)

    def limit(self, name: str, now: datetime) -> ConcurrencyLimit | None:
        """Return one limit as it stands at `now`."""
        return self._on_limits(sql_slots.seen, name, now)

    def limits(self, now: datetime) -> list[ConcurrencyLimit]:
        """Return all limits, by name, as they stand at `now`."""
        return self._on_limits(sql_slots.all_seen, now)

    def request_slots(self, request: SlotRequest, now: datetime) -> SlotAnswer:
        """Take slots if there are enough and nobody came earlier; else keep the ticket's place."""
        return self._on_limits(sql_slots.request_slots, request, now)

    def renew_slots(self, tickets: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns the tickets that still hold."""
        return self._on_limits(sql_slots.renew_slots, tickets, lease_seconds, now)

    def release_slots(self, ticket: UUID, now: datetime) -> None:
        """Give back what a ticket holds, or its place in the queue."""
        self._on_limits(sql_slots.drop, ticket)

    def leases(self, name: str, now: datetime) -> list[Lease]:
        """Return who holds slots of a limit and who waits for them."""
        return self._on_limits(sql_slots.leases, name, now)
