"""Whose time is virtual in a simulation: whoever holds a function, a type, a lock, however and since when."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import pickle
import queue
import sched
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import sleep
from typing import Any

import pytest
from pydantic import BaseModel, Field

from headrace import flow, task
from headrace.exceptions import DeadlockError
from headrace.testing import simulate

FIRST, SECOND = threading.Lock(), threading.Lock()
MANY_TIMES = threading.RLock()
CHANGED = threading.Condition()
LETTERS: queue.SimpleQueue[str] = queue.SimpleQueue()
TABLE = {"sleep": sleep}
KEPT = [sleep]


class Client:
    """Holds `sleep` in all the ways that a class can."""

    pause = sleep
    wait = staticmethod(sleep)

    def __init__(self, sleeper: Callable[[float], None] = sleep) -> None:
        self.sleeper = sleeper


@dataclass(slots=True)
class Slotted:
    """An object without a namespace."""

    sleeper: Callable[[float], None] = sleep


CLIENT, SLOTTED = Client(), Slotted()


def by_default(sleeper: Callable[[float], None] = sleep) -> None:
    """Sleep by a default."""
    sleeper(5)


def by_name(*, sleeper: Callable[[float], None] = sleep) -> None:
    """Sleep by a default that has a name."""
    sleeper(5)


def enclosing(sleeper: Callable[[float], None] = sleep) -> Callable[[], None]:
    """Return what sleeps by what it encloses."""
    return lambda: sleeper(5)


ENCLOSED = enclosing()


@dataclass
class Stamped:
    """Knows when it was made."""

    at: datetime = field(default_factory=datetime.now)
    seconds: float = field(default_factory=time.time)


class Moment(datetime):
    """A subclass of the user's."""


class Event(BaseModel):
    """A model that knows when it was made."""

    at: datetime = Field(default_factory=lambda: datetime.now(UTC))


@pytest.mark.parametrize(
    "sleeping",
    [
        lambda: Client.pause(5),
        lambda: Client().pause(5),
        lambda: Client.wait(5),
        lambda: Client().sleeper(5),
        lambda: CLIENT.sleeper(5),
        lambda: SLOTTED.sleeper(5),
        by_default,
        by_name,
        ENCLOSED,
        functools.partial(sleep, 5),
        lambda: TABLE["sleep"](5),
        lambda: KEPT[0](5),
    ],
    ids=[
        "class attribute",
        "class attribute of an object",
        "static method",
        "default of a new object",
        "object",
        "slot",
        "default",
        "named default",
        "closure",
        "partial",
        "dict",
        "list",
    ],
)
def test_whoever_holds_sleep_sleeps_on_virtual_time(sleeping):
    """Not names of modules alone."""
    for _ in range(2):
        with simulate() as simulation:
            sleeping()
            assert simulation.elapsed == 5


def test_who_comes_to_hold_it_later_is_found_too():
    """Each simulation looks again, if there is a reason to."""
    with simulate():
        pass
    clients = [Client(sleep), Client(time.sleep)]
    with simulate() as simulation:
        for client in clients:
            client.sleeper(5)
        assert simulation.elapsed == 10


def test_who_holds_a_stand_in_has_the_real_function_outside():
    """It stays where it was put, and is not in the way."""
    with simulate():
        held = Client(time.monotonic)
    before = held.sleeper()
    assert abs(before - time.monotonic()) < 60
    with simulate():
        assert held.sleeper() == time.monotonic()
    assert pickle.loads(pickle.dumps(held.sleeper)) is held.sleeper


def test_datetimes_are_real_ones_of_virtual_time():
    """Whatever type they are asked of."""
    start = datetime(2030, 5, 5, 12, tzinfo=UTC)
    with simulate(start):
        assert type(datetime.now()) is datetime
        assert type(date.today()) is date
        assert Moment.now(UTC) == start
        assert type(Moment.now(UTC)) is Moment
        assert type(Moment.today()) is Moment
        assert Stamped().at == start.astimezone().replace(tzinfo=None)
        assert Stamped().seconds == start.timestamp()
        assert Event().at == start

        class Own(datetime):
            pass

        assert type(Own.now()) is Own
        assert not isinstance(datetime.now(), Own)
        assert time.asctime() == time.ctime() == time.asctime(time.localtime())
        assert time.asctime().endswith("2030")
    assert datetime.now(UTC) - start < timedelta(0)


def test_locks_of_modules_take_part():
    """Who made them, and when, does not matter."""

    @task
    def working():
        with FIRST:
            sleep(3)
        with MANY_TIMES, MANY_TIMES:
            sleep(2)

    @flow
    def in_a_row():
        for future in [working.submit() for _ in range(3)]:
            future.result()

    with simulate() as simulation:
        in_a_row()
        assert simulation.elapsed == 11


