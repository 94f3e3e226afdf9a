"""Concurrency slots in this process: who holds them, so that leases are renewed, and who waits, so that it is woken."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.clock import SystemClock
from headrace.core.limits import Granted, SlotAnswer, SlotRequest
from headrace.exceptions import StoreError

if TYPE_CHECKING:
    from headrace.drive.world import World

#: Where nobody else can take over slots, a lease need not run out: who holds it lives in this process.
_FOR_EVER = timedelta(days=3650).total_seconds()


class SlotBell:
    """Wake who waits for slots at once when some are given back in this process, and keep leases from running out."""

    #: How often, in seconds, a store that other processes use is asked again.
    POLL_SECONDS = 0.1

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._rings = 0
        self._waiting: list[Callable[[], object]] = []
        self._held: dict[UUID, float] = {}
        self._all_released = threading.Event()
        self._keeper: threading.Thread | None = None

    def request(self, request: SlotRequest) -> tuple[SlotAnswer, int]:
        """Ask for slots; answer also how often waiters had been woken before."""
        seen = self._rings
        store, clock = self._world.store, self._world.clock
        if not self._leases_run_out:
            request = dataclasses.replace(request, lease_seconds=_FOR_EVER)
        answer = store.request_slots(request, clock.now())
        if isinstance(answer, Granted):
            if not request.rate and self._leases_run_out:
                self._keep(request.ticket, request.lease_seconds)
            self._ring()  # who stood behind this request may be the first of another queue now
        return answer, seen

    def release(self, ticket: UUID) -> None:
        """Give slots back, and wake everybody who waits; the store knows whose turn it is."""
        self._held.pop(ticket, None)
        if not self._held:
            self._all_released.set()
        self._world.store.release_slots(ticket, self._world.clock.now())
        self._ring()

    def _ring(self) -> None:
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

    def patience(self, seconds: float | None) -> float | None:
        """Return how long to wait at most before asking again."""
        if not self._world.store.shared:
            return seconds
        return self.POLL_SECONDS if seconds is None else min(seconds, self.POLL_SECONDS)

    @property
    def _leases_run_out(self) -> bool:
        return self._world.store.shared and isinstance(self._world.clock, SystemClock)

    def _keep(self, ticket: UUID, lease_seconds: float) -> None:
        with self._lock:
            self._held[ticket] = lease_seconds
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._renew, name="headrace-leases", daemon=True)
                self._keeper.start()

    def _holds_any(self) -> bool:
        with self._lock:
            if not self._held:
                self._keeper = None  # under the lock: who takes slots from here on begins another
            return bool(self._held)

    def _renew(self) -> None:
        while self._holds_any():
            shortest = min(list(self._held.values()), default=30.0)
            if self._all_released.wait(shortest / 3):
                self._all_released.clear()
                continue
            for ticket, seconds in list(self._held.items()):
                with suppress(StoreError):  # it is tried again before the lease has run out
                    self._world.store.renew_slots([ticket], seconds, self._world.clock.now())
