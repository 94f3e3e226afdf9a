"""Concurrency limits: who waits, who is next, what is shown, and that slots come back in every ending."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress
from uuid import UUID

import pytest

from headrace import flow, task
from headrace.client.schemas.objects import ConcurrencyLeaseHolder
from headrace.concurrency.asyncio import concurrency as aconcurrency
from headrace.concurrency.asyncio import rate_limit as arate_limit
from headrace.concurrency.sync import concurrency, rate_limit
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import World, current_world, use_world
from headrace.exceptions import (
    AcquireConcurrencySlotTimeoutError,
    ConcurrencySlotAcquisitionError,
    StoreError,
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


@pytest.mark.parametrize("is_async", [False, True])
def test_a_run_that_waits_in_a_block_says_so_in_its_log(runs, fake_clock, caplog, is_async):
    """Once, and for whom; what need not wait says nothing, and neither does what is no run."""
    put("pen")

    @task(task_run_name="write-{n}")
    def write(n):
        time.sleep(n)
        with concurrency("pen"):
            time.sleep(100)

    @task(task_run_name="write-{n}")
    async def awrite(n):
        await asyncio.sleep(n)
        async with aconcurrency("pen"):
            await asyncio.sleep(100)

    @flow
    def around():
        return [(awrite if is_async else write).submit(n) for n in range(3)]

    around()
    waits = {run.name: [line for line in run.logs if "Waits for" in line] for run in runs.tasks("*")}
    line = "Waits for a slot of 'pen', held by write-0"
    assert waits == {"write-0": [], "write-1": [line], "write-2": [line]}
    caplog.clear()
    with concurrency("pen"), suppress(AcquireConcurrencySlotTimeoutError), concurrency("pen", timeout_seconds=1):
        pass
    assert "Waits for" not in caplog.text


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


def test_a_missing_limit_is_warned_about_once_in_a_run(runs, caplog):
    """However often it is asked for, by the flow and its tasks; the line says what to write, and is the run's."""

    @task
    def careful():
        with concurrency(["nowhere", "tomorrow"]):
            rate_limit("nowhere")

    @flow
    def around():
        rate_limit("then")
        for _ in range(3):
            careful()

    around()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 3
    assert warnings[0].endswith("Create it: headrace concurrency-limit create then 1 --decay 1")
    assert warnings[2].endswith("Create it: headrace concurrency-limit create tomorrow 1")
    assert [line for line in runs.flow().logs if "no concurrency limit" in line] == warnings[:1]
    around()
    assert len(caplog.records) > len(warnings), "another run is told again"


def test_outside_of_runs_a_missing_limit_is_warned_about_once(caplog):
    """Each name, in sync and async code."""

    async def twice():
        async with aconcurrency(["nowhere", "elsewhere"]):
            await arate_limit("nowhere")

    with concurrency("nowhere"), concurrency("nowhere"):
        asyncio.run(twice())
    assert [record.getMessage().split("'")[1] for record in caplog.records] == ["nowhere", "elsewhere"]


@pytest.mark.parametrize("max_retries", [0, 1, 100])
def test_slots_are_asked_for_so_many_times_more(max_retries, fake_clock):
    """When slots changed hands; then ConcurrencySlotAcquisitionError, and the place in the queue is given up."""
    put("pen")

    @task
    def hold(_):
        with concurrency("pen"):
            time.sleep(10)

    @flow
    def around():
        holders = hold.map(range(5))
        time.sleep(1)
        try:
            with concurrency("pen", max_retries=max_retries):
                return current_world().clock.elapsed, "entered"
        except ConcurrencySlotAcquisitionError as error:
            return current_world().clock.elapsed, str(error).split(" after ")[1]
        finally:
            holders.clear()

    in_vain = f"(max_retries={max_retries})."
    assert around() == {0: (1, in_vain), 1: (10, in_vain), 100: (50, "entered")}[max_retries]
    assert taken("pen") == 0


def test_less_than_no_retries_are_refused():
    """With what to write instead."""
    with pytest.raises(ValueError, match="0 asks once"), concurrency("pen", max_retries=-1):
        pytest.fail("it was entered")


