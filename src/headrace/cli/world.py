"""What commands need of the world they run in: its store, its time, and waiting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.drive.world import World
    from headrace.runs.context import RunContext
    from headrace.store.protocol import OwnStore, Store


def store() -> Store:
    """Return the store that runs are kept in, with what was lost recorded. Raises StoreError where it can't be used."""
    from headrace.drive.lost import record_lost
    from headrace.drive.world import current_world  # the engine: only once a command needs it

    here = current_world()
    is_open, opened = here.has_open_store, here.store
    if not is_open:
        record_lost(here)
    return opened


def current() -> World:
    """Return the world itself."""
    from headrace.drive.world import current_world

    return current_world()


def to_serve() -> World:
    """Return a world of its own on the store that a server serves: never that of another server."""
    from headrace.drive.world import World, own_store

    return World(own_store)


def own_store() -> OwnStore:
    """Return the store that a server would serve, opened anew. Raises StoreError where it can't be used."""
    from headrace.drive.world import own_store

    return own_store()


def now() -> datetime:
    """Return the moment it is, aware UTC."""
    from headrace.drive.world import current_world

    return current_world().clock.now()


def sleep(seconds: float) -> None:
    """Wait."""
    from headrace.drive.world import current_world

    current_world().clock.sleep(seconds)


def told_of_flow_runs(listener: Callable[[RunContext], object]) -> AbstractContextManager[None]:
    """Return a context in which `listener` is told of each flow run that begins in this process."""
    from headrace.drive.world import current_world

    return current_world().activities.told_to(listener)