def test_locks_of_modules_can_be_waited_for_with_a_time_out():
    """On virtual time."""
    with simulate() as simulation:
        with FIRST:
            assert not FIRST.acquire(timeout=5)
            assert not FIRST.acquire(blocking=False)
        assert FIRST.acquire(timeout=5)
        FIRST.release()
        with pytest.raises(ValueError, match="timeout"):
            FIRST.acquire(timeout=-5)
        assert simulation.elapsed == 5


def test_a_deadlock_of_locks_of_modules_is_named():
    """At once, with the holders."""

    @task(task_run_name="{name}")
    def taking(name: str, one: Any, other: Any) -> None:
        with one:
            sleep(1)
            with other:
                pass

    @flow
    def crossing():
        futures = [taking.submit("a", FIRST, SECOND), taking.submit("b", SECOND, FIRST)]
        return [future.result() for future in futures]

    with pytest.raises(DeadlockError) as caught, simulate():
        crossing()
    rows = {row[0]: row for row in caught.value.participants}
    assert rows["a"][1] == "waits for a lock, held by b"
    assert rows["b"][1] == "waits for a lock, held by a"
    assert not FIRST.locked()
    assert not SECOND.locked()


def test_a_condition_on_a_lock_of_a_module_gives_it_back():
    """While it waits, and though it was made before."""
    ready: list[bool] = []

    @task
    def waiting():
        with CHANGED:
            assert CHANGED.wait_for(lambda: ready, timeout=60)

    @task
    def working():
        sleep(10)
        with CHANGED:
            ready.append(True)
            CHANGED.notify_all()

    @flow
    def both():
        futures = [waiting.submit(), waiting.submit(), working.submit()]
        return [future.result() for future in futures]

    with simulate() as simulation:
        both()
        assert simulation.elapsed == 10


def test_simple_queues_of_modules_take_part():
    """With time-outs, and between threads."""

    def later() -> None:
        sleep(3)
        LETTERS.put("a")

    with simulate() as simulation:
        with pytest.raises(queue.Empty):
            LETTERS.get(timeout=5)
        threading.Thread(target=later).start()
        assert LETTERS.get(timeout=60) == "a"
        assert simulation.elapsed == 8
        with pytest.raises(queue.Empty):
            LETTERS.get(block=False)
        with pytest.raises(DeadlockError):
            LETTERS.get()


def test_an_executor_outlives_the_simulation_that_its_threads_began_in():
    """They wait for work, then and later."""
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        with simulate() as simulation:
            executor.submit(sleep, 5).result()
            assert simulation.elapsed == 5
        assert executor.submit(lambda: 3).result(timeout=60) == 3


def test_a_scheduler_of_the_standard_library_follows():
    """Its defaults hold the real functions."""
    with simulate() as simulation:
        rung: list[float] = []
        scheduler = sched.scheduler()
        scheduler.enter(10, 1, lambda: rung.append(simulation.elapsed))
        scheduler.enter(5, 1, lambda: rung.append(simulation.elapsed))
        scheduler.run()
        assert rung == [5, 10]


def test_waiting_for_what_is_left_of_a_deadline_ends():
    """`as_completed` looks at its deadline until some time has passed, which it never does by itself."""
    with simulate() as simulation, concurrent.futures.ThreadPoolExecutor() as executor:
        futures = [executor.submit(sleep, seconds) for seconds in (3, 20)]
        with pytest.raises(TimeoutError):
            list(concurrent.futures.as_completed(futures, timeout=5))
        assert simulation.elapsed == 5


def test_a_thread_that_still_waits_at_the_end_is_ended_quietly():
    """It is no error of the test's, and a warning would be one."""
    ended = []

    def wait() -> None:
        try:
            threading.Event().wait()
        finally:
            ended.append(True)

    with simulate() as simulation:
        thread = threading.Thread(target=wait)
        thread.start()
        simulation.advance(1)
    thread.join(60)
    assert ended


def test_a_thread_that_has_not_begun_at_the_end_never_does():
    """It would go on in real time, and so might sleep for days."""
    begun = []
    with simulate():
        thread = threading.Thread(target=lambda: begun.append(True) or sleep(1_000_000))
        thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert not begun


@pytest.mark.parametrize("moment", range(1, 8))
def test_a_flow_that_is_left_in_the_middle_is_ended_quietly(moment):
    """Whatever its tasks are at: waiting, ready, or about to begin."""

    @flow
    def napping():
        return [future.result() for future in [napped.submit() for _ in range(3)]]

    @task
    def napped():
        sleep(1_000_000)

    others = set(threading.enumerate())
    looks = iter(range(1, 100))
    with simulate() as simulation:
        simulation.start(napping)
        simulation.run_until(lambda: next(looks) > moment)
    for thread in set(threading.enumerate()) - others:
        if not thread.daemon:
            thread.join(60)
            assert not thread.is_alive()


def test_coroutines_in_threads_and_threads_in_coroutines_share_one_time():
    """Whatever is in whatever."""

    async def both() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(by_default))
            group.create_task(asyncio.sleep(7))

    with simulate() as simulation, concurrent.futures.ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, both()).result()
        assert simulation.elapsed == 7
