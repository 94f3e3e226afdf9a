"""A thousand tasks submitted to the thread runner, then waited for: what does a submitted task run cost, durably?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from benches import raw
from benches.measure import Contestant, Table, clock, interleaved
from benches.sequential import SQLITES_OWN_PAGES
from benches.worlds import folder, in_memory, living_in, noop, sqlite_in
from headrace import flow
from headrace.store.protocol import Store
from headrace.task_runners import ThreadPoolTaskRunner

FLOOR = "ThreadPoolExecutor, same raw writes under a lock"
SQLITE = "headrace, SQLite, no bound"
WORKERS = 4
WARM_UP = 20

GOALS: dict[str, tuple[float | None, float | None]] = {SQLITE: (250.0, None)}


def _submits(count: int, began: Callable[[], object] = lambda: None) -> float:
    for future in [noop.submit() for _ in range(WARM_UP)]:
        future.wait()
    began()
    start = clock()
    futures = [noop.submit() for _ in range(count)]
    for future in futures:
        future.wait()
    return (clock() - start) / count * 1e6


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    count, rounds = (200, 3) if quick else (1000, 9)
    with folder() as place:
        contestants: dict[str, Contestant] = {
            FLOOR: replay(place, count),
            SQLITE: headrace(sqlite_in(place), count, None),
            f"headrace, SQLite, {WORKERS} workers": headrace(sqlite_in(place), count, WORKERS),
            "headrace, SQLite, 1 worker": headrace(sqlite_in(place), count, 1),
            "headrace, memory, no bound": headrace(in_memory, count, None),
            f"headrace, memory, {WORKERS} workers": headrace(in_memory, count, WORKERS),
            "ThreadPoolExecutor alone": lambda: alone(count),
        }
        measured = interleaved(contestants, rounds)
    title = f"{count:,} submits, then all are waited for; per task run, log off"
    return [Table("submitted", title, "µs", FLOOR).fill(measured, GOALS)]


def headrace(store: Callable[[], Store], count: int, workers: int | None) -> Contestant:
    """Return a contestant: such a flow, in a store of its own."""
    submits = flow(task_runner=ThreadPoolTaskRunner(workers))(_submits)

    def contestant() -> float:
        with living_in(store()):
            return submits(count)

    return contestant


def replay(place: Path, count: int) -> Contestant:
    """Return the floor: the first transaction of each task run by the submitter, the others by the pool."""
    marks: list[int] = []
    submits = flow(task_runner=ThreadPoolTaskRunner(1))(_submits)
    with raw.listened_to() as script, living_in(raw.MarkingStore(place / "listened.db")):
        submits(count, lambda: marks.append(len(script)))
    before, runs = script[: marks[0]], list(raw.transactions(script[marks[0] :]).values())

    def contestant() -> float:
        connection, lock = raw.connected(Path(tempfile.mkdtemp(dir=place)) / "raw.db"), Lock()
        execute = connection.cursor().execute
        raw.tell(execute, before)
        execute(f"PRAGMA wal_autocheckpoint = {SQLITES_OWN_PAGES}").fetchall()

        def write(transaction: list[raw.Told]) -> None:
            with lock:
                raw.tell(execute, transaction)

        def lived(rest: list[list[raw.Told]]) -> Any:
            for transaction in rest:
                write(transaction)
            return noop.fn()

        with ThreadPoolExecutor(WORKERS) as pool:
            start = clock()
            futures = []
            for created, *rest in runs:
                write(created)
                futures.append(pool.submit(lived, rest))
            for future in futures:
                future.result()
            took = (clock() - start) / count * 1e6
        connection.close()
        return took

    return contestant


def alone(count: int) -> float:
    """Return what a thread pool costs that writes nothing."""
    with ThreadPoolExecutor(WORKERS) as pool:
        start = clock()
        for future in [pool.submit(noop.fn) for _ in range(count)]:
            future.result()
        return (clock() - start) / count * 1e6
