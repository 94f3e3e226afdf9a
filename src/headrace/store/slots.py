"""Who gets slots, and when: the arithmetic of concurrency limits, the same for every back end.

Two things occupy a limit. *Leases* hold whole slots until they are released or expire. *Rates* add to a
level that falls by `decay` slots a second, and are never released. A request is granted when, on each of
its limits, level and leases leave room for it, and no ticket that came earlier still waits there.

Levels are fractions, not floats: ten takings of 0.1 make exactly 1, so a request that is told to come back
at a moment finds its slots there at that moment, to the microsecond. A decay is taken as the decimal number
that was written (0.1 is one tenth), which keeps the denominators small.

A back end loads the limits that a request names and the tickets that live, asks `answer`, and writes what
it says, all in one transaction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.store.protocol import (
    ConcurrencyLimit,
    Granted,
    Impossible,
    Lease,
    Queued,
    SlotAnswer,
    SlotRequest,
)

if TYPE_CHECKING:
    from fractions import Fraction

_MICROSECOND = timedelta(microseconds=1)


def fraction(*given: Any) -> Fraction:
    """Return an exact number."""
    from fractions import Fraction  # takes milliseconds, and few runs take slots of a rate

    return Fraction(*given)


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it is kept: `level` is what rates had taken at `level_at`."""

    name: str
    limit: int
    active: bool
    decay: float
    level: Fraction | int = 0
    level_at: datetime | None = None

    def level_now(self, now: datetime) -> Fraction | int:
        """Return what is left of the level at `now`; a moment before `level_at` counts as `level_at`."""
        if not self.level or self.level_at is None:
            return 0
        passed = fraction((now - self.level_at) // _MICROSECOND, 1_000_000)
        left = self.level - self._decay * passed if passed > 0 else self.level
        return left if left > 0 else 0

    def taken_by_rate(self, occupy: int, now: datetime) -> Limit:
        """Return this limit after a rate of `occupy` was granted."""
        at = now if self.level_at is None else max(now, self.level_at)
        return replace(self, level=self.level_now(now) + occupy, level_at=at)

    def falls_to(self, level: Fraction | int, target: int, now: datetime) -> datetime | None:
        """Return when `level`, as of `now`, will have fallen to `target`; None if not within a lifetime."""
        if level <= target:
            return now
        if target < 0 or not self.decay:
            return None
        try:
            return now + timedelta(microseconds=math.ceil((level - target) / self._decay * 1_000_000))
        except OverflowError:
            return None

    @property
    def _decay(self) -> Fraction:
        return fraction(str(self.decay))


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that holds slots of the limits `names` or waits for them, as it is kept."""

    ticket: UUID
    names: tuple[str, ...]
    occupy: int
    rate: bool
    held: bool
    holder: str
    holder_run_id: UUID | None
    since: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to answer, and what to write: the ticket as it now is (None: forget it), and changed limits."""

    answer: SlotAnswer
    ticket: Ticket | None
    limits: tuple[Limit, ...] = ()


def put(wish: ConcurrencyLimit, before: Limit | None) -> Limit:
    """Return the limit to keep when `wish` replaces `before`. Raises ValueError for senseless numbers.

    The level stays, and from its last change on falls with the new decay; without decay nothing would ever
    bring it down, so it is dropped.
    """
    if wish.limit < 0:
        raise ValueError(f"The limit {wish.name!r} can't have {wish.limit} slots; give 0 or more.")
    if not 0 <= wish.slot_decay_per_second < math.inf:
        raise ValueError(
            f"The limit {wish.name!r} can't decay by {wish.slot_decay_per_second} slots a second; "
            "give 0 (slots are released) or a finite number above it."
        )
    after = Limit(wish.name, wish.limit, wish.active, float(wish.slot_decay_per_second))
    if before is None or not after.decay:
        return after
    return replace(after, level=before.level, level_at=before.level_at)


def check(request: SlotRequest) -> None:
    """Raise ValueError for a request that asks for less than one slot."""
    if request.occupy < 1:
        raise ValueError(f"A request can't occupy {request.occupy} slots of {request.names}; ask for 1 or more.")


def answer(request: SlotRequest, limits: Mapping[str, Limit], tickets: Sequence[Ticket], now: datetime) -> Outcome:
    """Decide on a request. `tickets` are all that live at `now`, in order of arrival."""
    names = tuple(dict.fromkeys(request.names))
    missing = tuple(name for name in names if name not in limits)
    mine = next((ticket for ticket in tickets if ticket.ticket == request.ticket), None)
    expires_at = now + timedelta(seconds=request.lease_seconds)
    if mine is not None and mine.held:
        return Outcome(Granted(missing), replace(mine, expires_at=expires_at))
    asked = [limits[name] for name in names if name in limits and limits[name].active]
    if never := _never(request, asked, missing):
        return Outcome(never, None)
    rivals = _rivals(mine, tickets)
    kept = _keep(request, asked, mine, now, expires_at)
    blocked = next((limit.name for limit in asked if _is_short(limit, request.occupy, rivals, now)), None)
    if blocked is not None:
        return Outcome(Queued(blocked, _retry_at(request.occupy, asked, rivals, now), missing), kept)
    if request.rate:
        return Outcome(Granted(missing), None, tuple(limit.taken_by_rate(request.occupy, now) for limit in asked))
    return Outcome(Granted(missing), replace(kept, held=True, since=now))


def alive(tickets: Iterable[Ticket], now: datetime) -> list[Ticket]:
    """Return the tickets that have not expired."""
    return [ticket for ticket in tickets if ticket.expires_at > now]


def without(ticket: Ticket, name: str) -> Ticket | None:
    """Return the ticket after the limit `name` was deleted; None where it stands for nothing any more."""
    if name not in ticket.names:
        return ticket
    names = tuple(other for other in ticket.names if other != name)
    return replace(ticket, names=names) if names else None


def seen(limit: Limit, tickets: Iterable[Ticket], now: datetime) -> ConcurrencyLimit:
    """Return a limit as it stands at `now`."""
    leased = sum(t.occupy for t in alive(tickets, now) if t.held and limit.name in t.names)
    return ConcurrencyLimit(
        name=limit.name,
        limit=limit.limit,
        active=limit.active,
        slot_decay_per_second=limit.decay,
        active_slots=float(limit.level_now(now) + leased),
    )


def leases(name: str, tickets: Iterable[Ticket], now: datetime) -> list[Lease]:
    """Return who holds slots of a limit and who waits, holders first, each in the order of `tickets`."""
    here = [ticket for ticket in alive(tickets, now) if name in ticket.names]
    return [_lease(name, t) for t in here if t.held] + [_lease(name, t) for t in here if not t.held]


def _lease(name: str, t: Ticket) -> Lease:
    return Lease(t.ticket, name, t.occupy, t.holder, t.holder_run_id, t.since, t.expires_at, waiting=not t.held)


def _never(request: SlotRequest, asked: Iterable[Limit], missing: tuple[str, ...]) -> Impossible | None:
    for limit in asked:
        if request.occupy > limit.limit:
            reason = f"{request.occupy} slots are asked for, and {limit.name!r} has {limit.limit}"
            return Impossible(limit.name, limit.limit, reason, missing)
        if request.rate and not limit.decay:
            reason = f"{limit.name!r} has no slot_decay_per_second, so a rate would never come back"
            return Impossible(limit.name, limit.limit, reason, missing)
    return None


def _rivals(mine: Ticket | None, tickets: Sequence[Ticket]) -> list[Ticket]:
    """Return those who count before `mine`: all holders, and the waiting ones that came earlier."""
    place = len(tickets) if mine is None else tickets.index(mine)
    return [ticket for at, ticket in enumerate(tickets) if ticket.held or at < place]


def _keep(
    request: SlotRequest, asked: Iterable[Limit], mine: Ticket | None, now: datetime, expires_at: datetime
) -> Ticket:
    return Ticket(
        ticket=request.ticket,
        names=tuple(limit.name for limit in asked),
        occupy=request.occupy,
        rate=request.rate,
        held=False,
        holder=request.holder,
        holder_run_id=request.holder_run_id,
        since=now if mine is None else mine.since,
        expires_at=expires_at,
    )


def _is_short(limit: Limit, occupy: int, rivals: Iterable[Ticket], now: datetime) -> bool:
    here = [ticket for ticket in rivals if limit.name in ticket.names]
    if any(not ticket.held for ticket in here):
        return True
    return limit.level_now(now) + sum(ticket.occupy for ticket in here) + occupy > limit.limit


def _retry_at(occupy: int, asked: Sequence[Limit], rivals: Sequence[Ticket], now: datetime) -> datetime | None:
    """Return when all limits will have room, if nobody releases and those ahead take theirs.

    Where there is room already, those ahead have only to ask: then it is when the first of them loses its
    place.
    """
    moments = [_room_at(limit, occupy, [t for t in rivals if limit.name in t.names], now) for limit in asked]
    if None in moments:
        return None
    room_at = max(moment for moment in moments if moment is not None)
    if room_at > now:
        return room_at
    names = {limit.name for limit in asked}
    return min(ticket.expires_at for ticket in rivals if not ticket.held and names.intersection(ticket.names))


def _room_at(limit: Limit, occupy: int, rivals: Sequence[Ticket], now: datetime) -> datetime | None:
    """Return when `limit` will have room, with leases ending by expiry and the level falling."""
    level = limit.level_now(now) + sum(ticket.occupy for ticket in rivals if ticket.rate)
    leased = sorted((ticket for ticket in rivals if not ticket.rate), key=lambda ticket: ticket.expires_at)
    spare = limit.limit - occupy - sum(ticket.occupy for ticket in leased)
    best = limit.falls_to(level, spare, now)
    for lease in leased:
        if best is not None and best <= lease.expires_at:
            break
        spare += lease.occupy
        moment = limit.falls_to(level, spare, now)
        if moment is not None:
            moment = max(moment, lease.expires_at)
            best = moment if best is None else min(best, moment)
    return best
