"""A whole script with one flow and one task, from nothing, on the default store: what a newcomer feels first."""

from __future__ import annotations

import itertools

from benches.measure import Contestant, Table, interleaved
from benches.processes import took
from benches.worlds import folder

FLOOR = "python -c pass"
FRESH = "one flow, one task, fresh home"
EXISTING = "one flow, one task, existing store"
GOALS: dict[str, tuple[float | None, float | None]] = {FRESH: (150.0, None), EXISTING: (150.0, None)}

SCRIPT = """
from headrace import flow, task

@task
def add(a, b):
    return a + b

@flow
def sums():
    return add(1, 2)

assert sums() == 3
"""


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    with folder() as place:
        script, home, numbers = place / "script.py", place / "used", itertools.count()
        script.write_text(SCRIPT)
        contestants: dict[str, Contestant] = {
            FLOOR: lambda: took(["-c", "pass"], home),
            'python -c "import asyncio"': lambda: took(["-c", "import asyncio"], home),
            'python -c "import headrace"': lambda: took(["-c", "import headrace"], home),
            FRESH: lambda: took([script], place / f"fresh-{next(numbers)}"),
            EXISTING: lambda: took([script], home),
        }
        interleaved(contestants, 1)  # write bytecode, fill the disk's cache
        measured = interleaved(contestants, 5 if quick else 21)
    return [Table("cold", "a whole script, cold, on the default store", "ms", FLOOR).fill(measured, GOALS)]
