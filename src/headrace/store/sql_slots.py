"""What is done about concurrency limits within one transaction of an SQL database.

Load, ask `slots`, write what it says. All live tickets are loaded: they are as many as runs hold or wait
for slots at the moment, of which a machine has hundreds and not millions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from headrace.store import rows, slots
from headrace.store import statements as sql
from headrace.store.link import Execute
from headrace.store.protocol import ConcurrencyLimit, Lease, SlotAnswer, SlotRequest


def put_limit(execute: Execute, wish: ConcurrencyLimit) -> None:
    """Create or replace a limit."""
    execute(sql.PUT_LIMIT, _limit_row(slots.put(wish, _limit(execute, wish.name))))


def delete_limit(execute: Execute, name: str) -> bool:
    """Remove a limit, and its name from the tickets."""
    for ticket in _tickets(execute):
        kept = slots.without(ticket, name)
        if kept is not ticket:
            _keep(execute, ticket.ticket, kept)
    return execute(sql.DELETE_LIMIT, (name,)).rowcount == 1


def seen(execute: Execute, name: str, now: datetime) -> ConcurrencyLimit | None:
    """Return a limit as it stands at `now`."""
    limit = _limit(execute, name)
    return slots.seen(limit, _tickets(execute), now) if limit else None


def all_seen(execute: Execute, now: datetime) -> list[ConcurrencyLimit]:
    """Return all limits as they stand at `now`."""
    tickets = _tickets(execute)
    return [slots.seen(_limit_from(row), tickets, now) for row in execute(sql.LIMITS).fetchall()]


def request_slots(execute: Execute, request: SlotRequest, now: datetime) -> SlotAnswer:
    """Answer a request, and keep what follows from the answer."""
    slots.check(request)
    execute(sql.DROP_EXPIRED, (rows.micros(now),))
    found = (_limit(execute, name) for name in request.names)
    limits = {limit.name: limit for limit in found if limit}
    outcome = slots.answer(request, limits, _tickets(execute), now)
    _keep(execute, request.ticket, outcome.ticket)
    for limit in outcome.limits:
        execute(sql.PUT_LIMIT, _limit_row(limit))
    return outcome.answer


def renew_slots(execute: Execute, tickets: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
    """Extend the leases that have not expired; return whose they are."""
    execute(sql.DROP_EXPIRED, (rows.micros(now),))
    stamp = rows.micros(now + timedelta(seconds=lease_seconds))
    return {ticket for ticket in tickets if execute(sql.RENEW_TICKET, (stamp, ticket.bytes)).rowcount == 1}


def leases(execute: Execute, name: str, now: datetime) -> list[Lease]:
    """Return who holds slots of a limit, and who waits."""
    return slots.leases(name, _tickets(execute), now)


def _keep(execute: Execute, ticket_id: UUID, ticket: slots.Ticket | None) -> None:
    if ticket is None:
        drop(execute, ticket_id)
    else:
        execute(sql.PUT_TICKET, _ticket_row(ticket))


def drop(execute: Execute, ticket: UUID) -> None:
    """Forget a ticket."""
    execute(sql.DROP_TICKET, (ticket.bytes,))


def _limit(execute: Execute, name: str) -> slots.Limit | None:
    row = execute(sql.LIMIT, (name,)).fetchone()
    return _limit_from(row) if row else None


def _tickets(execute: Execute) -> list[slots.Ticket]:
    return [_ticket_from(row) for row in execute(sql.TICKETS).fetchall()]


def _limit_from(row: rows.Row) -> slots.Limit:
    """Return a limit from (name, slots, active, decay, level, level_at)."""
    name, count, active, decay, level, level_at = row
    return slots.Limit(name, count, bool(active), decay, slots.fraction(level), rows.moment_or_none(level_at))


def _limit_row(limit: slots.Limit) -> rows.Row:
    """Return the row that `_limit_from` reads."""
    return (
        limit.name,
        limit.limit,
        int(limit.active),
        limit.decay,
        str(limit.level),
        rows.micros_or_none(limit.level_at),
    )


def _ticket_from(row: rows.Row) -> slots.Ticket:
    """Return a ticket from its row."""
    identity, names, occupy, rate, held, holder, holder_run_id, since, expires_at = row
    return slots.Ticket(
        UUID(bytes=identity),
        tuple(json.loads(names)),
        occupy,
        bool(rate),
        bool(held),
        holder,
        rows.uuid_or_none(holder_run_id),
        rows.moment(since),
        rows.moment(expires_at),
    )


def _ticket_row(ticket: slots.Ticket) -> rows.Row:
    """Return the row that `_ticket_from` reads."""
    return (
        ticket.ticket.bytes,
        json.dumps(ticket.names),
        ticket.occupy,
        int(ticket.rate),
        int(ticket.held),
        ticket.holder,
        rows.blob(ticket.holder_run_id),
        rows.micros(ticket.since),
        rows.micros(ticket.expires_at),
    )
