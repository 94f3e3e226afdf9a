"""What is scheduled for the background, in an SQL database, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from headrace.store import rows
from headrace.store import statements as sql
from headrace.store.link import Execute, Link
from headrace.store.protocol import Claimed, Idle


class ClaimTables:
    """The part of a store that keeps what is scheduled. See `Store` for what its methods promise."""

    _link: Link

    def claim(self, queues: Sequence[str], claim: UUID, lease_seconds: float, now: datetime) -> Claimed | Idle:
        """Take the first run of these queues that nobody has, or whose lease has run out."""
        stamp = rows.micros(now)
        if not any(self._link.read(sql.FIRST_JOB, (queue, queue, stamp)) for queue in queues):  # it is often asked
            return Idle(_first_end([self._link.read(sql.FIRST_LEASE_END, (queue,))[0][0] for queue in queues]))
        return self._link.write(_claim, queues, claim, lease_seconds, now)

    def renew_claims(self, claims: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns the claims that still hold."""
        return self._link.write(_renew, claims, lease_seconds, now)

    def dismiss(self, claim: UUID) -> bool:
        """Forget what a claim holds."""
        return self._link.write(_dismiss, claim)


def _claim(execute: Execute, queues: Sequence[str], claim: UUID, lease_seconds: float, now: datetime) -> Claimed | Idle:
    stamp = rows.micros(now)
    while True:
        found = [execute(sql.FIRST_JOB, (queue, queue, stamp)).fetchone() for queue in queues]
        first = min((row for row in found if row), default=None)
        if first is None:
            return Idle(_first_end([execute(sql.FIRST_LEASE_END, (queue,)).fetchone()[0] for queue in queues]))
        seq, run_id, call = first
        if execute(sql.CLAIM_JOB, (claim.bytes, _end(lease_seconds, now), seq, stamp)).rowcount == 1:
            return Claimed(UUID(bytes=run_id), call)


def _renew(execute: Execute, claims: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
    stamp = _end(lease_seconds, now)
    return {claim for claim in claims if execute(sql.RENEW_CLAIM, (stamp, claim.bytes)).rowcount == 1}


def _dismiss(execute: Execute, claim: UUID) -> bool:
    return execute(sql.DISMISS_CLAIM, (claim.bytes,)).rowcount == 1


def _end(lease_seconds: float, now: datetime) -> int:
    return rows.micros(now + timedelta(seconds=lease_seconds))


def _first_end(stamps: Sequence[int | None]) -> datetime | None:
    return rows.moment_or_none(min((stamp for stamp in stamps if stamp is not None), default=None))
