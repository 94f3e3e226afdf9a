"""Bytes at paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.filesystems import LocalFileSystem, MemoryFileSystem, PathNotFound, RemoteFileSystem, resolve_storage


@pytest.fixture(params=["local", "memory", "remote"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "local":
        return LocalFileSystem(tmp_path)
    if request.param == "memory":
        return MemoryFileSystem()
    pytest.importorskip("fsspec")
    return RemoteFileSystem(f"memory://{tmp_path.name}")


def test_what_is_written_is_read(storage: Any) -> None:
    """Folders on the way are made; writing again replaces."""
    storage.write_path("a/b/c", b"1")
    storage.write_path("a/b/c", b"22")
    assert storage.read_path("a/b/c") == b"22"


def test_what_is_not_there_is_not_found(storage: Any) -> None:
    """As FileNotFoundError and as ValueError, whichever one catches."""
    with pytest.raises(PathNotFound):
        storage.read_path("nothing")
    assert issubclass(PathNotFound, FileNotFoundError)
    assert issubclass(PathNotFound, ValueError)


@pytest.mark.parametrize("path", ["../elsewhere", "/etc/passwd", "a/../../b"])
def test_a_directory_is_not_left(tmp_path: Path, path: str) -> None:
    """By no path."""
    with pytest.raises(ValueError, match="outside"):
        LocalFileSystem(tmp_path / "in").write_path(path, b"")


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """What was there stays, and no part of what was to come."""
    storage = LocalFileSystem(tmp_path)
    storage.write_path("k", b"old")
    with pytest.raises(TypeError):
        storage.write_path("k", "no bytes")  # type: ignore[arg-type]
    assert storage.read_path("k") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["k"]


@pytest.mark.parametrize(
    ("given", "kind", "location"),
    [
        (Path("/a"), LocalFileSystem, "/a"),
        ("/a", LocalFileSystem, "/a"),
        ("file:///a/b", LocalFileSystem, "/a/b"),
        ("s3://bucket/x/", RemoteFileSystem, "s3://bucket/x"),
    ],
)
def test_paths_and_urls_name_storages(given: Any, kind: type, location: str) -> None:
    """Nothing is opened for that."""
    storage = resolve_storage(given)
    assert type(storage) is kind
    assert storage.location == location


@pytest.mark.parametrize("given", ["local-file-system/mine", "results"])
def test_the_name_of_a_block_is_refused(given: str) -> None:
    """Such names mean nothing here; the message says what does."""
    with pytest.raises(ValueError, match=r"pathlib\.Path"):
        resolve_storage(given)


def test_what_is_no_storage_is_refused() -> None:
    """TypeError."""
    with pytest.raises(TypeError, match="read_path"):
        resolve_storage(3)
