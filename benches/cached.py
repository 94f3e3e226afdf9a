"""A task whose result is kept: what does it cost to keep one, and what to find one?"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches.measure import Contestant, Table, clock, interleaved
from benches.worlds import folder, living_in, noop, sqlite_in
from headrace import flow, task
from headrace.cache_policies import INPUTS
from headrace.settings import temporary_settings

FLOOR = "a file written and renamed, and read again"
VALUE = {"rows": list(range(100)), "name": "a result"}


@task(cache_policy=INPUTS)
def kept(number: int) -> dict[str, Any]:
    """Return something of a kilobyte or so."""
    return VALUE


@flow
def calls(numbers: list[int], call: Callable[[int], object]) -> float:
    """Call a task with each number, and return the microseconds per call."""
    start = clock()
    for number in numbers:
        call(number)
    return (clock() - start) / len(numbers) * 1e6


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    count, rounds = (200, 3) if quick else (1000, 9)
    with folder() as place:
        contestants: dict[str, Contestant] = {
            FLOOR: lambda: files(place, count),
            "a run that keeps its result": headrace(place, list(range(count)), kept),
            "a hit": headrace(place, [0] * count, kept),
            "a run that keeps nothing": headrace(place, list(range(count)), lambda _: noop()),
        }
        measured = interleaved(contestants, rounds)
    table = Table("cached", "a task called in a flow, SQLite, results in files, log off; per task run", "µs", FLOOR)
    return [table.fill(measured, {})]


def headrace(place: Path, numbers: list[int], call: Callable[[int], object]) -> Contestant:
    """Return a contestant: the flow above, with a store and a directory of its own each time."""
    rounds = iter(range(1_000_000))

    def contestant() -> float:
        storage = place / f"storage-{id(numbers)}-{next(rounds)}"
        with temporary_settings({"results_local_storage_path": storage}), living_in(sqlite_in(place)()):
            calls([0], call)
            return calls(numbers, call)

    return contestant


def files(place: Path, count: int) -> float:
    """Return what pickling to a file and back costs, without anybody's engine."""
    path, beside = place / "floor", place / "floor.part"
    start = clock()
    for _ in range(count):
        beside.write_bytes(pickle.dumps(VALUE))
        beside.rename(path)
        pickle.loads(path.read_bytes())
    return (clock() - start) / count * 1e6
