"""Reading the result that a state only says the place of."""

from __future__ import annotations

import inspect
from typing import Any

from headrace.core.kept import Kept
from headrace.drive.sync import drive
from headrace.drive.world import World, current_world
from headrace.effects import Cancelled, Raised
from headrace.exceptions import MissingResult
from headrace.filesystems import resolve_storage
from headrace.keeping.keeper import Keeper
from headrace.keeping.plainly import plain_result
from headrace.runs.results import read
from headrace.serializers import resolve_serializer
from headrace.settings import current_settings


def fetch(kept: Kept) -> Any:
    """Return a result. Raises MissingResult where it can't be read, with the reason."""
    world = current_world()
    outcome = drive(read(kept.keeper or _keeper(kept, world), kept.key, None), world)
    if isinstance(outcome, Raised):
        place = f"in {kept.storage}" if kept.storage is not None else "in the usual storage for results"
        raise MissingResult(
            f"The result of the run was written as {kept.key!r} {place}, and can't be read ({outcome.error}). It may "
            "have been deleted or not been committed, or HEADRACE_RESULTS_LOCAL_STORAGE_PATH is another here."
        ) from outcome.error
    if isinstance(outcome, Cancelled):
        raise outcome.reason
    return outcome.value.result


def fetch_plainly(kept: Kept, world: World) -> Any:
    """Return a result of plain types, without loading any code. Raises MissingResult where it can't be had so.

    It is looked for where the world keeps results, and nowhere else: where a record says that it is, may be any place
    that whoever reported the run named, and would be reached from here.
    """
    if kept.storage not in (None, "memory"):
        raise MissingResult(f"The result was written to {kept.storage}, which is not read from here.")
    try:
        found = _storage(kept, world).read_path(kept.key)
        return plain_result(_run(found) if inspect.isawaitable(found) else found)
    except MissingResult:
        raise
    except Exception as error:
        raise MissingResult(f"The result that was written as {kept.key!r} can't be shown: {error}") from error


def _run(awaitable: Any) -> Any:
    """Return what an awaitable gives, in a loop of its own."""
    import asyncio  # 45 ms; few storages are async

    async def awaited() -> Any:
        return await awaitable

    return asyncio.run(awaited())


def _keeper(kept: Kept, world: World) -> Keeper:
    serializer = resolve_serializer(current_settings().results_default_serializer)
    return Keeper(_storage(kept, world), serializer, world.shelf.recent)


def _storage(kept: Kept, world: World) -> Any:
    if kept.storage is None:
        return world.shelf.storage
    if kept.storage.startswith("<"):
        raise MissingResult(
            f"The result of the run was written as {kept.key!r} to a {kept.storage[1:-1]}, which does not say how to "
            "open it from here: give your storage a `location`, a path or a URL."
        )
    return world.shelf.memory if kept.storage == "memory" else resolve_storage(kept.storage)
