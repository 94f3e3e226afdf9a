"""Finding runs and log lines for a client: its filters become one condition, which the store looks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from headrace.client.schemas import filters
from headrace.client.schemas.filters import FlowFilter, FlowRunFilter, TaskRunFilter
from headrace.client.schemas.objects import Flow
from headrace.client.schemas.sorting import order_of
from headrace.core.records import FlowRun, LogRecord, TaskRun
from headrace.store.conditions import AllOf, Condition, Not, OfFlowRun, OneOf, WithTaskRun, of_runs
from headrace.store.protocol import LogFilter, Order, RunFilter, RunKind, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which runs are wanted: all that is given must hold. In which order, and which part of them."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | RunFilter | None = None
    task_runs: TaskRunFilter | RunFilter | None = None
    sort: StrEnum | str | None = None
    limit: int | None = None
    offset: int = 0

    @property
    def part(self) -> dict[str, Any]:
        """In which order, and which part, as a store is asked for it. Raises ValueError for no such order."""
        order = Order() if self.sort is None else order_of(str(self.sort))
        return {"order": order, "limit": self.limit, "offset": self.offset}


def condition_of(kind: RunKind, query: Query) -> Condition:
    """Return what runs of this kind must meet to be those that are wanted."""
    return AllOf(tuple(_of_flow_runs(query) if kind == "flow" else _of_task_runs(query)))


def flow_runs(store: Store, query: Query) -> list[FlowRun]:
    """Return flow runs, in order of creation where no other is asked for."""
    return store.flow_runs(condition_of("flow", query), **query.part)


def task_runs(store: Store, query: Query) -> list[TaskRun]:
    """Return task runs, in order of creation where no other is asked for."""
    return store.task_runs(condition_of("task", query), **query.part)


def count_flow_runs(store: Store, query: Query) -> int:
    """Return how many flow runs fit."""
    return store.count("flow", condition_of("flow", query))


def flows(store: Store, query: Query) -> Iterator[Flow]:
    """Return the flows that have runs that fit, by their first.

    A store keeps runs, not flows: it is asked for the first run of a flow that is not known yet, over and over.
    """
    wanted = tuple(_of_flow_runs(query))
    known: frozenset[UUID] = frozenset()
    while found := store.flow_runs(AllOf((*wanted, Not(OneOf("flow_id", known)))), limit=1):
        (run,) = found
        known |= {run.flow_id}
        yield Flow(run.flow_id, run.flow_name, run.created)


def logs(
    store: Store,
    where: filters.LogFilter | LogFilter | None,
    sort: StrEnum | str | None,
    limit: int | None,
    offset: int,
) -> list[LogRecord]:
    """Return log lines, in the order in which they were written where no other is asked for."""
    newest_first = sort is not None and order_of(str(sort)).descending
    return store.logs(_of_logs(where), limit=limit, offset=offset, newest_first=newest_first)


def count_logs(store: Store, where: filters.LogFilter | LogFilter | None) -> int:
    """Return how many log lines fit."""
    return store.count_logs(_of_logs(where))


def _of_logs(where: filters.LogFilter | LogFilter | None) -> LogFilter | Condition:
    return where.condition("log") if isinstance(where, filters.LogFilter) else where or LogFilter()


def _of_flow_runs(query: Query) -> Iterator[Condition]:
    if query.flows is not None:
        yield query.flows.condition("flow")
    if query.flow_runs is not None:
        yield _condition("flow", query.flow_runs)
    if query.task_runs is not None:
        yield WithTaskRun(_condition("task", query.task_runs))


def _of_task_runs(query: Query) -> Iterator[Condition]:
    if query.flows is not None:
        yield OfFlowRun(query.flows.condition("flow"))
    if query.flow_runs is not None:
        yield OfFlowRun(_condition("flow", query.flow_runs))
    if query.task_runs is not None:
        yield _condition("task", query.task_runs)


def _condition(kind: RunKind, wanted: FlowRunFilter | TaskRunFilter | RunFilter) -> Condition:
    return of_runs(kind, wanted) if isinstance(wanted, RunFilter) else wanted.condition(kind)