RUN_ID = UUID("01234567-89ab-cdef-0123-456789abcdef")


@pytest.mark.parametrize(
    "holder",
    [
        {"type": "flow_run", "id": RUN_ID},
        {"type": "flow_run", "id": str(RUN_ID)},
        ConcurrencyLeaseHolder(type="flow_run", id=RUN_ID),
    ],
)
def test_a_holder_that_is_named_is_who_holds_the_slots(holder):
    """In the place of the run around."""
    put("pen")
    world = current_world()
    with concurrency("pen", holder=holder):
        (lease,) = world.store.leases("pen", world.clock.now())
    assert (lease.holder, lease.holder_run_id) == (f"flow run {RUN_ID}", RUN_ID)


@pytest.mark.parametrize(
    "holder", ["me", {"id": RUN_ID}, {"type": "cron", "id": RUN_ID}, {"type": "flow_run", "id": 1}]
)
def test_what_can_not_hold_slots_is_refused(holder):
    """At once, with TypeError or ValueError."""
    with pytest.raises((TypeError, ValueError)), concurrency("pen", holder=holder):
        pytest.fail("it was entered")


@pytest.fixture
def leasing(tmp_path):
    """A world whose leases run out: it shares its store, and has real time. Asked to, it renews at once."""
    with use_world(World(SqliteStore(tmp_path / "headrace.db"))) as world:
        put("pen")
        yield world
        world.close()


def lose(world):
    """Give the slots to somebody else, as when the lease has run out, and let it be renewed."""
    (lease,) = world.store.leases("pen", world.clock.now())
    world.store.release_slots(lease.ticket, world.clock.now())
    keeper = threading.Thread(target=world.slots.renew)
    keeper.start()
    return keeper


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("options", [{"strict": True}, {"raise_on_lease_renewal_failure": True}])
def test_a_block_whose_slots_are_lost_is_interrupted_if_that_is_wanted(leasing, inside, options):
    """With ConcurrencySlotAcquisitionError, which is an error like others: it fails a run, and may be caught."""

    def block():
        with concurrency("pen", **options):
            keeper = lose(leasing)
            for _ in range(20_000):
                time.sleep(0.001)
        keeper.join()

    run = flow(block) if inside else block
    with pytest.raises(ConcurrencySlotAcquisitionError, match="could not be renewed"):
        run()
    if inside:
        assert leasing.store.flow_runs()[0].state.name == "Failed"
    assert flow(lambda: "undisturbed")() == "undisturbed"


@pytest.mark.parametrize("inside", [True, False])
def test_an_async_block_is_interrupted_at_its_await(leasing, inside):
    """The same."""

    async def block():
        async with aconcurrency("pen", strict=True):
            lose(leasing)
            await asyncio.sleep(20)

    with pytest.raises(ConcurrencySlotAcquisitionError, match="could not be renewed"):
        asyncio.run((flow(block) if inside else block)())
    if inside:
        assert leasing.store.flow_runs()[0].state.name == "Failed"


@pytest.mark.parametrize("options", [{}, {"strict": True, "raise_on_lease_renewal_failure": False}])
def test_a_block_whose_slots_are_lost_goes_on_otherwise(leasing, caplog, options):
    """With a warning."""
    with concurrency("pen", **options):
        lose(leasing).join()
    assert "could not be renewed" in caplog.text


def test_a_lease_is_not_lost_while_the_store_can_not_be_asked(leasing, caplog, monkeypatch):
    """Not before it has run out: it is tried again until then."""

    def broken(*_):
        raise StoreError("gone fishing")

    clock = leasing.clock
    with concurrency("pen", lease_duration=50):
        monkeypatch.setattr(leasing.store, "renew_slots", broken)
        leasing.slots.renew()
        assert caplog.text == ""
        later = clock.monotonic_ns() + 51_000_000_000
        monkeypatch.setattr(clock, "monotonic_ns", lambda: later)
        leasing.slots.renew()
        assert "could not be renewed" in caplog.text


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
