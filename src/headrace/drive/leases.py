"""Leases of this process, kept from running out as long as it lives: so what a killed one had is given to others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.clock import SystemClock
from headrace.exceptions import StoreError

if TYPE_CHECKING:
    from headrace.drive.surroundings import Surroundings

#: Where nobody else can take over, a lease need not run out: who holds it lives in this process.
_FOR_EVER = timedelta(days=1000 * 366)
#: More than anybody lives to see: who waits for such a lease waits until it is given back.
_AGES = timedelta(days=500 * 366)

#: Extends leases by so many seconds from a moment on, and returns those that still hold.
Renew = Callable[[Sequence[UUID], float, datetime], set[UUID]]


class _Held:
    """A lease that is renewed: how long it holds, until when it does at least, and who is told if it is lost."""

    __slots__ = ("on_lost", "seconds", "until_ns")

    def __init__(self, seconds: float, now_ns: int, on_lost: Callable[[], object]) -> None:
        self.seconds = seconds
        self.on_lost = on_lost
        self.renewed(now_ns)

    def renewed(self, now_ns: int) -> None:
        self.until_ns = now_ns + int(self.seconds * 1e9)


class Leases:
    """Leases of one kind. `renew` finds the operation of the store that extends them; a thread calls it in time.

    Where one could not be renewed before it ran out, `on_lost` is called, or what `when_lost` has put in its place.
    """

    def __init__(self, world: Surroundings, renew: Callable[[], Renew], on_lost: Callable[[], object]) -> None:
        self._world, self._renew, self._on_lost = world, renew, on_lost
        self._lock = threading.Lock()
        self._held: dict[UUID, _Held] = {}
        self._all_let_go = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def run_out(self) -> bool:
        """Say whether anybody else could take over what is held here."""
        return self._world.store_is_shared and isinstance(self._world.clock, SystemClock)

    def length(self, seconds: float) -> float:
        """Return for how long to take a lease that is to hold for so long without being renewed."""
        return seconds if self.run_out else _FOR_EVER.total_seconds()

    def end(self, moment: datetime | None, now: datetime) -> datetime | None:
        """Return the moment at which a lease runs out that somebody waits for; None where it never does."""
        return None if moment is None or moment - now > _AGES else moment

    def keep(self, lease: UUID, seconds: float) -> None:
        """Renew a lease from now on."""
        if not self.run_out:
            return
        with self._lock:
            self._held[lease] = _Held(seconds, self._world.clock.monotonic_ns(), self._on_lost)
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep_all, name="headrace-leases", daemon=True)
                self._keeper.start()

    def let_go(self, lease: UUID) -> None:
        """Renew a lease no longer."""
        self._held.pop(lease, None)
        if not self._held:
            self._all_let_go.set()

    def when_lost(self, lease: UUID, tell: Callable[[], object]) -> None:
        """Call back, from another thread, when a lease could not be renewed."""
        held = self._held.get(lease)
        if held is not None:
            held.on_lost = tell

    def renew(self) -> None:
        """Renew all leases once, and tell of those that are lost."""
        for lease, held in list(self._held.items()):
            if not self._is_kept(lease, held) and self._held.pop(lease, None) is not None:
                held.on_lost()

    def _holds_any(self) -> bool:
        with self._lock:
            if not self._held:
                self._keeper = None  # under the lock: who takes a lease from here on begins another
            return bool(self._held)

    def _keep_all(self) -> None:
        while self._holds_any():
            shortest = min([held.seconds for held in list(self._held.values())], default=30.0)
            if self._all_let_go.wait(shortest / 3):
                self._all_let_go.clear()
                continue
            self.renew()

    def _is_kept(self, lease: UUID, held: _Held) -> bool:
        clock = self._world.clock
        now_ns = clock.monotonic_ns()
        try:
            kept = self._renew()([lease], held.seconds, clock.now())
        except StoreError:
            return now_ns < held.until_ns  # it is tried again before the lease has run out
        held.renewed(now_ns)
        return lease in kept
