"""From a hundred task runs in one flow to a hundred thousand: does one cost more when there are many, and does it stay?"""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from benches.measure import Row, Table
from benches.processes import run
from benches.worlds import folder, living_in, noop, sqlite_in
from headrace import flow

SIZES = (100, 1_000, 10_000, 100_000)
GOAL_BYTES = 4096.0
#: What lets a process of the smaller size reach its full size: caches, the allocator's arenas.
WARM_UP = 100
LATEST = 2_000


def measure(*, quick: bool = False) -> list[Table]:
    """Measure; each size in a process of its own."""
    sizes = SIZES[:-1] if quick else SIZES
    times = Table("growth", "time per task run, by how many a flow has", "µs", f"{sizes[0]:,} called")
    memory = Table("growth", "memory that stays per finished task run: growth of the peak", "bytes", "")
    with folder() as place:
        for how in ("called", "submitted"):
            _measure(how, sizes, place, times, memory)
    times.notes.append(f"the time is that of the last {LATEST:,} task runs, or of all where there are fewer.")
    return [times, memory]


def _measure(how: str, sizes: tuple[int, ...], place: Path, times: Table, memory: Table) -> None:
    for size in sizes:
        printed = run(["-m", "benches.growth", how, str(size)], place).printed
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
        floor = times.rows[0].series if times.rows else [found["micros"]]
        times.rows.append(Row(f"{size:,} {how}", [found["micros"]], floor))
        if size > sizes[1]:
            memory.rows.append(Row(f"{size:,} {how}", [found["bytes"]], None, GOAL_BYTES))


@flow(log_prints=False)
def many(how: str, count: int) -> dict[str, float]:
    """Call or submit a task so many times, keeping nothing."""
    step = noop if how == "called" else _submitted
    for _ in range(WARM_UP):
        step()
    before, start = _peak(), perf_counter()
    timed = min(count, LATEST)
    for _ in range(count - timed):
        step()
    start = perf_counter()
    for _ in range(timed):
        step()
    return {"micros": (perf_counter() - start) / timed * 1e6, "bytes": (_peak() - before) / count}


def _submitted() -> None:
    noop.submit().wait()


def _peak() -> float:
    """Return the largest size of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def main() -> None:
    """Measure one size, and print what was found as JSON; for a process of its own."""
    logging.getLogger("headrace").addHandler(logging.NullHandler())
    how, count = sys.argv[1], int(sys.argv[2])
    with folder() as place, living_in(sqlite_in(place)()):
        found = many(how, count)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
