"""A task called in a flow, over and over: what does a task run cost, every transition durable?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benches import raw
from benches.measure import Contestant, Table, clock, interleaved
from benches.worlds import folder, in_memory, living_in, noop, sqlite_in
from headrace import flow
from headrace.store.protocol import Store

FLOOR = "raw sqlite3, same rows and transactions"
SQLITE = "headrace, SQLite, log off"
MEMORY = "headrace, memory, log off"
UNFOLDED = "raw sqlite3, its log never folded in"
#: How many pages SQLite lets its log have, where nobody says otherwise, before it folds it in.
SQLITES_OWN_PAGES = 1000
WARM_UP = 50

GOALS = {SQLITE: (150.0, 2.0), MEMORY: (60.0, None)}


@flow
def calls(count: int, began: Callable[[], object] = lambda: None) -> float:
    """Call a task so many times, and return the microseconds per call; `began` is told when the clock starts."""
    for _ in range(WARM_UP):
        noop()
    began()
    start = clock()
    for _ in range(count):
        noop()
    return (clock() - start) / count * 1e6


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    count, rounds = (500, 3) if quick else (2000, 9)
    with folder() as place:
        floor, unfolded = replays(place, count)
        contestants: dict[str, Contestant] = {
            FLOOR: floor,
            UNFOLDED: unfolded,
            SQLITE: headrace(sqlite_in(place), count),
            "headrace, SQLite, log on": headrace(sqlite_in(place), count, log=True),
            MEMORY: headrace(in_memory, count),
            "headrace, memory, log on": headrace(in_memory, count, log=True),
            "a plain call": lambda: plain(count),
        }
        measured = interleaved(contestants, rounds)
    table = Table("sequential", "a task called in a flow, per task run", "µs", FLOOR)
    table.notes.append("log on: each line is formatted, written to a console that throws it away, and stored.")
    return [table.fill(measured, GOALS)]


def headrace(store: Callable[[], Store], count: int, *, log: bool = False) -> Contestant:
    """Return a contestant: the flow above, in a store of its own."""

    def contestant() -> float:
        with living_in(store(), log=log):
            return calls(count)

    return contestant


def replays(place: Path, count: int) -> tuple[Contestant, Contestant]:
    """Return the floors: what such a flow tells SQLite, told by a loop.

    Folding the write-ahead log into the file is part of the work: the first lets SQLite do it when it likes, in the
    middle of a transaction, as it does where nobody says otherwise. The second leaves it to nobody.
    """
    marks: list[int] = []
    with raw.listened_to() as script, living_in(raw.MarkingStore(place / "listened.db")):
        calls(count, lambda: marks.append(len(script)))
    mine = [told for told in script[marks[0] :] if told.run is not None]
    before = script[: marks[0]]

    def contestant(pages: int) -> float:
        connection = raw.connected(Path(tempfile.mkdtemp(dir=place)) / "raw.db")
        execute = connection.cursor().execute
        raw.tell(execute, before)
        execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchall()
        start = clock()
        raw.tell(execute, mine)
        took = (clock() - start) / count * 1e6
        connection.close()
        return took

    return lambda: contestant(SQLITES_OWN_PAGES), lambda: contestant(0)


def plain(count: int) -> float:
    """Return what the function costs without us."""
    fn = noop.fn
    start = clock()
    for _ in range(count):
        fn()
    return (clock() - start) / count * 1e6
