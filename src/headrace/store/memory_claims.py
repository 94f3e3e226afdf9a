"""What is scheduled for the background, in memory. What changes is made anew and put in place at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from headrace.store.protocol import Claimed, Idle


class Job(NamedTuple):
    """A scheduled run, and who has claimed it until when."""

    run_id: UUID
    queue: str
    call: bytes
    claim: UUID | None = None
    expires_at: datetime | None = None


class ClaimsInMemory:
    """The part of a store that keeps what is scheduled. See `Store` for what its methods promise."""

    _lock: threading.Lock
    _jobs: dict[UUID, Job]

    def claim(self, queues: Sequence[str], claim: UUID, lease_seconds: float, now: datetime) -> Claimed | Idle:
        """Take the first run of these queues that nobody has, or whose lease has run out."""
        with self._lock:
            self._check_open()
            here = [job for job in self._jobs.values() if job.queue in queues]
            free = next((job for job in here if job.expires_at is None or job.expires_at <= now), None)
            if free is None:
                return Idle(min((job.expires_at for job in here if job.expires_at), default=None))
            self._put(free._replace(claim=claim, expires_at=now + timedelta(seconds=lease_seconds)))
            return Claimed(free.run_id, free.call)

    def renew_claims(self, claims: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns the claims that still hold."""
        with self._lock:
            self._check_open()
            expires_at = now + timedelta(seconds=lease_seconds)
            held = [job for job in self._jobs.values() if job.claim in claims]
            for job in held:
                self._put(job._replace(expires_at=expires_at))
            return {job.claim for job in held if job.claim}

    def dismiss(self, claim: UUID) -> bool:
        """Forget what a claim holds."""
        with self._lock:
            self._check_open()
            return self._dismiss(claim)

    def _dismiss(self, claim: UUID) -> bool:
        done = [job.run_id for job in self._jobs.values() if job.claim == claim]
        self._forget(done)
        return bool(done)

    def _check_open(self) -> None:
        """Raise StoreError where the store was closed."""
        raise NotImplementedError

    def _put(self, job: Job) -> None:
        self._jobs = self._jobs | {job.run_id: job}  # a job that is known keeps its place

    def _forget(self, run_ids: Iterable[UUID]) -> None:
        gone = set(run_ids)
        self._jobs = {run_id: job for run_id, job in self._jobs.items() if run_id not in gone}
