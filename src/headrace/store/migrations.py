"""The schema, as numbered steps. Those that are missing are applied in one transaction, each with its own record.

`user_version` is the number of the newest step applied, and `application_id` says that the file is ours;
both lie in the first page, so that a stranger can be told by reading 100 bytes and without SQLite, which
may alter what it opens. A step, once released, is never changed.

Keys. A run has a time-ordered UUID that all the world knows it by, and a small number (`seq`, in the order
of arrival) that its history hangs on: against a history under the UUID itself this saves a third of the
file. Names of flows, tasks, states and loggers are said once, in tables of their own. Moments are whole
microseconds since 1970.

Indexes. Runs are listed by time, of one flow run, or in certain states; each of the three has an index that
already has the order of the list (created, then `seq`, which every index ends with). That by time also holds
names, behind a `seq` of its own that keeps them out of the order: a search for a part of a name reads it and
not the runs. It is written when a run is created and when its name is settled, always at its end, which costs
nothing that can be measured. That by state holds lengths and names as well, so that runs in a state can be searched
and sorted by length without being read: it is written at each transition anyhow. Trigrams would find names at
once, and cost a fifth of each run's writing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from headrace._version import __version__
from headrace.store import errors

#: "hdrc"
APPLICATION_ID = 0x68647263


class Migration(NamedTuple):
    """One step: what it is for, and its statements."""

    name: str
    statements: Sequence[str]


_RUN_COLUMNS = """
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state INTEGER NOT NULL,
    history_length INTEGER NOT NULL,
    run_count INTEGER NOT NULL,
    created INTEGER NOT NULL,
    expected_start_time INTEGER,
    start_time INTEGER,
    end_time INTEGER,
    total_run_time INTEGER NOT NULL,
    tags TEXT,
    parameters TEXT"""

_STATE_COLUMNS = """
    run INTEGER NOT NULL,
    position INTEGER NOT NULL,
    state INTEGER NOT NULL,
    timestamp INTEGER,
    message TEXT,
    details TEXT,
    PRIMARY KEY (run, position)"""

_FIRST = Migration(
    "runs, their histories and logs, and concurrency limits",
    (
        "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_by TEXT NOT NULL)",
        "CREATE TABLE state (seq INTEGER PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (type, name))",
        "CREATE TABLE flow (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, name TEXT NOT NULL, UNIQUE (id, name))",
        "CREATE TABLE task (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (key, name))",
        "CREATE TABLE logger (seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        f"""CREATE TABLE flow_run ({_RUN_COLUMNS},
    flow INTEGER NOT NULL,
    flow_version TEXT,
    parent_task_run_id BLOB,
    parent_flow_run_id BLOB,
    root_flow_run_id BLOB,
    deployment_id BLOB
)""",
        "CREATE INDEX flow_run_by_time ON flow_run (created)",
        "CREATE INDEX flow_run_by_state ON flow_run (state, created)",
        "CREATE INDEX flow_run_by_parent ON flow_run (parent_flow_run_id, created) "
        "WHERE parent_flow_run_id IS NOT NULL",
        f"CREATE TABLE flow_run_state ({_STATE_COLUMNS}) WITHOUT ROWID",
        f"""CREATE TABLE task_run ({_RUN_COLUMNS},
    task INTEGER NOT NULL,
    dynamic_key TEXT NOT NULL,
    flow_run_id BLOB,
    flow_run_run_count INTEGER NOT NULL,
    task_inputs TEXT,
    child_flow_run_id BLOB,
    cache_key TEXT
)""",
        "CREATE INDEX task_run_by_time ON task_run (created)",
        "CREATE INDEX task_run_by_state ON task_run (state, created)",
        "CREATE INDEX task_run_by_flow_run ON task_run (flow_run_id, created) WHERE flow_run_id IS NOT NULL",
        f"CREATE TABLE task_run_state ({_STATE_COLUMNS}) WITHOUT ROWID",
        """CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    timestamp INTEGER NOT NULL,
    level INTEGER NOT NULL,
    logger INTEGER NOT NULL,
    message TEXT NOT NULL,
    flow_run_id BLOB,
    task_run_id BLOB
)""",
        "CREATE INDEX log_by_flow_run ON log (flow_run_id, timestamp) WHERE flow_run_id IS NOT NULL",
        "CREATE INDEX log_by_task_run ON log (task_run_id, timestamp) WHERE task_run_id IS NOT NULL",
        """CREATE TABLE concurrency_limit (
    name TEXT PRIMARY KEY,
    slots INTEGER NOT NULL,
    active INTEGER NOT NULL,
    decay REAL NOT NULL,
    level TEXT NOT NULL,
    level_at INTEGER
) WITHOUT ROWID""",
        """CREATE TABLE ticket (
    seq INTEGER PRIMARY KEY,
    ticket BLOB NOT NULL UNIQUE,
    names TEXT NOT NULL,
    occupy INTEGER NOT NULL,
    rate INTEGER NOT NULL,
    held INTEGER NOT NULL,
    holder TEXT NOT NULL,
    holder_run_id BLOB,
    since INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
)""",
    ),
)

_NAMES_BY_TIME = Migration(
    "names in the index by time, where they are looked for",
    (
        "DROP INDEX flow_run_by_time",
        "CREATE INDEX flow_run_by_time ON flow_run (created, seq, name)",
        "DROP INDEX task_run_by_time",
        "CREATE INDEX task_run_by_time ON task_run (created, seq, name)",
    ),
)

_LENGTHS_BY_STATE = Migration(
    "lengths and names in the index by state, where runs are sorted and looked for",
    tuple(
        statement
        for run in ("flow_run", "task_run")
        for statement in (
            f"DROP INDEX {run}_by_state",
            f"CREATE INDEX {run}_by_state ON {run} (state, created, seq, total_run_time, name)",
        )
    ),
)

_DELAYED = Migration(
    "task runs that are scheduled for the background, each with its call",
    (
        """CREATE TABLE delayed (
    seq INTEGER PRIMARY KEY,
    run BLOB NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    call BLOB NOT NULL,
    claim BLOB,
    expires_at INTEGER
)""",
        "CREATE INDEX delayed_and_free ON delayed (queue) WHERE claim IS NULL",
        "CREATE INDEX delayed_and_claimed ON delayed (queue, expires_at) WHERE claim IS NOT NULL",
        "CREATE INDEX delayed_by_claim ON delayed (claim) WHERE claim IS NOT NULL",
    ),
)

_RUNS_OF_A_FLOW = Migration(
    "an index of the runs of a flow, by time, with their states",
    ("CREATE INDEX flow_run_by_flow ON flow_run (flow, created, seq, state)",),
)

_THINGS = Migration(
    "artifacts and variables",
    (
        """CREATE TABLE artifact (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    key TEXT,
    type TEXT,
    description TEXT,
    data TEXT NOT NULL,
    metadata_ TEXT NOT NULL,
    flow_run_id BLOB,
    task_run_id BLOB,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
)""",
        "CREATE INDEX artifact_by_time ON artifact (created)",
        "CREATE INDEX artifact_by_key ON artifact (key, seq) WHERE key IS NOT NULL",
        "CREATE INDEX artifact_by_flow_run ON artifact (flow_run_id) WHERE flow_run_id IS NOT NULL",
        "CREATE INDEX artifact_by_task_run ON artifact (task_run_id) WHERE task_run_id IS NOT NULL",
        """CREATE TABLE variable (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL,
    tags TEXT,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
)""",
    ),
)

_SPOOLS = Migration(
    "spools of processes that report here: how much of each is known",
    ("CREATE TABLE spool (id BLOB PRIMARY KEY, line INTEGER NOT NULL, seen_at INTEGER NOT NULL)",),
)

_ENTRYPOINTS = Migration(
    "where the code of a flow run is, so that it can be run again",
    ("ALTER TABLE flow_run ADD COLUMN entrypoint TEXT",),
)

_DELETED = Migration(
    "which runs were deleted last, for those who follow what happens",
    (
        """CREATE TABLE deleted (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    run BLOB NOT NULL,
    flow_run BLOB,
    last_flow_run INTEGER NOT NULL,
    last_task_run INTEGER NOT NULL
)""",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (
    _FIRST,
    _NAMES_BY_TIME,
    _LENGTHS_BY_STATE,
    _DELAYED,
    _RUNS_OF_A_FLOW,
    _THINGS,
    _SPOOLS,
    _ENTRYPOINTS,
    _DELETED,
)
NEWEST = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the database to the newest version, in one transaction. Raises StoreTooNew where it is beyond."""
    if (version := version_of(connection)) == NEWEST:
        return
    if version > NEWEST:
        raise errors.too_new(path, version, NEWEST)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done so, or some of it, by the time that we may write.
        for missing in range(version_of(connection) + 1, NEWEST + 1):
            _apply(connection, missing)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection) -> int:
    """Return the number of the newest step applied; 0 for an empty file."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _apply(connection: sqlite3.Connection, version: int) -> None:
    migration = MIGRATIONS[version - 1]
    for statement in migration.statements:
        connection.execute(statement)
    connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (version, migration.name, __version__))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
