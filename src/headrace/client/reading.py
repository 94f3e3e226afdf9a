"""What both clients do: read runs, states and limits from a store, and write limits to it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Literal
from uuid import UUID

from headrace.client import searching
from headrace.client.schemas import filters
from headrace.client.schemas.objects import Flow
from headrace.client.schemas.sorting import LogSort
from headrace.client.searching import Query
from headrace.core.background import has_ended
from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.states import State
from headrace.drive.activities import propose
from headrace.drive.world import World, current_world
from headrace.exceptions import ObjectNotFound
from headrace.store.protocol import ConcurrencyLimit, LogFilter, RunKind

#: What the limit of a tag is called among the limits.
TAG_PREFIX = "tag:"


class Reader:
    """The store of one world, through a client's eyes."""

    def __init__(self, world: World | None = None) -> None:
        self._world = world

    @property
    def world(self) -> World:
        """The world whose store is read: the one given, else the one that the code is in."""
        return self._world or current_world()

    def flow_run(self, run_id: UUID | str) -> FlowRun:
        """Return one flow run. Raises ObjectNotFound."""
        return self.world.store.flow_run(_uuid(run_id))

    def task_run(self, run_id: UUID | str) -> TaskRun:
        """Return one task run. Raises ObjectNotFound."""
        return self.world.store.task_run(_uuid(run_id))

    def flow_runs(self, query: Query) -> list[FlowRun]:
        """Return the flow runs that fit."""
        return searching.flow_runs(self.world.store, query)

    def task_runs(self, query: Query) -> list[TaskRun]:
        """Return the task runs that fit."""
        return searching.task_runs(self.world.store, query)

    def count_flow_runs(self, query: Query) -> int:
        """Return how many flow runs fit."""
        return searching.count_flow_runs(self.world.store, query)

    def flows(self, query: Query) -> list[Flow]:
        """Return the flows that have runs that fit."""
        end = None if query.limit is None else query.offset + query.limit
        return list(islice(searching.flows(self.world.store, query), query.offset, end))

    def flow(self, key: Literal["id", "name"], value: UUID | str) -> Flow:
        """Return the flow of this id, or of this name. Raises ObjectNotFound."""
        where = filters.FlowFilter(**{key: {"any_": [value]}})  # type: ignore[arg-type]  # mypy can't tell which
        found = self.flows(Query(flows=where, limit=1))
        if not found:
            raise ObjectNotFound(f"No run of a flow of the {key} {str(value)!r} is recorded.")
        return found[0]

    def delete(self, kind: RunKind, run_id: UUID | str) -> None:
        """Remove a run. Raises ObjectNotFound."""
        if not self.world.store.delete(kind, _uuid(run_id)):
            raise ObjectNotFound(f"There is no {kind} run {run_id}.")

    def propose_for_task(self, task_run_id: UUID | str, state: State) -> State:
        """Ask a task run to enter a state; return the state that then stands. Raises ObjectNotFound."""
        run_id = _uuid(task_run_id)
        standing = self.world.store.propose("task", run_id, state)
        if has_ended(standing):
            self.world.background.ended(run_id, standing)  # whoever waits for it here is told at once
        return standing

    def states(self, run: Run) -> list[State]:
        """Return all states of a run, in order."""
        return self.world.store.history(run.id)

    def logs(
        self, where: filters.LogFilter | LogFilter | None, sort: LogSort | str | None, limit: int | None, offset: int
    ) -> list[LogRecord]:
        """Return the log lines that fit; those that wait to be written are written first."""
        self.world.logs.flush()
        return searching.logs(self.world.store, where, sort, limit, offset)

    def propose(self, flow_run_id: UUID | str, state: State) -> State:
        """Ask a flow run to enter a state; return the state that then stands. Raises ObjectNotFound."""
        return propose(self.world, _uuid(flow_run_id), state)

    def put_limit(self, name: str, limit: int, decay: float = 0.0, active: bool = True) -> ConcurrencyLimit:
        """Create or change a limit. Raises ValueError for a limit or a decay below 0."""
        self.world.store.put_limit(ConcurrencyLimit(name=name, limit=limit, slot_decay_per_second=decay, active=active))
        return self.limit(name)

    def limit(self, name: str) -> ConcurrencyLimit:
        """Return one limit as it stands. Raises ObjectNotFound."""
        found = self.world.store.limit(name, self.world.clock.now())
        if found is None:
            raise ObjectNotFound(f"There is no concurrency limit {name!r}.")
        return found

    def limits(self, of_tags: bool) -> list[ConcurrencyLimit]:
        """Return the limits of tags, or all others, by name."""
        everything: Iterable[ConcurrencyLimit] = self.world.store.limits(self.world.clock.now())
        return [limit for limit in everything if limit.name.startswith(TAG_PREFIX) is of_tags]

    def delete_limit(self, name: str) -> None:
        """Remove a limit. Raises ObjectNotFound."""
        if not self.world.store.delete_limit(name):
            raise ObjectNotFound(f"There is no concurrency limit {name!r}.")


def _uuid(run_id: UUID | str) -> UUID:
    return run_id if isinstance(run_id, UUID) else UUID(run_id)
