"""The way to a run: the flow runs that it is part of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from headrace.core.records import FlowRun
from headrace.exceptions import ObjectNotFound
from headrace.store.protocol import Store

#: How many flow runs above a run are shown.
_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """A flow run above another run."""

    id: UUID
    name: str
    definition: str


def way_to(store: Store, flow_run_id: UUID | None) -> Sequence[Crumb]:
    """Return the flow runs from the outermost to the one with this id; those that have been deleted are missing."""
    found = list(_upwards(store, flow_run_id))
    return [Crumb(id=run.id, name=run.name, definition=run.flow_name) for run in reversed(found)]


def _upwards(store: Store, flow_run_id: UUID | None) -> Iterator[FlowRun]:
    for _ in range(_MOST):
        if flow_run_id is None:
            return
        try:
            run = store.flow_run(flow_run_id)
        except ObjectNotFound:
            return
        yield run
        flow_run_id = run.parent_flow_run_id
