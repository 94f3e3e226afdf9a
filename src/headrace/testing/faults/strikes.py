"""What stubs and faults have done, in order: so that a report can say what went wrong because it was told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from headrace.core.records import Run
from headrace.drive.world import World

#: Remembers what was done to which run.
Note = Callable[[Run | None, str], object]
#: How many are remembered at most.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Strike:
    """One stroke of a stub or fault: when, and on which attempt of which run (None: none in particular).

    `after` is how many states had been recorded before it, None where the store does not know.
    """

    at: datetime
    run_id: UUID | None
    run: str
    attempt: int
    said: str
    outcome: object = ""
    after: int | None = None

    @property
    def what(self) -> str:
        """What it did, in words."""
        return f"{self.said}{self.outcome}"


class Strikes(list[Strike]):
    """All of one world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def note(self, run: Run | None, said: str, outcome: object = "") -> None:
        """Remember one that happens now. What `outcome` says of itself is asked for when somebody wants to know."""
        if len(self) < MOST:
            nobody: tuple[UUID | None, str, int] = (None, "", 0)
            whose = nobody if run is None else (run.id, run.name, run.run_count)
            after = getattr(self._world.store, "taken", None)
            self.append(Strike(self._world.clock.now(), *whose, said, outcome, after))
