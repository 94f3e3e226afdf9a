"""The back ends, each as a fixture's value: what is promised of a store is tested on every one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.store.memory import MemoryStore
from headrace.store.protocol import Store
from headrace.store.sqlite import SqliteStore

from .over_a_server import Owning
from .postgres_server import Server, programs, running

BACK_ENDS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(folder / "runs.db"),
    "over a server": lambda folder: Owning(SqliteStore(folder / "served.db"), folder / "spool"),
}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of our own."""
    if programs() is None and "CI" not in os.environ:
        pytest.skip("no PostgreSQL was found: `make test` installs one, or Debian's package postgresql")
    with running() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """The address of an empty database."""
    url = postgres.schema()
    yield url
    postgres.drop(url)


@pytest.fixture(params=[*BACK_ENDS, "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new, empty store of each back end in turn."""
    if request.param == "postgres":
        from headrace.store.postgres import PostgresStore

        opened: Store = PostgresStore(request.getfixturevalue("postgres_url"), connections=4)
        opened.count("flow")  # making the tables is not what tests time
    else:
        opened = BACK_ENDS[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    """A new, empty SQLite store."""
    opened = SqliteStore(tmp_path / "runs.db")
    yield opened
    opened.close()
