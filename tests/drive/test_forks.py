"""What a process and its forked children draw."""

from __future__ import annotations

import os
import warnings

import pytest

from headrace.clock.virtual import VirtualClock
from headrace.drive.world import World
from headrace.store.memory import MemoryStore


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.parametrize(("seed", "are_alike"), [(None, False), (5, True)])
def test_a_child_gives_its_runs_ids_of_its_own(seed: int | None, are_alike: bool) -> None:
    """At the same moment, too; unless a seed says which they are."""
    world = World(MemoryStore(), clock=VirtualClock(), seed=seed)
    world.new_id()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        child = os.fork()
    if child == 0:
        os.write(writing, f"{world.new_id()} {world.random.random()}".encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as told:
        of_child = told.read()
    os.waitpid(child, 0)
    assert (of_child == f"{world.new_id()} {world.random.random()}") is are_alike
