"""What a runner is handed: one task run, begun or given up exactly once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from headrace.drive.guards import Guard
from headrace.effects import Promise


class Job(Protocol):
    """A submitted task run. `guard` is that of the thread or task which runs it, once it has begun."""

    guard: Guard | None

    @property
    def promise(self) -> Promise:
        """Where the state is told in which the run ends."""
        ...

    def run(self) -> None:
        """Live the task run and settle its promise; never raises."""
        ...

    def abandon(self, why: str) -> None:
        """Record that the task run was cancelled before it began, and settle its promise."""
        ...


Spawn = Callable[[Job], None]
