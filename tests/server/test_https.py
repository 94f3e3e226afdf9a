"""Scripts that report to a server behind TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from headrace import flow
from headrace.drive.world import World, use_world
from headrace.exceptions import StoreOutOfReach
from headrace.store.protocol import RunFilter
from headrace.store.remote.store import RemoteStore
from headrace.store.sqlite import SqliteStore

from .serving import served


@flow
def greet(name: str) -> str:
    return f"hello {name}"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who vouches for the server."""
    return trustme.CA()


@pytest.fixture
def url(tmp_path: Path, authority: trustme.CA) -> Iterator[str]:
    """The address of a server."""
    issued = authority.issue_cert("127.0.0.1")
    pem = tmp_path / "server.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(pem)
    store = SqliteStore(tmp_path / "served.db")
    with served(store, None, ssl_certfile=pem) as plain:
        yield plain.replace("http:", "https:")
    store.close()


def report(url: str, folder: Path) -> RemoteStore:
    """Run a flow that reports to this server."""
    store = RemoteStore(url, folder / "spool")
    world = World(store)
    with use_world(world, everywhere=True):
        assert greet("marvin") == "hello marvin"
    return store


def test_runs_are_reported_to_a_server_that_is_trusted(
    url: str, tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the certificate that the variable SSL_CERT_FILE names, as for other programs."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    store = report(url, tmp_path)
    (run,) = store.flow_runs(RunFilter(flow_name="greet"))
    assert [state.name for state in store.history(run.id)] == ["Pending", "Running", "Completed"]
    store.close()


def test_a_server_that_nobody_vouches_for_is_not_told_anything(url: str, tmp_path: Path) -> None:
    """The flow goes on, its records wait, and whoever asks is told what to do."""
    store = report(url, tmp_path)
    with pytest.raises(StoreOutOfReach, match=r"is not trusted: .*Name the file .* in SSL_CERT_FILE"):
        store.flow_runs()
    assert list((tmp_path / "spool").glob("*.spool"))
    store.close()
