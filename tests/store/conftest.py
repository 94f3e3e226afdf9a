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
#: The SQLite files that these begin with.
_FILES = {"sqlite": "runs.db", "over a server": "served.db"}


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


@pytest.fixture(scope="session")
def postgres_tables(postgres: Server) -> str:
    """The address of a database with the tables of a store, to be emptied after each use: making them takes time."""
    from headrace.store.postgres import PostgresStore

    url = postgres.schema()
    store = PostgresStore(url, connections=1)
    store.count("flow")
    store.close()
    return url


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is in the file of an empty store: writing it takes less than making the tables."""
    path = tmp_path_factory.mktemp("empty") / "runs.db"
    store = SqliteStore(path)
    store.count("flow")
    store.close()
    return path.read_bytes()


@pytest.fixture(params=[*BACK_ENDS, "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each back end in turn."""
    if request.param == "postgres":
        yield from _in_postgres(request.getfixturevalue("postgres"), request.getfixturevalue("postgres_tables"))
        return
    if request.param in _FILES:
        (tmp_path / _FILES[request.param]).write_bytes(request.getfixturevalue("empty_file"))
    opened = BACK_ENDS[request.param](tmp_path)
    yield opened
    opened.close()


def _in_postgres(server: Server, url: str) -> Iterator[Store]:
    from headrace.store.postgres import PostgresStore

    opened = PostgresStore(url, connections=4)
    yield opened
    opened.close()
    server.empty(url)


@pytest.fixture
def sqlite(tmp_path: Path, empty_file: bytes) -> Iterator[SqliteStore]:
    """An empty SQLite store."""
    (tmp_path / "runs.db").write_bytes(empty_file)
    opened = SqliteStore(tmp_path / "runs.db")
    yield opened
    opened.close()
