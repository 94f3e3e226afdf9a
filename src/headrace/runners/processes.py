"""Worker processes."""

from __future__ import annotations

from typing import Any


class WorkerProcesses:
    """Call functions in processes."""

    def __init__(self, world: Any, count: int) -> None: ...

    def call(self, effect: Any, guard: Any) -> Any:
        """Not yet."""
        raise NotImplementedError

    def close(self) -> None:
        """Not yet."""
