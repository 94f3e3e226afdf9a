"""Finding runs and log lines for a client: what the store can look for, it does; the rest is done here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from headrace.client.schemas import filters
from headrace.client.schemas.filters import FlowFilter, FlowRunFilter, TaskRunFilter
from headrace.client.schemas.sorting import in_order
from headrace.core.records import FlowRun, LogRecord, TaskRun
from headrace.store.protocol import EVERY_RUN, LogFilter, RunFilter, Store

T = TypeVar("T")


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
    def everything(self) -> Query:
        """The same, without an order, and all of them."""
        return replace(self, sort=None, limit=None, offset=0)


def flow_runs(store: Store, query: Query) -> list[FlowRun]:
    """Return flow runs, in order of creation where no other is asked for."""
    found: Iterable[FlowRun] = store.flow_runs(_known(query.flow_runs))
    found = _that(found, query.flow_runs, query.flows)
    if query.task_runs is not None:
        theirs = {run.flow_run_id for run in task_runs(store, Query(task_runs=query.task_runs))}
        found = (run for run in found if run.id in theirs)
    return _part(in_order(found, query.sort), query)


def task_runs(store: Store, query: Query) -> list[TaskRun]:
    """Return task runs, in order of creation where no other is asked for."""
    if query.flows is None and query.flow_runs is None:
        found: Iterable[TaskRun] = store.task_runs(_known(query.task_runs))
    else:
        of = flow_runs(store, replace(query.everything, task_runs=None))
        found = _of(store, query, [run.id for run in of])
    return _part(in_order(_that(found, query.task_runs), query.sort), query)


def _of(store: Store, query: Query, flow_run_ids: Sequence[UUID]) -> Iterable[TaskRun]:
    where = _known(query.task_runs)
    if len(flow_run_ids) == 1:
        return store.task_runs(where._replace(flow_run_id=flow_run_ids[0]))
    among = frozenset(flow_run_ids)
    return (run for run in store.task_runs(where) if run.flow_run_id in among)


def logs(
    store: Store,
    where: filters.LogFilter | LogFilter | None,
    sort: StrEnum | str | None,
    limit: int | None,
    offset: int,
) -> list[LogRecord]:
    """Return log lines, in the order in which they were written where no other is asked for."""
    found = store.logs(where if isinstance(where, LogFilter) else LogFilter())
    if isinstance(where, filters.LogFilter):
        found = [line for line in found if where.accepts(line)]
    return _part(in_order(found, sort), Query(limit=limit, offset=offset))


def _known(wanted: FlowRunFilter | TaskRunFilter | RunFilter | None) -> RunFilter:
    """Return what the store can look for of a filter."""
    if isinstance(wanted, RunFilter):
        return wanted
    return RunFilter(ids=wanted.ids()) if wanted is not None else EVERY_RUN


def _that(found: Iterable[T], *wanted: FlowRunFilter | TaskRunFilter | FlowFilter | RunFilter | None) -> Iterable[T]:
    checks: list[Callable[[T], bool]] = [
        one.accepts for one in wanted if one is not None and not isinstance(one, RunFilter)
    ]
    return [run for run in found if all(accepts(run) for accepts in checks)]


def _part(found: list[T], query: Query) -> list[T]:
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]
