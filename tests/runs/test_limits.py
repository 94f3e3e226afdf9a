"""Concurrency limits: who waits, who is next, what is shown, and that slots come back in every ending."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from headrace import flow, task
from headrace.concurrency.asyncio import concurrency as aconcurrency
from headrace.concurrency.asyncio import rate_limit as arate_limit
from headrace.concurrency.sync import concurrency, rate_limit
from headrace.core.states import State, StateType
from headrace.drive.world import World, current_world, use_world
from headrace.exceptions import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    TaskRunTimeoutError,
)
from headrace.store.protocol import ConcurrencyLimit
from headrace.store.sqlite import SqliteStore


def put(name, limit=1, decay=0.0):
    current_world().store.put_limit(ConcurrencyLimit(name=name, limit=limit, slot_decay_per_second=decay))


def taken(name):
    world = current_world()
    return world.store.limit(name, world.clock.now()).active_slots


def test_tasks_of_a_limited_tag_take_turns_and_show_that_they_wait(runs, fake_clock):
    """One slot, three tasks of ten seconds: thirty seconds; two of them show AwaitingConcurrencySlot."""
    put("tag:db")

    @task(tags=["db"])
    def query():
        time.sleep(10)

    @flow
    def around():
        return [query.submit() for _ in range(3)]

    around()
    assert fake_clock == 30
    histories = sorted(run.states for run in runs.tasks())
    waited = ["Pending", "AwaitingConcurrencySlot", "Running", "Completed"]
    assert histories == [waited, waited, ["Pending", "Running", "Completed"]]
    assert taken("tag:db") == 0


def test_async_tasks_take_turns_too(runs, fake_clock):
    """In one event loop."""
    put("tag:db", 2)

    @task(tags=["db"])
    async def query():
        await asyncio.sleep(10)

    @flow
    async def around():
        await asyncio.gather(*[query() for _ in range(4)])

    asyncio.run(around())
    assert fake_clock == 20
    assert taken("tag:db") == 0


@pytest.mark.parametrize(
    ("error", "options"),
    [
        (ValueError("no"), {}),
        (SystemExit(1), {}),
        (KeyboardInterrupt(), {}),
        (None, {"timeout_seconds": 1}),
        (ValueError("no"), {"retries": 2, "retry_delay_seconds": 1}),
    ],
)
def test_slots_come_back_however_a_run_ends(error, options, runs, fake_clock):
    """Failed, crashed, timed out, tried again."""
    put("tag:db")

    @task(tags=["db"], **options)
    def query():
        assert taken("tag:db") == 1
        time.sleep(5)
        if error is not None:
            raise error

    with pytest.raises(type(error) if error is not None else TaskRunTimeoutError):
        query()
    assert taken("tag:db") == 0


def test_no_slot_is_held_while_a_run_waits_for_its_retry(runs, fake_clock):
    """Another task runs meanwhile."""
    put("tag:db")
    held = []

    @task(tags=["db"], retries=1, retry_delay_seconds=10)
    def unsteady():
        if not held:
            held.append(1)
            raise ValueError
        return 1

    @task(tags=["db"])
    def other():
        time.sleep(3)

    @flow
    def around():
        first = unsteady.submit()
        time.sleep(1)
        other()
        return first.result()

    assert around() == 1
    assert fake_clock == 10


def test_a_run_with_several_limited_tags_takes_them_all_or_none(runs, fake_clock):
    """Opposite orders do not stall each other."""
    put("tag:a")
    put("tag:b")

    @task(tags=["a", "b"])
    def one():
        time.sleep(1)

    @task(tags=["b", "a"])
    def other():
        time.sleep(1)

    @flow
    def around():
        return [one.submit(), other.submit(), one.submit(), other.submit()]

    around()
    assert fake_clock == 4


def test_waiters_are_served_in_the_order_they_came(fake_clock):
    """First come, first served."""
    put("pen")
    order = []

    @task
    def write(n):
        time.sleep(n)
        with concurrency("pen"):
            order.append(n)
            time.sleep(100)

    @flow
    def around():
        return [write.submit(n) for n in range(5)]

    around()
    assert order == [0, 1, 2, 3, 4]
    assert fake_clock == 500


def test_who_stood_behind_a_grant_through_another_limit_is_woken_at_once(fake_clock):
    """Where A and B are asked for together, who waits for A behind that is woken when it is served."""
    put("a", 2)
    put("b", 1)
    times = {}

    @task
    def hold(names, seconds, start, label):
        time.sleep(start)
        with concurrency(names):
            times[label] = current_world().clock.elapsed
            time.sleep(seconds)

    @flow
    def around():
        return [
            hold.submit("b", 10, 0, "b first"),
            hold.submit(["a", "b"], 100, 1, "both"),
            hold.submit("a", 1, 2, "behind"),
        ]

    around()
    assert times == {"b first": 0, "both": 10, "behind": 10}


def test_a_block_that_cannot_get_its_slot_in_time_raises(fake_clock):
    """After exactly `timeout_seconds`; and its place in the queue is given up."""
    put("pen")
    with concurrency("pen"):
        too_late = pytest.raises(AcquireConcurrencySlotTimeoutError, match="within 3 second")
        with too_late, concurrency("pen", timeout_seconds=3):
            pytest.fail("it was entered")
        assert fake_clock == 3
    with concurrency("pen", timeout_seconds=0):
        assert taken("pen") == 1
    assert taken("pen") == 0


def test_async_blocks_do_the_same(fake_clock):
    """Time-outs, turns and slots that come back."""
    put("pen")

    async def main():
        async with aconcurrency("pen"):
            with pytest.raises(AcquireConcurrencySlotTimeoutError):
                async with aconcurrency("pen", timeout_seconds=3):
                    pytest.fail("it was entered")

    asyncio.run(main())
    assert fake_clock == 3
    assert taken("pen") == 0


def test_a_limit_that_does_not_exist_is_warned_about_or_refused(caplog):
    """Refused with `strict`."""
    with concurrency("nowhere"):
        assert "no concurrency limit 'nowhere'" in caplog.text
    with pytest.raises(ConcurrencySlotAcquisitionError, match="nowhere"), concurrency("nowhere", strict=True):
        pytest.fail("it was entered")


def test_more_slots_than_there_are_is_an_error_at_once(fake_clock):
    """Not a wait for ever."""
    put("pen", 2)
    with pytest.raises(ConcurrencySlotAcquisitionError), concurrency("pen", occupy=3):
        pytest.fail("it was entered")
    assert fake_clock == 0


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_rate_lets_through_as_much_as_decays(kind, fake_clock):
    """Two at once, then one in two seconds."""
    put("api", 2, decay=0.5)
    times = []

    async def main():
        for _ in range(4):
            await arate_limit("api")
            times.append(current_world().clock.elapsed)

    if kind == "async":
        asyncio.run(main())
    else:
        for _ in range(4):
            rate_limit("api")
            times.append(current_world().clock.elapsed)
    assert times == [0, 0, 2, 4]


def test_a_rate_of_a_limit_without_decay_is_refused():
    """It would never come back."""
    put("pen")
    with pytest.raises(ConcurrencySlotAcquisitionError):
        rate_limit("pen")


def test_a_run_that_was_cancelled_from_outside_while_it_waited_for_a_slot_ends_cancelled(runs, fake_clock):
    """It is neither run nor lost."""
    put("tag:db")
    world = current_world()
    called = []

    @task(name="waiting", tags=["db"])
    def waiting():
        called.append(1)

    @flow
    def around():
        with concurrency("tag:db"):
            future = waiting.submit()
            time.sleep(1)
            world.store.propose("task", future.task_run_id, State(StateType.CANCELLING))
        future.wait()

    around()
    assert runs.task("waiting").states == ["Pending", "AwaitingConcurrencySlot", "Cancelling", "Cancelled"]
    assert called == []


def test_slots_of_a_killed_process_come_back(tmp_path):
    """When its lease has run out; in real time, with a lease of a second."""
    source = """
    import time
    from headrace.concurrency.sync import concurrency

    with concurrency("pen", lease_duration=1):
        print("held", flush=True)
        time.sleep(60)
    """
    path = tmp_path / "holder.py"
    path.write_text(textwrap.dedent(source))
    store = SqliteStore(tmp_path / "headrace.db")
    store.put_limit(ConcurrencyLimit(name="pen", limit=1))
    environment = {**os.environ, "HEADRACE_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, str(path)], env=environment, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
    with use_world(World(store)) as world:
        with concurrency("pen", timeout_seconds=20):
            assert [lease.holder_run_id for lease in store.leases("pen", world.clock.now())] == [None]
        world.close()
