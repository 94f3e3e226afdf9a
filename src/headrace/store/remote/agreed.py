"""What processes have to agree on: who runs what is scheduled, and who has slots of a limit. The server says so.

While it does not answer there is nothing to claim; who asks for slots waits, unless it is for tags that are not known
to have a limit; and what is given back is given back later. Leases that can't be renewed run out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.core.limits import Granted, Queued, SlotAnswer, SlotRequest
from headrace.exceptions import StoreOutOfReach
from headrace.store import lines
from headrace.store.later import Later
from headrace.store.protocol import Claimed, ConcurrencyLimit, Idle, Lease
from headrace.store.remote.limits import KnownLimits

if TYPE_CHECKING:
    from headrace.store import slots
else:
    slots = Later("headrace.store.slots")

#: When to ask again, in seconds, where the server does not answer.
_ASK_AGAIN = timedelta(seconds=1)
#: For how long to believe that a tag has no limit, in seconds: tasks with tags ask at each of their runs.
_BELIEVED = 1.0


class Agreed:
    """The part of a store that processes agree by. See `Store` for what its methods promise."""

    _limits: KnownLimits

    def _ask(self, question: str, *args: Any, **options: Any) -> Any:
        """Ask the server, when it knows all that was recorded here so far."""
        raise NotImplementedError

    def _ask_at_once(self, question: str, *args: Any, **options: Any) -> Any:
        """Ask the server."""
        raise NotImplementedError

    def _append(self, line: str) -> None:
        """Tell the server later."""
        raise NotImplementedError

    # what is scheduled ---------------------------------------------------------------------------------------------

    def claim(self, queues: Sequence[str], claim: UUID, lease_seconds: float, now: datetime) -> Claimed | Idle:
        """Take the first run of these queues that nobody has; there is none while the server does not answer."""
        try:
            answer: Claimed | Idle = self._ask("claim", list(queues), claim, lease_seconds, now)
        except StoreOutOfReach:
            return Idle(now + _ASK_AGAIN)
        return answer

    def renew_claims(self, claims: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns what still holds."""
        held: set[UUID] = self._ask_at_once("renew_claims", list(claims), lease_seconds, now)
        return held

    def dismiss(self, claim: UUID) -> bool:
        """Forget what a claim holds: later, and as if it held something, where the server does not answer."""
        try:
            was_held: bool = self._ask("dismiss", claim)
        except StoreOutOfReach:
            self._append(lines.dismissed(claim))
            return True
        return was_held

    # concurrency limits --------------------------------------------------------------------------------------------

    def put_limit(self, limit: ConcurrencyLimit) -> None:
        """Create or replace a limit by name."""
        self._ask_at_once("put_limit", limit)
        self._limits.learn([limit.name], [])

    def delete_limit(self, name: str) -> bool:
        """Remove a limit with its leases."""
        was_there: bool = self._ask_at_once("delete_limit", name)
        return was_there

    def limit(self, name: str, now: datetime) -> ConcurrencyLimit | None:
        """Return one limit as it stands at `now`."""
        found: ConcurrencyLimit | None = self._ask_at_once("limit", name, now)
        return found

    def limits(self, now: datetime) -> list[ConcurrencyLimit]:
        """Return all limits, by name, as they stand at `now`."""
        found: list[ConcurrencyLimit] = self._ask_at_once("limits", now)
        return found

    def request_slots(self, request: SlotRequest, now: datetime) -> SlotAnswer:
        """Take slots, or a place in the queue; while the server does not answer, wait for it."""
        slots.check(request)
        if self._limits.are_missing(request.names, _BELIEVED):
            answer: SlotAnswer = Granted(request.names)
        else:
            try:
                answer = self._ask_at_once("request_slots", request, now)
            except StoreOutOfReach:
                limited = self._limits.wanted(request.names)
                if limited:
                    return Queued(limited[0], now + _ASK_AGAIN)
                answer = Granted(request.names)
            else:
                self._limits.learn(request.names, answer.missing)
        if isinstance(answer, Granted) and answer.missing == request.names:
            self._limits.holding_nothing.add(request.ticket)
        return answer

    def renew_slots(self, tickets: Sequence[UUID], lease_seconds: float, now: datetime) -> set[UUID]:
        """Extend leases. Returns the tickets that still hold."""
        held: set[UUID] = self._ask_at_once("renew_slots", list(tickets), lease_seconds, now)
        return held

    def release_slots(self, ticket: UUID, now: datetime) -> None:
        """Give back what a ticket holds, or its place; later, where the server does not answer."""
        if ticket in self._limits.holding_nothing:
            self._limits.holding_nothing.discard(ticket)
            return
        try:
            self._ask_at_once("release_slots", ticket, now)
        except StoreOutOfReach:
            self._append(lines.released(ticket))

    def leases(self, name: str, now: datetime) -> list[Lease]:
        """Return who holds slots of a limit and who waits for them."""
        found: list[Lease] = self._ask_at_once("leases", name, now)
        return found
