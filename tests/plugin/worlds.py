"""A world for one example of a property: Hypothesis runs many in one test, and none may see the runs of another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.clock.virtual import VirtualClock
from headrace.drive.world import use_world
from headrace.testing import Runs, isolation, virtual_time


@contextmanager
def own_world(seed: int = 0) -> Iterator[tuple[Runs, VirtualClock]]:
    """Live in an empty world on virtual time inside the block."""
    world = isolation.new_world(seed)
    try:
        with use_world(world, everywhere=True), virtual_time(world) as clock:
            yield Runs(world), clock
    finally:
        isolation.end(world)
