"""Runs made up for the tests of the command line: each entered its states at given seconds after noon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import TYPE_OF_NAME
from headrace.core.states import State, unstamped
from headrace.store.protocol import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLOW_ID = UUID(int=1)

#: A step: seconds after noon, the state's name, and maybe its message.
Step = tuple[float, str] | tuple[float, str, str]

ENDED: tuple[Step, ...] = ((0, "Pending"), (1, "Running"), (5, "Completed"))


def at(seconds: float) -> datetime:
    """Return a moment so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


class Stories:
    """Tells runs into a store; ids are UUIDv7s of the moment of creation and a count."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.histories: dict[UUID, list[State]] = {}
        self._count: Iterator[int] = count(1)

    def flow(self, name: str, *steps: Step, flow_name: str = "ingest", **fields: Any) -> FlowRun:
        """Tell a flow run."""
        created = at(steps[0][0])
        run = FlowRun(id=self._id(created), name=name, created=created, flow_name=flow_name, flow_id=FLOW_ID, **fields)
        self._tell(run, steps)
        return run

    def task(self, name: str, of: FlowRun | None, *steps: Step, task_name: str = "fetch", **fields: Any) -> TaskRun:
        """Tell a task run of a flow run (None: of none)."""
        created = at(steps[0][0])
        run = TaskRun(
            id=self._id(created),
            name=name,
            created=created,
            task_name=task_name,
            task_key=f"{task_name}-1",
            flow_run_id=of.id if of else None,
            **fields,
        )
        self._tell(run, steps)
        return run

    def _id(self, created: datetime) -> UUID:
        milliseconds = int(created.timestamp() * 1000)
        number = next(self._count)
        return UUID(int=(milliseconds << 80) | (7 << 76) | (number << 64) | (2 << 62) | number)

    def _tell(self, run: Run, steps: tuple[Step, ...]) -> None:
        states = [
            unstamped(TYPE_OF_NAME[name], name, message=message[0] if message else None) for _, name, *message in steps
        ]
        entered = [run.enter(state, at(step[0])) for state, step in zip(states, steps, strict=True)]
        self.histories[run.id] = entered
        self.store.create(run, entered)
