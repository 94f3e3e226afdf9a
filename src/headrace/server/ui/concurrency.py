"""Concurrency limits, who holds slots of them, and who waits: `/concurrency`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from fastapi import Response

from headrace.drive.world import World
from headrace.server.api.finding import Served
from headrace.server.ui.page import Format, Page, respond
from headrace.server.ui.rendering import URLS
from headrace.server.ui.route import pages
from headrace.store.protocol import ConcurrencyLimit, Lease, RunFilter, RunKind

router = pages()

#: How many limits are shown with their leases, and how many leases of each.
MOST, MOST_LEASES = 100, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseRow:
    """Who holds, or waits for, slots. `kind` is that of its run, None where no run of the store does."""

    holder: str
    run_id: UUID | None
    kind: RunKind | None
    occupy: int
    since: datetime
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """A limit as it stands. `left_out` is how many of those that hold or wait are not among `leases`."""

    name: str
    limit: int
    active: bool
    slot_decay_per_second: float
    active_slots: float
    leases: Sequence[LeaseRow]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyPage(Page):
    """The limits, by name."""

    template: ClassVar[str] = "concurrency"
    section: ClassVar[str] = "concurrency"

    limits: Sequence[LimitRow]
    left_out: int

    def feed(self) -> str | None:
        """Return where any state of any run is told."""
        return URLS.feed()


@router.get("/concurrency")
def concurrency(world: Served, format: Format = "html") -> Response:  # noqa: A002 - the address's own word
    """Show the concurrency limits."""
    return respond(world, concurrency_page(world), format)


def concurrency_page(world: World) -> ConcurrencyPage:
    """Return what the page of limits tells."""
    now = world.clock.now()
    found = world.store.limits(now)
    leases = {limit.name: world.store.leases(limit.name, now) for limit in found[:MOST]}
    kinds = _kinds(world, [lease for some in leases.values() for lease in some[:MOST_LEASES]])
    return ConcurrencyPage(
        title="Concurrency",
        now=now,
        live=any(leases.values()),
        limits=[_row(limit, leases[limit.name], kinds) for limit in found[:MOST]],
        left_out=max(len(found) - MOST, 0),
    )


def _kinds(world: World, leases: Sequence[Lease]) -> dict[UUID, RunKind]:
    ids = frozenset(lease.holder_run_id for lease in leases if lease.holder_run_id is not None)
    if not ids:
        return {}
    where, found = RunFilter(ids=ids), dict[UUID, RunKind]()
    found.update((run.id, "flow") for run in world.store.flow_runs(where))
    found.update((run.id, "task") for run in world.store.task_runs(where))
    return found


def _row(limit: ConcurrencyLimit, leases: Sequence[Lease], kinds: dict[UUID, RunKind]) -> LimitRow:
    return LimitRow(
        name=limit.name,
        limit=limit.limit,
        active=limit.active,
        slot_decay_per_second=limit.slot_decay_per_second,
        active_slots=limit.active_slots,
        leases=[_lease(lease, kinds) for lease in leases[:MOST_LEASES]],
        left_out=max(len(leases) - MOST_LEASES, 0),
    )


def _lease(lease: Lease, kinds: dict[UUID, RunKind]) -> LeaseRow:
    return LeaseRow(
        holder=lease.holder,
        run_id=lease.holder_run_id,
        kind=kinds.get(lease.holder_run_id) if lease.holder_run_id is not None else None,
        occupy=lease.occupy,
        since=lease.since,
        waiting=lease.waiting,
    )
