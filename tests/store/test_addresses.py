"""Stores by their addresses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headrace import flow
from headrace.drive.world import World, current_world, default_store, use_world
from headrace.exceptions import ConfigurationError
from headrace.settings import HEADRACE_SERVER_DATABASE_CONNECTION_URL, temporary_settings
from headrace.store.addresses import open_address
from headrace.store.sqlite import SqliteStore


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+aiosqlite", "SQLITE"])
def test_a_file_is_named_absolutely_or_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """With four slashes, or three; a driver is passed over."""
    monkeypatch.chdir(tmp_path)
    assert open_address(f"{scheme}:////var/runs.db").location == "/var/runs.db"
    assert open_address(f"{scheme}:///runs.db").location == str(tmp_path / "runs.db")


def test_runs_go_to_the_database_that_the_settings_name(postgres_url: str) -> None:
    """Without a server."""

    @flow
    def greet() -> str:
        return f"hello from {current_world().store.location}"

    address = postgres_url.replace("postgresql:", "postgresql+asyncpg:")
    with temporary_settings({HEADRACE_SERVER_DATABASE_CONNECTION_URL: address}):
        world = World(default_store)
        with use_world(world, everywhere=True):
            assert greet().startswith("hello from postgresql://")
        assert [run.state_name for run in world.store.flow_runs()] == ["Completed"]
        world.close()


def test_a_file_may_be_named_by_its_address(tmp_path: Path) -> None:
    """Instead of by its path."""
    with temporary_settings({HEADRACE_SERVER_DATABASE_CONNECTION_URL: f"sqlite:///{tmp_path}/runs.db"}):
        store = default_store()
    assert isinstance(store, SqliteStore)
    assert store.location == str(tmp_path / "runs.db")


@pytest.mark.parametrize("address", ["mysql://host/name", "runs.db", "sqlite://runs.db", "sqlite:///", ""])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """And what would be one is told."""
    with pytest.raises(ConfigurationError, match=r"is no address of a run store. Write sqlite:///path"):
        open_address(address)


def test_a_bad_address_of_postgresql_is_refused_without_its_password() -> None:
    """As by the store itself."""
    with pytest.raises(ConfigurationError, match="is no address of a PostgreSQL database") as caught:
        open_address("postgresql://me:secret@host/name?nonsense=1")
    assert "secret" not in str(caught.value)


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install it."""
    for name in [name for name in sys.modules if name.startswith(("psycopg", "headrace.store.postgres"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"needs psycopg.*: pip install 'headrace\[postgres\]'"):
        open_address("postgresql://host/name")
