"""Concurrency limits in an SQL database: load, ask `slots`, write what it says, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from headrace.store import rows, slots
from headrace.store import statements as sql
from headrace.store.link import Execute, Link
from headrace.store.protocol import ConcurrencyLimit, Lease, SlotAnswer, SlotRequest


class LimitTables:
    """The part of a store that keeps concurrency limits. See `Store` for what its methods promise."""

    _link: Link

    def put_limit(self, limit: ConcurrencyLimit) -> None:
        """Create or replace a limit by name; slots that are taken stay taken."""
        self._link.write(_put_limit, limit)

    def delete_limit(self, name: str) -> bool:
        """Remove a limit with its leases."""
        return self._link.write(_delete_limit, name)

    def limit(self, name: str, now: datetime) -> ConcurrencyLimit | None:
        """Return one limit as it stands at `now`."""
        return self._link.write(_seen, name, now)

    def limits(self, now: datetime) -> list[ConcurrencyLimit]:
        """Return all limits, by name, as they stand at `now`."""
        return self._link.write(_all_seen, now)

    def request_slots(self, request: SlotRequest, now: datetime) -> SlotAnswer:
        """Take slots if there are enough and nobody came earlier; else keep the ticket's place."""
        slots.check(request)
        return self._link.write(_request, request, now)

    def renew_slots(self, tickets: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns the tickets that still hold."""
        return self._link.write(_renew, tickets, now + timedelta(seconds=lease_seconds), now)

    def release_slots(self, ticket: UUID, now: datetime) -> None:
        """Give back what a ticket holds, or its place in the queue."""
        self._link.write(_drop, ticket)

    def leases(self, name: str, now: datetime) -> list[Lease]:
        """Return who holds slots of a limit and who waits for them."""
        return slots.leases(name, map(rows.ticket, self._link.read(sql.TICKETS)), now)


def _put_limit(execute: Execute, wish: ConcurrencyLimit) -> None:
    execute(sql.PUT_LIMIT, rows.limit_row(slots.put(wish, _limit(execute, wish.name))))


def _delete_limit(execute: Execute, name: str) -> bool:
    for ticket in _tickets(execute):
        kept = slots.without(ticket, name)
        if kept is not ticket:
            _keep(execute, ticket.ticket, kept)
    return execute(sql.DELETE_LIMIT, (name,)).rowcount == 1


def _seen(execute: Execute, name: str, now: datetime) -> ConcurrencyLimit | None:
    limit = _limit(execute, name)
    return slots.seen(limit, _tickets(execute), now) if limit else None


def _all_seen(execute: Execute, now: datetime) -> list[ConcurrencyLimit]:
    tickets = _tickets(execute)
    return [slots.seen(rows.limit(row), tickets, now) for row in execute(sql.LIMITS).fetchall()]


def _request(execute: Execute, request: SlotRequest, now: datetime) -> SlotAnswer:
    execute(sql.DROP_EXPIRED, (rows.micros(now),))
    found = (_limit(execute, name) for name in request.names)
    limits = {limit.name: limit for limit in found if limit}
    outcome = slots.answer(request, limits, _tickets(execute), now)
    _keep(execute, request.ticket, outcome.ticket)
    for limit in outcome.limits:
        execute(sql.PUT_LIMIT, rows.limit_row(limit))
    return outcome.answer


def _renew(execute: Execute, tickets: Sequence[UUID], expires_at: datetime, now: datetime) -> set[UUID]:
    execute(sql.DROP_EXPIRED, (rows.micros(now),))
    stamp = rows.micros(expires_at)
    return {ticket for ticket in tickets if execute(sql.RENEW_TICKET, (stamp, ticket.bytes)).rowcount == 1}


def _keep(execute: Execute, ticket_id: UUID, ticket: slots.Ticket | None) -> None:
    if ticket is None:
        _drop(execute, ticket_id)
    else:
        execute(sql.PUT_TICKET, rows.ticket_row(ticket))


def _drop(execute: Execute, ticket: UUID) -> None:
    execute(sql.DROP_TICKET, (ticket.bytes,))


def _limit(execute: Execute, name: str) -> slots.Limit | None:
    row = execute(sql.LIMIT, (name,)).fetchone()
    return rows.limit(row) if row else None


def _tickets(execute: Execute) -> list[slots.Ticket]:
    return [rows.ticket(row) for row in execute(sql.TICKETS).fetchall()]
