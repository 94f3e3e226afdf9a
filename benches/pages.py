"""A page of a million task runs: those in a state, with a part of a name, of some days, the longest first.

Few are failed and most are completed, so both are asked for. A page further on is found by the place where the one
before it ended, and should take as long as the first, however far on it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benches.measure import Contestant, Table, clock, interleaved
from benches.million import BEGIN, Filled, fill
from benches.servers import postgres
from benches.worlds import folder
from headrace.core.state_types import StateType
from headrace.store.protocol import Order, Place, RunFilter
from headrace.store.sqlite import SqliteStore

PAGE, DEEP = 20, 0.8
GOALS = {"SQLite": 100.0, "PostgreSQL": 50.0}
#: How much longer a page deep in the list may take than the first.
CONSTANT = 1.5
#: Of what a new server is like nothing is changed but how carefully it writes.
_STOCK = ("fsync=off", "full_page_writes=off")
LONGEST = Order("total_run_time", descending=True)
_FIRST, _DEEP = "the first page", "deep in the list, by its place"


def measure(*, quick: bool = False) -> list[Table]:
    """Measure on both databases, as far as they are there."""
    count = 100_000 if quick else 1_000_000
    tables: list[Table] = []
    with folder() as place:
        for database, opening in (("SQLite", _sqlite(place)), ("PostgreSQL", _postgres())):
            with opening as store:
                if store is None:
                    return [*tables, Table("pages", database, "ms", "", notes=["not measured: it is not installed."])]
                fill(store, count)
                _settle(store)
                rounds = 5 if quick else 15
                tables += [_table(store, database, count, state, rounds) for state in ("FAILED", "COMPLETED")]
    return tables


def _table(store: Filled, database: str, count: int, state: str, rounds: int) -> Table:
    days = (BEGIN + timedelta(days=3), BEGIN + timedelta(days=6))
    where = RunFilter(state_types=frozenset({StateType(state)}), name="-0a", after=days[0], before=days[1])
    many = store.count("task", where)
    last = store.task_runs(where, order=LONGEST, offset=int(many * DEEP), limit=1)[0]
    goal = GOALS[database]
    contestants = {
        _FIRST: _asking(store, where),
        _DEEP: _asking(store, where, after=Place(last.total_run_time, last.id)),
    }
    title = f"{PAGE} of {many:,} {state} task runs, among {count:,}, by state, name and time; {database}"
    table = Table("pages", title, "ms", _FIRST)
    return table.fill(interleaved(contestants, rounds), {_FIRST: (goal, None), _DEEP: (goal, CONSTANT)})


def _asking(store: Filled, where: RunFilter, after: Place | None = None) -> Contestant:
    def ask() -> float:
        start = clock()
        found = store.task_runs(where, order=LONGEST, after=after, limit=PAGE)
        assert found, "there is such a page"
        return (clock() - start) * 1e3

    return ask


def _settle(store: Filled) -> None:
    """Let a database do what it does by itself, a while after so much was written."""
    if not isinstance(store, SqliteStore):
        import psycopg

        with psycopg.connect(store._link._url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


@contextmanager
def _sqlite(place: Path) -> Iterator[Filled | None]:
    store = SqliteStore(place / "million.db")
    yield store
    store.close()


@contextmanager
def _postgres() -> Iterator[Filled | None]:
    """Open a store in a server of our own; None where there is none to be found."""
    from headrace.store.postgres import PostgresStore

    with postgres(_STOCK) as address:
        if address is None:
            yield None
            return
        store = PostgresStore(address)
        yield store
        store.close()
