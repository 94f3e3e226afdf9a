"""The back ends, each as a fixture's value: what is promised of a store is tested on every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.store.memory import MemoryStore
from headrace.store.protocol import Store
from headrace.store.sqlite import SqliteStore

BACK_ENDS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(folder / "runs.db"),
}


@pytest.fixture(params=BACK_ENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new, empty store of each back end in turn."""
    opened = BACK_ENDS[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    """A new, empty SQLite store."""
    opened = SqliteStore(tmp_path / "runs.db")
    yield opened
    opened.close()
