"""What virtual time costs in real time: a simulation, an hour of retries, a change of turns, a thousand schedules."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from benches.measure import Contestant, Table, clock, interleaved
from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.testing import explore, simulate

NOTHING = "a simulation, and nothing in it"
HOUR = "an hour of retries, called"
SUBMITTED = "an hour of retries, submitted"
FOUR = "a flow of four sleeping tasks, submitted"
GOALS: dict[str, tuple[float | None, float | None]] = {HOUR: (2.0, None), SUBMITTED: (2.0, None)}
HAND_OVER = "a virtual sleep, handed over to another thread"
SWITCH = "a switch between two threads by locks"


@task(retries=3, retry_delay_seconds=[600, 1200, 1800])
def unlucky(failures: list[str]) -> str:
    """Fail as often as there are failures."""
    if failures:
        raise ConnectionError(failures.pop())
    return "page"


@task
def nap(number: int) -> int:
    """Sleep, on whatever time it is."""
    time.sleep(1)
    return number


@flow
def patient(submit: bool) -> str:
    """Wait for an hour in all."""
    failures = ["down"] * 3
    return unlucky.submit(failures).result() if submit else unlucky(failures)


@flow
def naps() -> list[int]:
    """Let four tasks sleep at the same time."""
    return [future.result() for future in nap.map(range(4))]


@task
async def async_nap(number: int) -> int:
    """Sleep in an event loop."""
    await asyncio.sleep(1)
    return number


@flow
async def async_naps() -> list[int]:
    """Let four tasks of one event loop sleep at the same time."""
    return await asyncio.gather(*map(async_nap, range(4)))


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    logging.disable(logging.CRITICAL)
    try:
        return [_stories(quick), _hand_overs(quick), _schedules(quick)]
    finally:
        logging.disable(logging.NOTSET)


def _stories(quick: bool) -> Table:
    contestants: dict[str, Contestant] = {
        NOTHING: lambda: _simulated(lambda: None, 0),
        HOUR: lambda: _simulated(lambda: patient(submit=False), 3600),
        SUBMITTED: lambda: _simulated(lambda: patient(submit=True), 3600),
        FOUR: lambda: _simulated(naps, 1),
    }
    interleaved(contestants, 5)  # imports, threads
    table = Table("simulation", "a simulation, from its beginning to its end", "ms", NOTHING)
    return table.fill(interleaved(contestants, 50 if quick else 300), GOALS)


def _simulated(story: Callable[[], object], seconds: float) -> float:
    start = clock()
    with simulate() as simulation:
        story()
        assert simulation.elapsed == seconds
    return (clock() - start) * 1e3


def _hand_overs(quick: bool) -> Table:
    count = 500 if quick else 5000
    contestants: dict[str, Contestant] = {SWITCH: lambda: _switches(count), HAND_OVER: lambda: _sleeps(count)}
    measured = interleaved(contestants, 5 if quick else 15)
    return Table("turns", "a change of turns", "µs", SWITCH).fill(measured, {HAND_OVER: (30.0, None)})


def _sleeps(count: int) -> float:
    """Let two threads sleep on virtual time, by turns."""
    time_ = VirtualClock()

    def other(announced: object) -> None:
        with time_.adopt_participant(announced):
            for _ in range(count):
                time_.sleep(1)

    with time_.participant():
        thread = threading.Thread(target=other, args=(time_.expect_participant("other"),))
        thread.start()
        start = clock()
        for _ in range(count):
            time_.sleep(1)
        took = clock() - start
    thread.join()
    return took / (2 * count) * 1e6


def _switches(count: int) -> float:
    """Let two threads wake each other: what any scheduler of real threads must pay."""
    mine, others = threading.Lock(), threading.Lock()
    mine.acquire()
    others.acquire()

    def other() -> None:
        for _ in range(count):
            others.acquire()
            mine.release()

    thread = threading.Thread(target=other)
    thread.start()
    start = clock()
    for _ in range(count):
        others.release()
        mine.acquire()
    took = clock() - start
    thread.join()
    return took / (2 * count) * 1e6


def _schedules(quick: bool) -> Table:
    count = 200 if quick else 1000

    def explored(fn: Callable[[], object]) -> float:
        start = clock()
        tried = explore(fn, schedules=count).schedules  # it may run out of different ones
        return (clock() - start) / tried * count

    submitted, gathered = f"{count} schedules of four submitted tasks", f"{count} schedules of four gathered tasks"
    measured = interleaved({submitted: lambda: explored(naps), gathered: lambda: explored(async_naps)}, 3)
    return Table("explore", "exploring schedules", "s", "").fill(
        measured, {submitted: (count / 200, None), gathered: (count / 200, None)}
    )
