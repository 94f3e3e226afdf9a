"""Stores for simulations, by name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.store.protocol import Store

Opener = Callable[[], AbstractContextManager[Callable[[], "Store"]]]


def opener(given: Any) -> Opener:
    """Return what opens the store that somebody means: "memory", "sqlite" or a store. Raises ValueError, TypeError."""
    if given == "memory":
        return lambda: nullcontext(_memory)
    if given == "sqlite":
        return _sqlite
    if isinstance(given, str):
        raise ValueError(f"There is no kind of store {given!r} for a simulation: write 'memory' or 'sqlite'.")
    if not callable(getattr(given, "transition", None)):
        raise TypeError(f"A simulation keeps its runs in 'memory', 'sqlite' or a store, not in {given!r}.")
    return lambda: nullcontext(lambda: given)


def _memory() -> Store:
    from headrace.store.memory import MemoryStore  # many tests never run a flow

    return MemoryStore()


@contextmanager
def _sqlite() -> Iterator[Callable[[], Store]]:
    from headrace.store.sqlite import SqliteStore

    with tempfile.TemporaryDirectory(prefix="headrace-simulation-") as folder:
        yield partial(SqliteStore, Path(folder) / "headrace.db")
