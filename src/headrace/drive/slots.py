"""Concurrency slots in this process: who holds them, so that leases are renewed, and who waits, so that it is woken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from logging import getLogger
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.clock import SystemClock
from headrace.core.limits import Granted, Queued, SlotAnswer, SlotRequest
from headrace.exceptions import StoreError

if TYPE_CHECKING:
    from headrace.drive.surroundings import Surroundings

#: Where nobody else can take over slots, a lease need not run out: who holds it lives in this process.
_FOR_EVER = timedelta(days=1000 * 366)
#: More than anybody lives to see: who waits for such a lease waits until it is given back.
_AGES = timedelta(days=500 * 366)


class _Held:
    """A lease that is renewed: how long it holds, until when it does at least, and who is told if it is lost."""

    __slots__ = ("on_lost", "seconds", "until_ns")

    def __init__(self, seconds: float, now_ns: int) -> None:
        self.seconds = seconds
        self.on_lost: Callable[[], object] = _warn_of_loss
        self.renewed(now_ns)

    def renewed(self, now_ns: int) -> None:
        self.until_ns = now_ns + int(self.seconds * 1e9)


def _warn_of_loss() -> None:
    getLogger("headrace.concurrency").warning(
        "A lease of concurrency slots could not be renewed in time: what holds them goes on, and others may have them."
    )


class SlotBell:
    """Wake who waits for slots at once when some are given back in this process, and keep leases from running out."""

    #: How often, in seconds, a store that other processes use is asked again.
    POLL_SECONDS = 0.1

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._rings = 0
        self._waiting: list[Callable[[], object]] = []
        self._held: dict[UUID, _Held] = {}
        #: Limits that do not exist, and were asked for outside of runs: they have been warned about.
        self.warned: frozenset[str] = frozenset()
        self._all_released = threading.Event()
        self._keeper: threading.Thread | None = None

    def request(self, request: SlotRequest) -> tuple[SlotAnswer, int]:
        """Ask for slots; answer also how often waiters had been woken before."""
        seen = self._rings
        store, clock = self._world.store, self._world.clock
        if not self._leases_run_out:
            request = request._replace(lease_seconds=_FOR_EVER.total_seconds())
        now = clock.now()
        answer = store.request_slots(request, now)
        if isinstance(answer, Queued) and answer.retry_at is not None and answer.retry_at - now > _AGES:
            answer = answer._replace(retry_at=None)
        if isinstance(answer, Granted):
            if not request.rate and self._leases_run_out:
                self._keep(request.ticket, request.lease_seconds)
            self.ring()  # who stood behind this request may be the first of another queue now
        return answer, seen

    def release(self, ticket: UUID) -> None:
        """Give slots back, and wake everybody who waits; the store knows whose turn it is."""
        self._held.pop(ticket, None)
        if not self._held:
            self._all_released.set()
        self._world.store.release_slots(ticket, self._world.clock.now())
        self.ring()

    def ring(self) -> None:
        """Wake everybody who waits, to ask again."""
        with self._lock:
            self._rings += 1
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def when_released(self, seen: int, wake: Callable[[], object]) -> None:
        """Call back when waiters are woken after the `seen`-th time."""
        with self._lock:
            if self._rings == seen:
                self._waiting.append(wake)
                return
        wake()

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

    @property
    def _leases_run_out(self) -> bool:
        return self._world.store_is_shared and isinstance(self._world.clock, SystemClock)

    def _keep(self, ticket: UUID, lease_seconds: float) -> None:
        with self._lock:
            self._held[ticket] = _Held(lease_seconds, self._world.clock.monotonic_ns())
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._renew, name="headrace-leases", daemon=True)
                self._keeper.start()

    def _holds_any(self) -> bool:
        with self._lock:
            if not self._held:
                self._keeper = None  # under the lock: who takes slots from here on begins another
            return bool(self._held)

    def when_lost(self, ticket: UUID, tell: Callable[[], object]) -> None:
        """Call back, from another thread, when a lease could not be renewed; without this there is a warning."""
        held = self._held.get(ticket)
        if held is not None:
            held.on_lost = tell

    def _renew(self) -> None:
        while self._holds_any():
            shortest = min([held.seconds for held in list(self._held.values())], default=30.0)
            if self._all_released.wait(shortest / 3):
                self._all_released.clear()
                continue
            self.renew()

    def renew(self) -> None:
        """Renew all leases once, and tell of those that are lost."""
        for ticket, held in list(self._held.items()):
            if not self._is_kept(ticket, held) and self._held.pop(ticket, None) is not None:
                held.on_lost()

    def _is_kept(self, ticket: UUID, held: _Held) -> bool:
        clock = self._world.clock
        now_ns = clock.monotonic_ns()
        try:
            kept = self._world.store.renew_slots([ticket], held.seconds, clock.now())
        except StoreError:
            return now_ns < held.until_ns  # it is tried again before the lease has run out
        held.renewed(now_ns)
        return ticket in kept
