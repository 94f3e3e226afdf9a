"""What is asked of a store: which runs and log lines, in which order, and from which place on.

These are the short forms, for what is asked for most; `conditions.py` says whatever can be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from headrace.core.state_types import StateType

RunKind = Literal["flow", "task"]
#: What else is kept, and found by conditions.
ThingKind = Literal["artifact", "variable"]


class RunFilter(NamedTuple):
    """Which runs to find; what is None or empty does not restrict, and all that is given must hold.

    `name` is a substring, or a glob over the whole name where it holds ``*`` or ``?``; the case of ASCII
    letters is ignored. `flow_name` and `task_name` are the same: a task run has the flow name of its flow
    run, a flow run has no task name and so fits none. `state_names` and `state_types` are alternatives of
    one another. `after` is inclusive and `before` exclusive; both speak of `created`. `flow_run_id`
    restricts task runs to a flow run, and flow runs to its direct children. `ids` restricts to these runs.
    """

    ids: frozenset[UUID] = frozenset()
    state_types: frozenset[StateType] = frozenset()
    state_names: frozenset[str] = frozenset()
    name: str | None = None
    flow_name: str | None = None
    task_name: str | None = None
    tags: frozenset[str] = frozenset()
    flow_run_id: UUID | None = None
    after: datetime | None = None
    before: datetime | None = None


EVERY_RUN = RunFilter()

#: What runs can be sorted by.
SORTABLE = (
    *("id", "name", "created", "run_count"),
    *("expected_start_time", "start_time", "end_time", "total_run_time"),
)
#: What artifacts and variables can be sorted by.
SORTABLE_THINGS: Mapping[ThingKind, tuple[str, ...]] = {
    "artifact": ("id", "key", "created", "updated"),
    "variable": ("id", "name", "created", "updated"),
}


class Order(NamedTuple):
    """In which order to list runs: by one of the fields in `SORTABLE`, equals in order of arrival.

    What has no value comes after all that have one. `descending` turns all that around.
    """

    field: str = "created"
    descending: bool = False


def check_sortable(order: Order, thing: ThingKind | None = None) -> None:
    """Raise ValueError for a field that runs (or these things) can't be sorted by."""
    fields, called = (SORTABLE, "Runs") if thing is None else (SORTABLE_THINGS[thing], f"{thing.capitalize()}s")
    if order.field not in fields:
        raise ValueError(f"{called} can't be sorted by {order.field!r}; they can by {', '.join(fields)}.")


OLDEST = Order()
NEWEST = Order(descending=True)


class Place(NamedTuple):
    """Where a part of a listing ended: the last run on it, with the value that it was sorted by."""

    value: Any
    run_id: UUID


class LogFilter(NamedTuple):
    """Which log lines to find. `min_level` is inclusive; `text` is a substring, whatever the case.

    `flow_run_id` includes the lines of its task runs.
    """

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    min_level: int = 0
    text: str | None = None
