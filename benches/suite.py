"""A whole suite, as a developer waits for it: fifty tests with a flow each, and one with three retries of a second."""

from __future__ import annotations

from pathlib import Path

from benches.measure import Contestant, Table, interleaved
from benches.processes import took
from benches.worlds import folder

FLOOR = "bare pytest with its plugins, the same tests of plain functions"
WITH_FLOWS = "with flows, and a simulation for the retries"
ADDED = "  added by headrace"

FLOWS = """
from headrace import flow, task

@task
def add(a, b):
    return a + b

@flow
def sums():
    return add(1, 2)

@task(retries=3, retry_delay_seconds=1)
def unlucky(failures):
    if failures:
        raise ConnectionError(failures.pop())
    return "page"

@flow
def patient():
    return unlucky(["down"] * 3)
"""
FUNCTIONS = """
def sums():
    return 3

def patient():
    return "page"
"""
TEST = "def test_{n}():\n    assert sums() == 3\n"
RETRIES = "def test_retries(simulation):\n    assert patient() == 'page'\n    assert simulation.elapsed == 3\n"
NO_RETRIES = "def test_retries():\n    assert patient() == 'page'\n"


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    with folder() as place:
        contestants: dict[str, Contestant] = {
            FLOOR: _suite(place / "plain", FUNCTIONS, NO_RETRIES, ["-p", "no:headrace"]),
            WITH_FLOWS: _suite(place / "flows", FLOWS, RETRIES, []),
        }
        interleaved(contestants, 1)  # write bytecode, fill the disk's cache
        measured = interleaved(contestants, 5 if quick else 15)
    pairs = zip(measured[WITH_FLOWS], measured[FLOOR], strict=True)
    measured[ADDED] = [(ours - floor) for ours, floor in pairs]
    goals: dict[str, tuple[float | None, float | None]] = {WITH_FLOWS: (1200.0, None), ADDED: (150.0, None)}
    return [Table("suite", "51 tests, the whole process", "ms", FLOOR).fill(measured, goals)]


def _suite(place: Path, heading: str, retries: str, options: list[str]) -> Contestant:
    place.mkdir()
    (place / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    tests = "\n\n".join(TEST.format(n=number) for number in range(50))
    (place / "test_suite.py").write_text(f"{heading}\n\n{tests}\n\n{retries}")
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(place), *options, str(place)]
    return lambda: took(command, place / "home")
