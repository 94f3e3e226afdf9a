"""What the pytest plugin adds to a test: an isolated store for each, and a flow run in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from benches.measure import Contestant, Table, interleaved
from benches.processes import run
from benches.worlds import folder

#: Times the tests themselves: neither start-up nor collection.
CONFTEST = """
import json, os, time
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session):
    clock = time.process_time if "BENCHES_CPU" in os.environ else time.perf_counter
    before = clock()
    try:
        return (yield)
    finally:
        took = (clock() - before) / len(session.items)
        with open("took.json", "w") as file:
            json.dump(took * 1e3, file)
"""
FLOWS = """
from headrace import flow, task

@task
def add(a, b):
    return a + b

@flow
def sums():
    return add(1, 2)

@task(retries=2, retry_delay_seconds=[1200, 2400])
def unlucky(failures):
    if failures:
        raise ConnectionError(failures.pop())
    return "page"

@flow
def patient():
    return unlucky(["down", "down"])
"""


class Suite(NamedTuple):
    """Many tests of one kind."""

    test: str
    options: tuple[str, ...] = ()
    heading: str = ""


EMPTY = "def test_{n}():\n    pass\n"
FLOOR = "an empty test, plugin off"
STORE = "an empty test that looks at its store"
ONE = "a flow with one task"
HOUR = "an hour of retries, on the fake clock"
SUITES = {
    FLOOR: Suite(EMPTY, ("-p", "no:headrace")),
    "an empty test, plugin on": Suite(EMPTY),
    "an empty test, headrace imported": Suite(EMPTY, heading=FLOWS),
    STORE: Suite("def test_{n}(run_store):\n    assert run_store.task_runs() == []\n", heading=FLOWS),
    ONE: Suite("def test_{n}():\n    assert sums() == 3\n", heading=FLOWS),
    "the same, and a look at its runs": Suite(
        "def test_{n}(runs):\n    assert sums() == 3\n    assert runs.task('add').state.name == 'Completed'\n",
        heading=FLOWS,
    ),
    HOUR: Suite("def test_{n}(fake_clock):\n    assert patient() == 'page'\n", heading=FLOWS),
}
ADDED = {
    STORE: ("  added by the store", 0.3),
    ONE: ("  added by the flow run", 1.5),
    HOUR: ("  added by the story", 2.0),
}


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    count, rounds = (100, 3) if quick else (300, 7)
    with folder() as place:
        contestants: dict[str, Contestant] = {
            label: _contestant(suite, place / f"suite-{number}", count)
            for number, (label, suite) in enumerate(SUITES.items())
        }
        measured = interleaved(contestants, rounds)
    goals: dict[str, tuple[float | None, float | None]] = {}
    for label, (added, goal) in ADDED.items():
        pairs = zip(measured[label], measured[FLOOR], strict=True)
        measured[added] = [ours - empty for ours, empty in pairs]
        goals[added] = (goal, None)
    title = f"one of {count} tests, set-up and tear-down included, start-up of pytest not"
    return [Table("harness", title, "ms", FLOOR).fill(measured, goals)]


def _contestant(suite: Suite, place: Path, count: int) -> Contestant:
    place.mkdir()
    (place / "pytest.ini").write_text("[pytest]\n")
    (place / "conftest.py").write_text(CONFTEST)
    tests = "\n\n".join(suite.test.format(n=number) for number in range(count))
    (place / "test_many.py").write_text(f"{suite.heading}\n\n{tests}")
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *suite.options]

    def contestant() -> float:
        run(command, place / "home", folder=place)
        took: float = json.loads((place / "took.json").read_text())
        return took

    return contestant
