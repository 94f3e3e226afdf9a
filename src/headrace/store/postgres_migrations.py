"""The same numbered steps as those of the embedded store, in PostgreSQL's words.

Each is applied in one transaction together with its own record; who comes at the same time waits, and finds it done.
"""

from __future__ import annotations

from typing import Any

import psycopg

from headrace._version import __version__
from headrace.exceptions import NotAStore, StoreTooNew
from headrace.store.migrations import MIGRATIONS, NEWEST
from headrace.store.postgres_dialect import translated

#: The advisory lock of those who change the schema: "hdrc", and a number of its own.
_SCHEMA_LOCK = 0x68647263_00000002
#: One of our tables, by which a database is told that is ours, or somebody's who happens to use the name.
#: (Not by `to_regclass`: what that remembers is not looked at again within a transaction.)
_THERE = (
    "SELECT bool_or(tablename = 'migrations'), bool_or(tablename = 'task_run_state') "
    "FROM pg_tables WHERE schemaname = current_schema()"
)


def migrate(connection: psycopg.Connection[Any], location: str) -> None:
    """Bring the database to the newest version, step by step. Raises StoreTooNew, NotAStore."""
    while (version := version_of(connection, location)) != NEWEST:
        if version > NEWEST:
            raise StoreTooNew(
                f"The run store {location} has schema version {version}, and this headrace knows up to {NEWEST}. "
                "Upgrade headrace, or name another database."
            )
        _step(connection, version + 1, location)
    connection.commit()


def version_of(connection: psycopg.Connection[Any], location: str) -> int:
    """Return the number of the newest step applied; 0 for a database without our tables. Raises NotAStore."""
    recorded, ours = connection.execute(_THERE).fetchone() or (False, False)
    if recorded and not ours:
        raise NotAStore(
            f"{location} is not a run store of headrace: it has a table 'migrations' of somebody else's. It was left "
            "as it is; name another database, or a schema of its own (?options=-csearch_path%3Dheadrace)."
        )
    if not recorded:
        return 0
    found = connection.execute("SELECT max(version) FROM migrations").fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def _step(connection: psycopg.Connection[Any], version: int, location: str) -> None:
    """Apply one step, unless another process has done so by the time that we may write."""
    connection.commit()
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
        if version_of(connection, location) != version - 1:
            return
        migration = MIGRATIONS[version - 1]
        for statement in migration.statements:
            connection.execute(translated(statement))
        connection.execute("INSERT INTO migrations VALUES (%s, %s, %s)", (version, migration.name, __version__))
