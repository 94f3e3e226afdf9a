"""Concurrency slots in this process: who holds them, so that leases are renewed, and who waits, so that it is woken."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.core.limits import Granted, Queued, SlotAnswer, SlotRequest
from headrace.drive.bells import Bell
from headrace.drive.leases import Leases

if TYPE_CHECKING:
    from headrace.drive.surroundings import Surroundings


class SlotBell:
    """Wake who waits for slots at once when some are given back in this process, and keep leases from running out."""

    #: How often, in seconds, a store that other processes use is asked again.
    POLL_SECONDS = 0.1

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._bell = Bell()
        self._leases = Leases(world, lambda: world.store.renew_slots, _warn_of_loss)
        #: Limits that do not exist, and were asked for outside of runs: they have been warned about.
        self.warned: frozenset[str] = frozenset()

    def request(self, request: SlotRequest) -> tuple[SlotAnswer, int]:
        """Ask for slots; answer also how often waiters had been woken before."""
        seen = self._bell.rings
        store, clock = self._world.store, self._world.clock
        request = request._replace(lease_seconds=self._leases.length(request.lease_seconds))
        now = clock.now()
        answer = store.request_slots(request, now)
        if isinstance(answer, Queued):
            answer = answer._replace(retry_at=self._leases.end(answer.retry_at, now))
        if isinstance(answer, Granted):
            if not request.rate:
                self._leases.keep(request.ticket, request.lease_seconds)
            self.ring()  # who stood behind this request may be the first of another queue now
        return answer, seen

    def release(self, ticket: UUID) -> None:
        """Give slots back, and wake everybody who waits; the store knows whose turn it is."""
        self._leases.let_go(ticket)
        self._world.store.release_slots(ticket, self._world.clock.now())
        self.ring()

    @property
    def rings(self) -> int:
        """How often waiters have been woken so far."""
        return self._bell.rings

    def ring(self) -> None:
        """Wake everybody who waits, to ask again."""
        self._bell.ring()

    def when_released(self, seen: int, wake: Callable[[], object]) -> None:
        """Call back when waiters are woken after the `seen`-th time."""
        self._bell.when_rung(seen, wake)

    def awaited(self, limit: str) -> str:
        """Say what somebody waits for who waits for slots of this limit, and who holds them."""
        leases = self._world.store.leases(limit, self._world.clock.now())
        holders = [lease.holder for lease in leases if not lease.waiting]
        return f"a slot of {limit.removeprefix('tag:')!r}, held by {', '.join(holders) or 'nobody'}"

    def patience(self, seconds: float | None) -> float | None:
        """Return how long to wait at most before asking again."""
        if not self._world.store_is_shared:
            return seconds
        return self.POLL_SECONDS if seconds is None else min(seconds, self.POLL_SECONDS)

    def when_lost(self, ticket: UUID, tell: Callable[[], object]) -> None:
        """Call back, from another thread, when a lease could not be renewed; without this there is a warning."""
        self._leases.when_lost(ticket, tell)

    def renew(self) -> None:
        """Renew all leases once, and tell of those that are lost."""
        self._leases.renew()


def _warn_of_loss() -> None:
    getLogger("headrace.concurrency").warning(
        "A lease of concurrency slots could not be renewed in time: what holds them goes on, and others may have them."
    )
