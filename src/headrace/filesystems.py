"""Where results are kept: directories, anything that fsspec can reach, or memory.

A storage reads and writes bytes at paths. One of your own is any object with `read_path` and `write_path`, sync or
async; `aread_path` and `awrite_path`, where it has them, are for async code.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from threading import get_ident
from typing import Any

__all__ = ["LocalFileSystem", "MemoryFileSystem", "PathNotFound", "RemoteFileSystem", "WritableFileSystem"]


class PathNotFound(FileNotFoundError, ValueError):
    """There is nothing at this path of a storage."""


class WritableFileSystem:
    """Bytes at paths. `location` says where another process finds the storage; None: that can't be said."""

    location: str | None = None

    def read_path(self, path: str) -> bytes:
        """Return what is at a path. Raises PathNotFound."""
        raise NotImplementedError

    def write_path(self, path: str, content: bytes) -> Any:
        """Write to a path, whole or not at all."""
        raise NotImplementedError


class LocalFileSystem(WritableFileSystem):
    """A directory, made when something is first written; None is the working directory.

    Paths outside of it are a ValueError.
    """

    def __init__(self, basepath: str | os.PathLike[str] | None = None) -> None:
        self.basepath = os.fspath(basepath) if basepath is not None else None

    @property
    def location(self) -> str:  # type: ignore[override]
        """The directory."""
        return os.path.abspath(os.path.expanduser(self.basepath or "."))

    def _resolve_path(self, path: str) -> str:
        base = self.location
        full = os.path.abspath(os.path.join(base, os.path.expanduser(path)))
        if not full.startswith(base.rstrip(os.sep) + os.sep):
            raise ValueError(f"The path {path!r} is outside of the storage's directory {base}.")
        return full

    def read_path(self, path: str) -> bytes:
        """Return what is at a path. Raises PathNotFound."""
        full = self._resolve_path(path)
        try:
            with open(full, "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise PathNotFound(f"There is no file {full}.") from None

    def write_path(self, path: str, content: bytes) -> str:
        """Write to a path, whole or not at all: to another file first, which then takes its place."""
        full = self._resolve_path(path)
        beside = f"{full}.{os.getpid()}-{get_ident()}.part"
        try:
            file = open(beside, "wb")  # noqa: SIM115 - closed below
        except FileNotFoundError:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            file = open(beside, "wb")  # noqa: SIM115
        try:
            with file:
                file.write(content)
            os.replace(beside, full)
        except BaseException:
            os.unlink(beside)
            raise
        return full

    def __repr__(self) -> str:
        return f"LocalFileSystem({self.basepath!r})"


class RemoteFileSystem(WritableFileSystem):
    """Whatever fsspec reaches: `RemoteFileSystem("s3://bucket/results", settings={...})`.

    `settings` are passed to fsspec's file system. Needs `pip install fsspec` and what fsspec asks for in turn.
    """

    def __init__(self, basepath: str, settings: dict[str, Any] | None = None) -> None:
        scheme, colon, rest = basepath.partition("://")
        if not (scheme and colon and rest):
            raise ValueError(f"'basepath' is a URL such as 's3://bucket/results', not {basepath!r}.")
        self.basepath = basepath.rstrip("/")
        self.settings = dict(settings or {})
        self._opened: Any = None

    @property
    def location(self) -> str:  # type: ignore[override]
        """The URL, without the settings: they may hold secrets."""
        return self.basepath

    def _resolve_path(self, path: str) -> str:
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            raise ValueError(f"The path {path!r} is outside of the storage {self.basepath}.")
        return f"{self.basepath}/{path}"

    @property
    def _files(self) -> Any:
        if self._opened is None:
            try:
                import fsspec  # type: ignore[import-not-found,import-untyped,unused-ignore]
            except ImportError:
                message = f"The storage {self.basepath} needs fsspec: pip install fsspec"
                raise RuntimeError(message) from None
            self._opened = fsspec.filesystem(self.basepath.partition("://")[0], **self.settings)
        return self._opened

    def read_path(self, path: str) -> bytes:
        """Return what is at a path. Raises PathNotFound."""
        full = self._resolve_path(path)
        try:
            content: bytes = self._files.cat_file(full)
        except FileNotFoundError:
            raise PathNotFound(f"There is nothing at {full}.") from None
        return content

    def write_path(self, path: str, content: bytes) -> str:
        """Write to a path."""
        full = self._resolve_path(path)
        self._files.makedirs(full.rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(full, content)
        return full

    async def aread_path(self, path: str) -> bytes:
        """Do as `read_path`, in a thread: it may take long."""
        from asyncio import to_thread  # slow to import, and sync flows do without

        return await to_thread(self.read_path, path)

    async def awrite_path(self, path: str, content: bytes) -> str:
        """Do as `write_path`, in a thread."""
        from asyncio import to_thread  # as above

        return await to_thread(self.write_path, path, content)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    def __repr__(self) -> str:
        return f"RemoteFileSystem({self.basepath!r})"


class MemoryFileSystem(WritableFileSystem):
    """A dictionary: what tests write their results to."""

    location = "memory"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read_path(self, path: str) -> bytes:
        """Return what is at a path. Raises PathNotFound."""
        try:
            return self.files[path]
        except KeyError:
            raise PathNotFound(f"There is nothing at {path!r}.") from None

    def write_path(self, path: str, content: bytes) -> str:
        """Write to a path."""
        self.files[path] = content
        return path

    def __repr__(self) -> str:
        return f"<MemoryFileSystem with {len(self.files)} files>"


def resolve_storage(given: Any) -> Any:
    """Return the storage that an argument names: a storage, a path, a URL. Raises TypeError or ValueError."""
    if callable(getattr(given, "read_path", None)) and callable(getattr(given, "write_path", None)):
        return given
    if isinstance(given, Path):
        return LocalFileSystem(given)
    if isinstance(given, str):
        return _named(given)
    raise TypeError(f"A storage is a path, a URL or an object with read_path and write_path, not {given!r}.")


def _named(given: str) -> WritableFileSystem:
    if given.startswith(("file://", "local://")):
        return LocalFileSystem(given.partition("://")[2])
    if "://" in given:
        return RemoteFileSystem(given)
    if given.startswith(("/", "~", ".")):
        return LocalFileSystem(given)
    raise ValueError(
        f"{given!r} is no storage: write a pathlib.Path, a path that begins with /, ~ or ., or a URL such as "
        "'s3://bucket/results'. Blocks that are saved under a name do not exist here."
    )
