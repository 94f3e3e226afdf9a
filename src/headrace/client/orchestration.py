"""Clients of the run store: one for async code, one for sync code, over one reader.

This version has no server: a client looks into the store of the world that its code is in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, overload
from uuid import UUID

from headrace.client.reading import TAG_PREFIX, Reader
from headrace.client.schemas import filters
from headrace.client.schemas.actions import GlobalConcurrencyLimitCreate
from headrace.client.schemas.filters import FlowFilter, FlowRunFilter, TaskRunFilter
from headrace.client.schemas.objects import Flow
from headrace.client.schemas.sorting import FlowRunSort, LogSort, TaskRunSort
from headrace.client.searching import Query
from headrace.core.records import FlowRun, LogRecord, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.store.protocol import ConcurrencyLimit, LogFilter, RunFilter

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["HeadraceClient", "SyncHeadraceClient", "get_client"]


class SyncHeadraceClient:
    """Read runs and change limits, in sync code. Usable as a context manager, and without."""

    def __init__(self) -> None:
        self._reader = Reader()

    def __enter__(self) -> SyncHeadraceClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def read_flow_run(self, flow_run_id: UUID | str) -> FlowRun:
        """Return one flow run. Raises ObjectNotFound."""
        return self._reader.flow_run(flow_run_id)

    def read_task_run(self, task_run_id: UUID | str) -> TaskRun:
        """Return one task run. Raises ObjectNotFound."""
        return self._reader.task_run(task_run_id)

    def read_flow_runs(
        self,
        flow_run_filter: FlowRunFilter | RunFilter | None = None,
        *,
        task_run_filter: TaskRunFilter | RunFilter | None = None,
        flow_filter: FlowFilter | None = None,
        sort: FlowRunSort | str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[FlowRun]:
        """Return the flow runs that fit all filters, in order of creation where `sort` names no other."""
        return self._reader.flow_runs(
            Query(
                flows=flow_filter,
                flow_runs=flow_run_filter,
                task_runs=task_run_filter,
                sort=sort,
                limit=limit,
                offset=offset,
            )
        )

    def read_task_runs(
        self,
        task_run_filter: TaskRunFilter | RunFilter | None = None,
        *,
        flow_run_filter: FlowRunFilter | RunFilter | None = None,
        flow_filter: FlowFilter | None = None,
        sort: TaskRunSort | str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[TaskRun]:
        """Return the task runs that fit all filters, in order of creation where `sort` names no other."""
        return self._reader.task_runs(
            Query(
                flows=flow_filter,
                flow_runs=flow_run_filter,
                task_runs=task_run_filter,
                sort=sort,
                limit=limit,
                offset=offset,
            )
        )

    def count_flow_runs(
        self,
        *,
        flow_filter: FlowFilter | None = None,
        flow_run_filter: FlowRunFilter | RunFilter | None = None,
        task_run_filter: TaskRunFilter | RunFilter | None = None,
    ) -> int:
        """Return how many flow runs fit all filters."""
        return self._reader.count_flow_runs(
            Query(flows=flow_filter, flow_runs=flow_run_filter, task_runs=task_run_filter)
        )

    def read_flow(self, flow_id: UUID | str) -> Flow:
        """Return the flow of this id. Raises ObjectNotFound where no run of it is recorded."""
        return self._reader.flow("id", flow_id)

    def read_flow_by_name(self, flow_name: str) -> Flow:
        """Return the flow of this name. Raises ObjectNotFound where no run of it is recorded."""
        return self._reader.flow("name", flow_name)

    def read_flows(
        self,
        *,
        flow_filter: FlowFilter | None = None,
        flow_run_filter: FlowRunFilter | RunFilter | None = None,
        task_run_filter: TaskRunFilter | RunFilter | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Flow]:
        """Return the flows that have runs that fit all filters, in the order of their first runs."""
        return self._reader.flows(
            Query(
                flows=flow_filter,
                flow_runs=flow_run_filter,
                task_runs=task_run_filter,
                limit=limit,
                offset=offset,
            )
        )

    def delete_flow_run(self, flow_run_id: UUID | str) -> None:
        """Remove a flow run with its task runs and its log. Runs of subflows stay. Raises ObjectNotFound."""
        self._reader.delete("flow", flow_run_id)

    def delete_task_run(self, task_run_id: UUID | str) -> None:
        """Remove a task run and its log. Raises ObjectNotFound."""
        self._reader.delete("task", task_run_id)

    def read_flow_run_states(self, flow_run_id: UUID | str) -> list[State]:
        """Return all states of a flow run, in order. Raises ObjectNotFound."""
        return self._reader.states(self._reader.flow_run(flow_run_id))

    def read_task_run_states(self, task_run_id: UUID | str) -> list[State]:
        """Return all states of a task run, in order. Raises ObjectNotFound."""
        return self._reader.states(self._reader.task_run(task_run_id))

    def read_logs(
        self,
        log_filter: filters.LogFilter | LogFilter | None = None,
        *,
        sort: LogSort | str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[LogRecord]:
        """Return the log lines of runs that fit, in the order in which they were written if `sort` names no other."""
        return self._reader.logs(log_filter, sort, limit, offset)

    def set_flow_run_state(self, flow_run_id: UUID | str, state: State, force: bool = False) -> State:
        """Ask a flow run to enter a state; return the state that then stands. Raises ObjectNotFound.

        Cancelling and Cancelled reach the run's process: what it does is interrupted. A run that has ended stays as it
        is, and so does one that may not enter the state from where it is; `force` does not change that.
        """
        return self._reader.propose(flow_run_id, state)

    def set_task_run_state(self, task_run_id: UUID | str, state: State, force: bool = False) -> State:
        """Ask a task run to enter a state; return the state that then stands. Raises ObjectNotFound.

        Its process learns of it when the run is to enter its next one. `force` has no effect.
        """
        return self._reader.propose_for_task(task_run_id, state)

    def cancel_flow_run(self, flow_run_id: UUID | str) -> State:
        """Ask for a flow run to be cancelled; return the state that then stands. Raises ObjectNotFound."""
        return self.set_flow_run_state(flow_run_id, unstamped(StateType.CANCELLING))

    def create_concurrency_limit(self, tag: str, concurrency_limit: int) -> ConcurrencyLimit:
        """Let at most so many task runs with this tag run at once. Raises ValueError below 0."""
        return self._reader.put_limit(f"{TAG_PREFIX}{tag}", concurrency_limit)

    def read_concurrency_limit_by_tag(self, tag: str) -> ConcurrencyLimit:
        """Return the limit of a tag as it stands. Raises ObjectNotFound."""
        return self._reader.limit(f"{TAG_PREFIX}{tag}")

    def read_concurrency_limits(self) -> list[ConcurrencyLimit]:
        """Return the limits of all tags, by name (``tag:<tag>``)."""
        return self._reader.limits(of_tags=True)

    def delete_concurrency_limit_by_tag(self, tag: str) -> None:
        """Remove the limit of a tag. Raises ObjectNotFound."""
        self._reader.delete_limit(f"{TAG_PREFIX}{tag}")

    def create_global_concurrency_limit(
        self,
        concurrency_limit: GlobalConcurrencyLimitCreate | str,
        limit: int | None = None,
        slot_decay_per_second: float = 0.0,
        active: bool = True,
    ) -> ConcurrencyLimit:
        """Create a limit for `headrace.concurrency`, of a GlobalConcurrencyLimitCreate or of name and numbers.

        Raises ValueError for a limit or a decay below 0, TypeError for a name without a limit.
        """
        wanted = GlobalConcurrencyLimitCreate.of(concurrency_limit, limit, slot_decay_per_second, active)
        return self._reader.put_limit(wanted.name, wanted.limit, wanted.slot_decay_per_second, wanted.active)

    def upsert_global_concurrency_limit_by_name(
        self, name: str, limit: int, slot_decay_per_second: float = 0.0
    ) -> ConcurrencyLimit:
        """Create a limit, or change the one of this name."""
        return self._reader.put_limit(name, limit, slot_decay_per_second)

    def read_global_concurrency_limit_by_name(self, name: str) -> ConcurrencyLimit:
        """Return a limit as it stands. Raises ObjectNotFound."""
        return self._reader.limit(name)

    def read_global_concurrency_limits(self) -> list[ConcurrencyLimit]:
        """Return all limits but those of tags, by name."""
        return self._reader.limits(of_tags=False)

    def delete_global_concurrency_limit_by_name(self, name: str) -> None:
        """Remove a limit. Raises ObjectNotFound."""
        self._reader.delete_limit(name)


def _awaited(
    method: Callable[Concatenate[SyncHeadraceClient, P], R],
) -> Callable[Concatenate[HeadraceClient, P], Coroutine[Any, Any, R]]:
    """Make the method of the async client of that of the sync one."""

    @functools.wraps(method)
    async def answer(client: HeadraceClient, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return method(client.sync, *args, **kwargs)

    answer.__qualname__ = f"HeadraceClient.{method.__name__}"
    return answer


class HeadraceClient:
    """The same for async code: each method of `SyncHeadraceClient`, to be awaited. A store answers in microseconds."""

    def __init__(self) -> None:
        self.sync = SyncHeadraceClient()

    async def __aenter__(self) -> HeadraceClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    read_flow_run = _awaited(SyncHeadraceClient.read_flow_run)
    read_task_run = _awaited(SyncHeadraceClient.read_task_run)
    read_flow_runs = _awaited(SyncHeadraceClient.read_flow_runs)
    read_task_runs = _awaited(SyncHeadraceClient.read_task_runs)
    count_flow_runs = _awaited(SyncHeadraceClient.count_flow_runs)
    read_flow = _awaited(SyncHeadraceClient.read_flow)
    read_flow_by_name = _awaited(SyncHeadraceClient.read_flow_by_name)
    read_flows = _awaited(SyncHeadraceClient.read_flows)
    delete_flow_run = _awaited(SyncHeadraceClient.delete_flow_run)
    delete_task_run = _awaited(SyncHeadraceClient.delete_task_run)
    read_flow_run_states = _awaited(SyncHeadraceClient.read_flow_run_states)
    read_task_run_states = _awaited(SyncHeadraceClient.read_task_run_states)
    read_logs = _awaited(SyncHeadraceClient.read_logs)
    set_flow_run_state = _awaited(SyncHeadraceClient.set_flow_run_state)
    set_task_run_state = _awaited(SyncHeadraceClient.set_task_run_state)
    cancel_flow_run = _awaited(SyncHeadraceClient.cancel_flow_run)
    create_concurrency_limit = _awaited(SyncHeadraceClient.create_concurrency_limit)
    read_concurrency_limit_by_tag = _awaited(SyncHeadraceClient.read_concurrency_limit_by_tag)
    read_concurrency_limits = _awaited(SyncHeadraceClient.read_concurrency_limits)
    delete_concurrency_limit_by_tag = _awaited(SyncHeadraceClient.delete_concurrency_limit_by_tag)
    create_global_concurrency_limit = _awaited(SyncHeadraceClient.create_global_concurrency_limit)
    upsert_global_concurrency_limit_by_name = _awaited(SyncHeadraceClient.upsert_global_concurrency_limit_by_name)
    read_global_concurrency_limit_by_name = _awaited(SyncHeadraceClient.read_global_concurrency_limit_by_name)
    read_global_concurrency_limits = _awaited(SyncHeadraceClient.read_global_concurrency_limits)
    delete_global_concurrency_limit_by_name = _awaited(SyncHeadraceClient.delete_global_concurrency_limit_by_name)


@overload
def get_client(*, sync_client: Literal[False] = False) -> HeadraceClient: ...


@overload
def get_client(*, sync_client: Literal[True]) -> SyncHeadraceClient: ...


def get_client(*, sync_client: bool = False) -> HeadraceClient | SyncHeadraceClient:
    """Return a client of the run store: for ``async with``, or with `sync_client` for ``with``."""
    return SyncHeadraceClient() if sync_client else HeadraceClient()
