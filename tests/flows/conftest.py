"""A world for each test: a store in memory, and ids and chance from one seed."""

from collections.abc import Iterator

import pytest
from headrace.drive.world import World, use_world
from headrace.store.memory import MemoryStore


@pytest.fixture(autouse=True)
def world() -> Iterator[World]:
    """Live in a world of one's own."""
    with use_world(World(MemoryStore(), seed=0), everywhere=True) as world:
        yield world
        world.close()
