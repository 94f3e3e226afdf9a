"""From a hundred task runs in one flow to a hundred thousand: does each cost the same, and how much of it stays?"""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from statistics import median

from benches.measure import Contestant, Series, Table, clock, interleaved
from benches.processes import run
from benches.worlds import folder, living_in, noop, sqlite_in
from headrace import flow

SIZES = (100, 1_000, 10_000, 100_000)
GOAL_BYTES = 4096.0
#: What lets a process of the smaller size reach its full size: caches, the allocator's arenas.
WARM_UP = 100
#: The time is the median of the last parts, of so many task runs each.
PART, LATEST = 50, 40


def measure(*, quick: bool = False) -> list[Table]:
    """Measure; each size in a process of its own."""
    cases = [("called", size) for size in SIZES] + [("submitted", size) for size in SIZES[:-1]]
    cases = [(how, size) for how, size in cases if size < SIZES[-1] or not quick]
    kept: dict[str, Series] = {}
    with folder() as place:
        contestants = {f"{size:,} {how}": _contestant(how, size, place, kept) for how, size in cases}
        measured = interleaved(contestants, 1 if quick else 3)
    times = Table("growth", "time per task run, by how many a flow has", "µs", next(iter(measured)))
    times.notes.append(f"the median of parts of {PART} task runs, among the last {PART * LATEST:,}.")
    memory = Table("growth", "memory that stays per finished task run: growth of the process's peak", "bytes", "")
    return [times.fill(measured, {}), memory.fill(kept, dict.fromkeys(kept, (GOAL_BYTES, None)))]


def _contestant(how: str, size: int, place: Path, kept: dict[str, Series]) -> Contestant:
    def contestant() -> float:
        found = json.loads(run(["-m", "benches.growth", how, str(size)], place).printed.splitlines()[-1])
        if size >= SIZES[2]:  # of fewer, the process's own ups and downs hide what a task run takes
            kept.setdefault(f"{size:,} {how}", []).append(found["bytes"])
        micros: float = found["micros"]
        return micros

    return contestant


@flow(log_prints=False)
def many(how: str, count: int) -> dict[str, float]:
    """Call or submit a task so many times, keeping nothing."""
    step = noop if how == "called" else _submitted
    for _ in range(WARM_UP):
        step()
    before, times = _peak(), []
    for _ in range(count // PART):
        start = clock()
        for _ in range(PART):
            step()
        times.append((clock() - start) / PART * 1e6)
    return {"micros": median(times[-LATEST:]), "bytes": (_peak() - before) / count}


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
