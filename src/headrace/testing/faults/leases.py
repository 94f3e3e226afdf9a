"""Concurrency slots of processes that may die: what these hold, or wait for, runs out as it would on real time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.core.limits import SlotAnswer, SlotRequest
from headrace.drive.slots import SlotBell

if TYPE_CHECKING:
    from headrace.drive.world import World
    from headrace.store.protocol import Store


class SimulatedSlots(SlotBell):
    """The slots of a simulation: leases last until they are given back, or their process dies."""

    def __init__(
        self, world: World, store: Callable[[], Store], process_of: Callable[[UUID | None], UUID | None]
    ) -> None:
        super().__init__(world)
        self._store = store
        self._process_of = process_of
        self._asked: dict[UUID, tuple[SlotRequest, UUID | None]] = {}
        self._abandoned: set[UUID] = set()

    def request(self, request: SlotRequest) -> tuple[SlotAnswer, int]:
        """Ask for slots, and remember who asked for how long."""
        if not request.rate:
            self._asked[request.ticket] = request, self._process_of(request.holder_run_id)
        return super().request(request)

    def release(self, ticket: UUID) -> None:
        """Give slots back, unless who held them is dead."""
        if ticket not in self._abandoned:
            self._asked.pop(ticket, None)
            super().release(ticket)

    def abandon(self, process: UUID) -> None:
        """Let what a dead process holds, and its places in the queues, run out: nobody renews them from now on."""
        for ticket, (request, owner) in self._asked.items():
            if owner == process and ticket not in self._abandoned:
                self._abandoned.add(ticket)
                self._store().request_slots(request, self._world.clock.now())  # asking again renews it a last time
        self.ring()
