"""Worlds to measure in: each with a store of its own, gone afterwards, and as much log as the benchmark wants."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace import flow, task
from headrace.drive.world import World, use_world
from headrace.store.memory import MemoryStore
from headrace.store.protocol import Store
from headrace.store.sqlite import SqliteStore

ENGINE = logging.getLogger("headrace")


@task
def noop() -> int:
    """Do nothing."""
    return 1


@flow
def nothing() -> None:
    """Call nothing."""


@contextmanager
def folder() -> Iterator[Path]:
    """Make a folder that is gone after the block; HEADRACE_HOME is inside, so that nobody's own settings count."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as made:
        before = os.environ.get("HEADRACE_HOME")
        os.environ["HEADRACE_HOME"] = os.path.join(made, "home")
        try:
            yield Path(made)
        finally:
            if before is None:
                del os.environ["HEADRACE_HOME"]
            else:
                os.environ["HEADRACE_HOME"] = before


@contextmanager
def console(*, on: bool) -> Iterator[None]:
    """Say everything to a console that throws it away, or nothing to anybody."""
    with open(os.devnull, "w") as nowhere:
        before, sys.stderr = sys.stderr, nowhere
        level = ENGINE.level
        try:
            nothing()  # the engine sets its loggers up at the first line
            ENGINE.setLevel(logging.INFO if on else logging.CRITICAL)
            yield
        finally:
            ENGINE.setLevel(level)
            sys.stderr = before


@contextmanager
def living_in(store: Store, *, log: bool = False) -> Iterator[World]:
    """Live in a world over this store."""
    world = World(store)
    with use_world(world, everywhere=True), console(on=log):
        try:
            yield world
        finally:
            world.close()


def sqlite_in(place: Path) -> Callable[[], Store]:
    """Return a maker of stores in files of their own."""
    return lambda: SqliteStore(tempfile.mkdtemp(dir=place) + "/headrace.db")


def in_memory() -> Store:
    """Return a store in memory."""
    return MemoryStore()
