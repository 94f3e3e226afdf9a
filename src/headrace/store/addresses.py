"""Stores by their addresses, in the form that SQLAlchemy made usual: sqlite:///path, postgresql://user@host/name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.store.protocol import OwnStore

_POSTGRES = ("postgresql", "postgres")


def open_address(address: str, rosters: Path | None = None) -> OwnStore:
    """Return the store at an address; a driver in it (``postgresql+asyncpg``) is passed over, we have our own.

    `rosters` is the folder where processes say what they are at work on in databases; beside a file it is not needed.
    Raises ConfigurationError for an address that is none, or needs what is not installed.
    """
    scheme, separator, rest = address.partition("://")
    kind = scheme.partition("+")[0].lower()
    if separator and kind in _POSTGRES:
        return _postgres(f"postgresql://{rest}", rosters)
    if separator and kind == "sqlite" and rest.startswith("/") and len(rest) > 1:
        from headrace.store.sqlite import SqliteStore

        return SqliteStore(rest[1:].partition("?")[0])  # sqlite:///runs.db is relative, sqlite:////var/runs.db is not
    raise ConfigurationError(
        f"{scheme or address!r} is no address of a run store. Write sqlite:///path/to/file.db, with a fourth slash for "
        "an absolute path, or postgresql://user@host:5432/name."
    )


def _postgres(address: str, rosters: Path | None) -> OwnStore:
    try:
        from headrace.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"A store in PostgreSQL needs {error.name}, which is not installed: pip install 'headrace[postgres]'."
        ) from error
    try:
        return PostgresStore(address, rosters=rosters)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
