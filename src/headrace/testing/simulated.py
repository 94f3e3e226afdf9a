"""What a simulation tells of itself to who shows it: that is all that they need to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headrace.clock.schedules import Schedule
    from headrace.clock.virtual import VirtualClock
    from headrace.testing.faults.strikes import Strike
    from headrace.testing.worlds import SimulatedWorld


class Simulated(Protocol):
    """A simulation; see `Simulation`."""

    clock: VirtualClock
    seed: int
    options: Mapping[str, object]
    _world: SimulatedWorld

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start."""

    @property
    def real_seconds(self) -> float:
        """Real seconds since the start."""

    @property
    def schedule(self) -> Schedule:
        """What chooses who goes next."""

    @property
    def struck(self) -> Sequence[Strike]:
        """What stubs and faults have done."""
