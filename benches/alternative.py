"""The same script under Prefect 3, where another Python has it: the whole process, and each task run.

It runs as it comes, with its own temporary server, which it starts for each process; only with more time to do so.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from benches.measure import Contestant, Table, interleaved
from benches.processes import run
from benches.worlds import folder

WHOLE = """
from {package} import flow, task

@task
def add(a, b):
    return a + b

@flow
def sums():
    return add(1, 2)

assert sums() == 3
"""
EACH = """
import json, os, time
from {package} import flow, task

@task
def add(a, b):
    return a + b

@flow
def sums(count):
    {warm_up}
    clock = time.process_time if "BENCHES_CPU" in os.environ else time.perf_counter
    start = clock()
    {body}
    return (clock() - start) / count * 1e6

print()
print(json.dumps(sums({count})))
"""
CALLED = {"warm_up": "add(1, 2)", "body": "for n in range(count): add(n, n)"}
SUBMITTED = {
    "warm_up": "add.submit(1, 2).result()",
    "body": "for future in [add.submit(n, n) for n in range(count)]: future.result()",
}
#: How long its first run may take, database and all.
PATIENCE_SECONDS = 120.0


def measure(*, quick: bool = False, python: str | None = None) -> list[Table]:
    """Measure; `python` is an interpreter that has Prefect 3. Where there is none, say so."""
    if python is None:
        return [_nothing("not measured: give --prefect-python, a Python that has Prefect 3 installed")]
    pythons = {"headrace": sys.executable, "prefect": python}
    with folder() as place:
        try:
            run(["-c", WHOLE.format(package="prefect")], place / "prefect", python=python, seconds=PATIENCE_SECONDS)
            return [_whole(pythons, place, quick), *_each(pythons, place, quick)]
        except (RuntimeError, OSError) as error:
            return [_nothing(f"not measured, for a script under the alternative failed: {error}")]


def _nothing(why: str) -> Table:
    return Table("alternative", "the same script under Prefect 3", "ms", "", notes=[why])


def _whole(pythons: dict[str, str], place: Path, quick: bool) -> Table:
    def contestant(package: str) -> Contestant:
        script = ["-c", WHOLE.format(package=package)]
        return lambda: run(script, place / package, python=pythons[package]).took_ms

    contestants = {package: contestant(package) for package in pythons}
    interleaved(contestants, 1)
    table = Table("alternative", "one flow, one task, whole process, existing store", "ms", "headrace")
    return table.fill(interleaved(contestants, 3 if quick else 5), {})


def _each(pythons: dict[str, str], place: Path, quick: bool) -> list[Table]:
    counts, rounds = {"headrace": 1000, "prefect": 50 if quick else 200}, 1 if quick else 3

    def contestant(package: str, how: dict[str, str]) -> Callable[[], float]:
        script = EACH.format(package=package, count=counts[package], **how)

        def measured() -> float:
            printed = run(["-c", script], place / package, python=pythons[package]).printed
            each: float = json.loads(printed.strip().splitlines()[-1])
            return each

        return measured

    tables = []
    for title, how in (("called in a flow", CALLED), ("submitted, all waited for", SUBMITTED)):
        contestants = {package: contestant(package, how) for package in pythons}
        table = Table("alternative", f"per task run, {title}, log on", "µs", "headrace")
        tables.append(table.fill(interleaved(contestants, rounds), {}))
    return tables
