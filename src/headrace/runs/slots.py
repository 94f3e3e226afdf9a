"""Taking concurrency slots, and giving them back: one story for tags, names and rates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from headrace.core.limits import Granted, Impossible, SlotRequest
from headrace.effects import Cancelled, Now, ReleaseSlots, RequestSlots, WaitForSlots
from headrace.exceptions import AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError

Waiting = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Taken:
    """The slots are held. `missing` are the names that have no limit."""

    missing: tuple[str, ...]


async def take(
    request: SlotRequest,
    timeout_seconds: float | None = None,
    on_wait: Waiting | None = None,
    max_retries: int | None = None,
) -> Taken | Cancelled | Exception:
    """Take the slots, or wait for them in order of arrival.

    Answers `Taken`, `Cancelled` if the wait was ended from outside, or the exception to raise: the time ran out, the
    limit can never grant so many, or it was asked for them `max_retries` times more (None: as often as it takes).
    `on_wait` is awaited once, with the name of the limit, when it turns out that there is a wait.
    """
    retries_made = 0
    deadline = None if timeout_seconds is None else await Now() + timedelta(seconds=timeout_seconds)
    while True:
        answer, seen = await RequestSlots(request)
        if isinstance(answer, Granted):
            return Taken(answer.missing)
        if isinstance(answer, Impossible):
            await ReleaseSlots(request.ticket)
            return ConcurrencySlotAcquisitionError(_impossible(request, answer))
        now = await Now()
        if deadline is not None and now >= deadline:
            await ReleaseSlots(request.ticket)
            return AcquireConcurrencySlotTimeoutError(_too_late(request, answer.blocked_by, timeout_seconds))
        if retries_made == max_retries:
            await ReleaseSlots(request.ticket)
            return ConcurrencySlotAcquisitionError(_asked_in_vain(request, answer.blocked_by, retries_made))
        retries_made += 1
        if on_wait is not None:
            await on_wait(answer.blocked_by)
            on_wait = None
        moments = [moment for moment in (deadline, answer.retry_at) if moment is not None]
        seconds = max((min(moments) - now).total_seconds(), 0.0) if moments else None
        waiting = await WaitForSlots(answer.blocked_by, seen, seconds)
        if waiting is not None:
            await ReleaseSlots(request.ticket)
            return waiting


def _impossible(request: SlotRequest, answer: Impossible) -> str:
    if answer.reason:
        return answer.reason
    return (
        f"{request.occupy} slot(s) were asked of the concurrency limit {answer.name!r}, which has {answer.limit}: they "
        "can never be free at once. Ask for fewer, or raise the limit."
    )


def _too_late(request: SlotRequest, blocked_by: str, timeout_seconds: float | None) -> str:
    return (
        f"{request.occupy} slot(s) of the concurrency limit {blocked_by!r} did not become free within "
        f"{timeout_seconds} second(s)."
    )


def _asked_in_vain(request: SlotRequest, blocked_by: str, max_retries: int) -> str:
    return (
        f"{request.occupy} slot(s) of the concurrency limit {blocked_by!r} were not free when they were first asked "
        f"for, nor {max_retries} time(s) after (max_retries={max_retries})."
    )
