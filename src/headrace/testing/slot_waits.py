"""Who waited for concurrency slots, and for how long: states tell it of tags, and not of code that asks for slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headrace.core.limits import Granted, Queued, SlotAnswer, SlotRequest

#: How many are remembered at most.
MOST = 10_000


@dataclass(slots=True)
class SlotWait:
    """One wait for slots of some limits. `until` is None while it lasts; `granted` says whether it got them."""

    run_id: UUID | None
    holder: str
    names: tuple[str, ...]
    since: datetime
    until: datetime | None = None
    granted: bool = False


class SlotWaits(list[SlotWait]):
    """All of one world, those that did not have to wait left out."""

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[UUID, SlotWait] = {}

    def answered(self, request: SlotRequest, answer: SlotAnswer, now: datetime) -> None:
        """Hear of an answer to a request, which may be asked again and again."""
        if isinstance(answer, Queued) and request.ticket not in self._open and len(self) < MOST:
            wait = self._open[request.ticket] = SlotWait(request.holder_run_id, request.holder, request.names, now)
            self.append(wait)
        elif isinstance(answer, Granted):
            self._end(request.ticket, now, granted=True)

    def released(self, ticket: UUID, now: datetime) -> None:
        """Hear that somebody gives up its place, or slots that it has got."""
        self._end(ticket, now, granted=False)

    def _end(self, ticket: UUID, now: datetime, *, granted: bool) -> None:
        wait = self._open.pop(ticket, None)
        if wait is not None:
            wait.until, wait.granted = now, granted
