"""Concurrency limits in memory. What changes is made anew and put in place at once, whatever interrupts."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from headrace.store import slots
from headrace.store.protocol import ConcurrencyLimit, Lease, SlotAnswer, SlotRequest


class LimitsInMemory:
    """The part of a store that keeps concurrency limits. See `Store` for what its methods promise."""

    _lock: threading.Lock
    _limits: dict[str, slots.Limit]
    _tickets: dict[UUID, slots.Ticket]

    def put_limit(self, limit: ConcurrencyLimit) -> None:
        """Create or replace a limit by name; slots that are taken stay taken."""
        with self._lock:
            self._check_open()
            self._limits[limit.name] = slots.put(limit, self._limits.get(limit.name))

    def delete_limit(self, name: str) -> bool:
        """Remove a limit with its leases."""
        with self._lock:
            self._check_open()
            if name not in self._limits:
                return False
            limits = {other: limit for other, limit in self._limits.items() if other != name}
            tickets = {t.ticket: slots.without(t, name) for t in self._tickets.values()}
            kept = {ticket_id: ticket for ticket_id, ticket in tickets.items() if ticket}
            self._limits, self._tickets = limits, kept
            return True

    def limit(self, name: str, now: datetime) -> ConcurrencyLimit | None:
        """Return one limit as it stands at `now`."""
        with self._lock:
            self._check_open()
            limit = self._limits.get(name)
            return slots.seen(limit, self._tickets.values(), now) if limit else None

    def limits(self, now: datetime) -> list[ConcurrencyLimit]:
        """Return all limits, by name, as they stand at `now`."""
        with self._lock:
            self._check_open()
            tickets = self._tickets.values()
            return [slots.seen(limit, tickets, now) for _, limit in sorted(self._limits.items())]

    def request_slots(self, request: SlotRequest, now: datetime) -> SlotAnswer:
        """Take slots if there are enough and nobody came earlier; else keep the ticket's place."""
        slots.check(request)
        with self._lock:
            self._check_open()
            tickets = self._alive(now)
            outcome = slots.answer(request, self._limits, list(tickets.values()), now)
            tickets = _with(tickets, request.ticket, outcome.ticket)
            limits = self._limits | {limit.name: limit for limit in outcome.limits}
            self._limits, self._tickets = limits, tickets
            return outcome.answer

    def renew_slots(self, tickets: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns the tickets that still hold."""
        with self._lock:
            self._check_open()
            alive = self._alive(now)
            held = {ticket for ticket in tickets if ticket in alive and alive[ticket].held}
            expires_at = now + timedelta(seconds=lease_seconds)
            self._tickets = alive | {ticket: replace(alive[ticket], expires_at=expires_at) for ticket in held}
            return held

    def release_slots(self, ticket: UUID, now: datetime) -> None:
        """Give back what a ticket holds, or its place in the queue."""
        with self._lock:
            self._check_open()
            self._tickets.pop(ticket, None)

    def leases(self, name: str, now: datetime) -> list[Lease]:
        """Return who holds slots of a limit and who waits for them."""
        with self._lock:
            self._check_open()
            return slots.leases(name, self._tickets.values(), now)

    def _check_open(self) -> None:
        """Raise StoreError where the store was closed."""
        raise NotImplementedError

    def _alive(self, now: datetime) -> dict[UUID, slots.Ticket]:
        return {ticket.ticket: ticket for ticket in slots.alive(self._tickets.values(), now)}


def _with(tickets: dict[UUID, slots.Ticket], ticket_id: UUID, ticket: slots.Ticket | None) -> dict[UUID, slots.Ticket]:
    if ticket is not None:
        return tickets | {ticket_id: ticket}
    return {other: kept for other, kept in tickets.items() if other != ticket_id}
