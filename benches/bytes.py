"""How many bytes of the store's file a finished task run takes, and how many of them are the values themselves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from benches.measure import Row, Table
from benches.sequential import calls
from benches.worlds import folder, living_in, nothing
from headrace.store.sqlite import SqliteStore

OURS = "headrace, log off"
FLOOR = "the same values in bare tables"
GOAL_BYTES = 800.0


def measure(*, quick: bool = False) -> list[Table]:
    """Measure: a file that has many task runs less one that has none."""
    count = 2_000 if quick else 20_000
    with folder() as place:
        empty = _stored(place / "empty.db", 0, log=False)
        quiet, said = place / "quiet.db", place / "said.db"
        sizes = {
            FLOOR: 0.0,
            OURS: (_stored(quiet, count, log=False) - empty) / count,
            "headrace, log on (one line each)": (_stored(said, count, log=True) - empty) / count,
        }
        sizes[FLOOR] = _bare(quiet, place / "bare.db") / count
        parts = _parts(quiet, count)
    table = Table("bytes", f"in the store per finished task run, of {count:,}", "bytes", FLOOR)
    for label, size in sizes.items():
        table.rows.append(Row(label, [size], [sizes[FLOOR]], GOAL_BYTES if label == OURS else None))
    table.notes = parts
    return [table]


def _stored(path: Path, count: int, *, log: bool) -> float:
    """Return the size of a file with so many task runs, when it has been closed and its log folded in."""
    with living_in(SqliteStore(path), log=log):
        if count:
            calls(count)
        else:
            nothing()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return float(path.stat().st_size)


def _bare(path: Path, target: Path) -> float:
    """Return the size of the tables alone: copied without indexes and keys."""
    connection = sqlite3.connect(target, isolation_level=None)
    connection.execute("ATTACH ? AS full", (str(path),))
    for table in ("task_run", "task_run_state"):
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM full.{table}")
    connection.close()
    return float(target.stat().st_size)


def _parts(path: Path, count: int) -> list[str]:
    """Say which table or index takes how much; nothing where this SQLite was built without `dbstat`."""
    connection = sqlite3.connect(path)
    try:
        query = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 7"
        found = connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()
    return [f"{size / count:6.0f}  {name}" for name, size in found]
