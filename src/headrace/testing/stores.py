"""Stores for simulations, by name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headrace.exceptions import StoreError

if TYPE_CHECKING:
    from headrace.store.protocol import Store

#: How many runs are copied out of a store that is not in memory, at most: a test may use somebody's own.
MOST_COPIED = 10_000

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


def copy_of(store: Store) -> Store:
    """Return a store in memory that holds what this one holds now. Raises StoreError where it can't be read."""
    from headrace.store.memory import MemoryStore
    from headrace.store.protocol import LogFilter

    copy = getattr(store, "copy", None)
    if copy is not None:
        copied: Store = copy()
        return copied
    if store.count("flow") + store.count("task") > MOST_COPIED:
        raise StoreError(f"There are more than {MOST_COPIED} runs in a store that is not in memory.")
    kept = MemoryStore()
    for run in [*store.flow_runs(), *store.task_runs()]:
        kept.create(run, store.history(run.id))
    kept.append_logs(store.logs(LogFilter()))
    return kept
