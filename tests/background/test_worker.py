"""Running what is scheduled."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from headrace import Task, flow, task
from headrace.background import queue_of
from headrace.core.background import LOST
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.exceptions import SimulatedCrash, StoreOutOfReach
from headrace.runtime import task_run
from headrace.store.protocol import Claimed, Store
from headrace.task_worker import TaskWorker, aserve, serve
from headrace.testing import current_simulation, explore, simulate


@task
def work(seconds: float = 0) -> float:
    time.sleep(seconds)
    return seconds


@task
def other() -> str:
    return "other"


def claim_all(store: Store, simulation: Any, lease: float = 10) -> None:
    """Claim what there is of `work`, as a worker that never comes back would."""
    while isinstance(store.claim([queue_of(work)], simulation._world.new_id(), lease, simulation.now), Claimed):
        pass


# what is run, and when -----------------------------------------------------------------------------------------


def test_runs_are_begun_in_the_order_in_which_they_were_scheduled(simulation: Any) -> None:
    """Over all tasks that are served."""
    began: list[int] = []
    one = task(lambda number: began.append(number), name="one")
    two = task(lambda number: began.append(number), name="two")
    for number, which in enumerate([one, two, two, one, two]):
        which.delay(number)
    serve(two, one, limit=1, until_idle=True)
    assert began == [0, 1, 2, 3, 4]


def test_a_worker_goes_on_when_the_server_was_out_of_reach(
    simulation: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What it had just claimed is run by whoever claims it when the lease has run out."""
    work.delay()
    store, answers = current_simulation().store, [StoreOutOfReach("The server is down.")]
    own = store.task_run

    def task_run_of(run_id: Any) -> Any:
        if answers:
            raise answers.pop()
        return own(run_id)

    monkeypatch.setattr(store, "task_run", task_run_of)
    serve(work, timeout=100)
    assert simulation.runs.task("work-*").states == ["Scheduled", "Pending", "Running", "Completed"]
    assert "The server is down. It is tried again in a second." in caplog.text


def test_a_worker_runs_no_others(simulation: Any) -> None:
    """They stay scheduled for whoever serves them."""
    other.delay()
    serve(work, until_idle=True)
    assert simulation.runs.task("other-*").states == ["Scheduled"]


def test_no_more_run_at_a_time_than_the_limit_says(simulation: Any) -> None:
    """The rest stays where others may claim it."""
    for _ in range(5):
        work.delay(10)
    simulation.start(serve, work, limit=2, timeout=100)
    simulation.advance(5)
    assert sorted(run.states[-1] for run in simulation.runs.tasks("work-*")) == ["Running"] * 2 + ["Scheduled"] * 3
    simulation.advance(26)
    assert [run.states[-1] for run in simulation.runs.tasks("work-*")] == ["Completed"] * 5
    ends = [run.record.end_time for run in simulation.runs.tasks("work-*")]
    assert len({end.replace(microsecond=0) for end in ends}) == 3


def test_without_a_limit_all_run_at_once(simulation: Any) -> None:
    """None is no limit."""
    for _ in range(30):
        work.delay(10)
    serve(work, limit=None, until_idle=True)
    assert simulation.elapsed == 10


def test_a_run_that_waits_for_another_gives_up_its_place(simulation: Any) -> None:
    """So that one task may wait for another, whatever the limit."""

    @task
    def outer() -> float:
        return work.delay(3).result() + work.delay(4).result()

    future = outer.delay()
    serve(outer, work, limit=1, until_idle=True)
    assert future.result() == 7


def test_async_tasks_run_too(simulation: Any) -> None:
    """Each in an event loop of its own."""

    @task
    async def awaits() -> str:
        await asyncio.sleep(5)
        return "done"

    futures = [awaits.delay() for _ in range(3)]
    serve(awaits, until_idle=True)
    assert [future.result() for future in futures] == ["done"] * 3
    assert simulation.elapsed == 5


def test_two_workers_share_what_there_is(simulation: Any) -> None:
    """No run is run twice."""
    ran: list[Any] = []
    counted = task(lambda: (time.sleep(1), ran.append(task_run.id))[0], name="counted")
    futures = [counted.delay() for _ in range(8)]
    started = [simulation.start(serve, counted, limit=2, until_idle=True) for _ in range(2)]
    for one in started:
        one.result()
    assert simulation.elapsed == 2
    assert sorted(ran) == sorted(str(future.task_run_id) for future in futures)


def test_what_is_scheduled_while_it_serves_is_run_at_once(simulation: Any) -> None:
    """No look-out comes too late in the same process."""
    simulation.start(serve, work, timeout=3600)
    simulation.advance(1000.5)
    assert work.delay(2).result() == 2
    assert simulation.elapsed == 1002.5


def test_a_worker_on_real_time_is_woken_as_well(run_store: Store) -> None:
    """By who schedules in the same process."""
    worker = TaskWorker(work)
    thread = threading.Thread(target=worker.start, daemon=True)
    thread.start()
    assert work.delay(0).result() == 0
    worker.stop()
    thread.join()


def test_a_run_whose_arguments_can_not_be_read_fails(simulation: Any) -> None:
    """It says why, and the worker goes on."""
    broken, fine = work.delay(1), work.delay(2)
    store = simulation.store
    job = store.inner._jobs[broken.task_run_id]
    store.inner._put(job._replace(call=b"no pickle"))
    serve(work, until_idle=True)
    assert (broken.state.name, fine.result()) == ("Failed", 2)
    assert "can't be read" in broken.state.message


def test_a_run_that_somebody_ended_meanwhile_is_left_alone(simulation: Any) -> None:
    """It is not run, and scheduled no longer."""
    ended = [work.delay(), work.delay()]
    simulation.store.propose("task", ended[0].task_run_id, State(StateType.CANCELLED))
    simulation.store.propose("task", ended[1].task_run_id, State(StateType.CANCELLING))
    serve(work, until_idle=True)
    histories = [simulation.store.history(future.task_run_id) for future in ended]
    assert [[state.name for state in history] for history in histories] == [
        ["Scheduled", "Cancelled"],
        ["Scheduled", "Cancelled"],
    ]


def test_scheduled_runs_of_an_earlier_version_are_warned_about(simulation: Any, caplog: Any) -> None:
    """A function that was changed is another one."""

    def versions() -> list[Any]:
        def code() -> int:
            return 1

        first = task(code, name="code")

        def code() -> int:  # type: ignore[no-redef]
            return 2

        return [first, task(code, name="code")]

    first, second = versions()
    first.delay()
    task(lambda: 1, name="code more").delay()
    second.delay()
    serve(second, until_idle=True)
    assert "1 scheduled runs of 'code' are for another version" in caplog.text
    assert [run.states[-1] for run in simulation.runs.tasks("code-*")] == ["Scheduled", "Completed"]


# the end -------------------------------------------------------------------------------------------------------


def test_a_worker_stops_when_it_is_told_to(simulation: Any) -> None:
    """After what is at work; what is not begun stays scheduled."""
    worker = TaskWorker(work, limit=1)
    work.delay(10)
    work.delay(10)
    started = simulation.start(worker.start)
    simulation.advance(1)
    assert (worker.started, worker.current_tasks, started.done()) == (True, 1, False)
    worker.stop()
    started.result()
    assert simulation.elapsed == 10
    assert sorted(run.states[-1] for run in simulation.runs.tasks("work-*")) == ["Completed", "Scheduled"]
    assert (worker.started, worker.current_tasks) == (False, 0)


def test_a_worker_stops_after_its_time(simulation: Any) -> None:
    """It takes no further runs, and waits for those at work."""
    work.delay(10)
    serve(work, timeout=3)
    assert simulation.elapsed == 10
    serve(work, timeout=3)
    assert simulation.elapsed == 13


def test_until_idle_waits_for_what_others_have_claimed(simulation: Any) -> None:
    """They may leave it behind."""
    work.delay(10)
    simulation.start(serve, work, timeout=5)
    simulation.advance(1)
    serve(work, until_idle=True)
    assert simulation.elapsed == 10


def test_a_worker_may_serve_again(simulation: Any) -> None:
    """But not twice at a time."""
    worker = TaskWorker(work)
    for _ in range(2):
        future = work.delay(1)
        worker.start(until_idle=True)
        assert future.done()
    simulation.start(worker.start, timeout=10)
    simulation.advance(1)
    with pytest.raises(RuntimeError, match="at work already"):
        worker.start()


def test_async_code_serves_in_a_thread(simulation: Any) -> None:
    """And stops it by cancelling."""

    async def serving() -> float:
        served = asyncio.ensure_future(aserve(work))
        result = await work.delay(3)
        served.cancel()
        with pytest.raises(asyncio.CancelledError):
            await served
        return result

    assert asyncio.run(serving()) == 3


def test_async_code_may_not_block_its_loop(run_store: Store) -> None:
    """The message says what to write."""

    async def serving() -> None:
        serve(work)

    with pytest.raises(RuntimeError, match="await aserve"):
        asyncio.run(serving())


# workers that die ----------------------------------------------------------------------------------------------


def test_a_run_that_had_not_begun_is_taken_over(simulation: Any) -> None:
    """When its lease has run out."""
    future = work.delay(1)
    claim_all(simulation.store, simulation, lease=10)
    serve(work, until_idle=True)
    assert future.result() == 1
    assert simulation.elapsed == 11


def test_a_run_whose_worker_died_before_it_began_is_taken_over(simulation: Any) -> None:
    """By the next that looks, half a minute later."""
    future = work.delay(1)
    simulation.crash(at=("work-*", "Pending"))
    with pytest.raises(SimulatedCrash):
        serve(work, until_idle=True)
    serve(work, until_idle=True)
    assert simulation.runs.task("work-*").states == ["Scheduled", "Pending", "Pending", "Running", "Completed"]
    assert (future.result(), simulation.elapsed) == (1, 31)


def test_a_run_that_had_begun_is_recorded_as_crashed(simulation: Any) -> None:
    """What it has done by then nobody knows, so it is not done again."""
    ran: list[int] = []
    task_ = task(lambda: (ran.append(1), time.sleep(5))[0], name="task", retries=3)
    future = task_.delay()
    simulation.crash(at=("task-*", "Running"))
    serve(task_, until_idle=True)
    run = simulation.runs.task("task-*")
    assert run.states == ["Scheduled", "Pending", "Running", "Crashed"]
    assert run.state.message == LOST
    assert simulation.elapsed == 30
    assert ran == []
    with pytest.raises(Exception, match="lease ran out"):
        future.result()


def test_a_crash_of_the_run_that_scheduled_another_does_not_matter(simulation: Any) -> None:
    """The worker is another process."""

    @flow
    def outer() -> None:
        work.delay(1)
        work()

    simulation.crash(at=("work-*", "Running"))
    with pytest.raises(SimulatedCrash):
        outer()
    serve(work, until_idle=True)
    assert simulation.runs.tasks("work-*")[0].states[-1] == "Completed"


def test_a_run_that_was_taken_over_is_not_gone_on_with(simulation: Any) -> None:
    """A worker that was stopped for a while does not call the function: the other does."""
    ran: list[str] = []
    stolen: list[Any] = []

    def steal() -> str:
        """Do as another worker does that finds the lease run out."""
        store = simulation.store.inner
        copy = store.task_run(stolen[0].task_run_id)
        assert store.transition(copy, [copy.enter(State(StateType.PENDING), simulation.now)]) is None
        return "mine"

    late = task(lambda: ran.append("late"), name="late", task_run_name=steal)
    stolen.append(late.delay())
    serve(late, timeout=1)
    assert ran == []
    assert [state.name for state in simulation.store.history(stolen[0].task_run_id)] == ["Scheduled"] + ["Pending"] * 2


# what can't be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: TaskWorker(), ValueError, "at least one task"),
        (lambda: TaskWorker(len), TypeError, "built-in function len"),
        (lambda: TaskWorker(flow(lambda: 1)), TypeError, "made with @task"),
        (lambda: TaskWorker(work, work.with_options(retries=3)), ValueError, "'work'.*another name"),
        (lambda: TaskWorker(work, limit=0), ValueError, "can't be 0"),
        (lambda: TaskWorker(work, limit=1.5), TypeError, "1.5"),
    ],
)
def test_a_worker_that_can_not_be_is_refused(make: Callable[[], Any], error: type[Exception], said: str) -> None:
    """What was given, and what to write."""
    with pytest.raises(error, match=said):
        make()


def test_a_worker_says_what_it_serves() -> None:
    """For people, and for programs."""
    worker = TaskWorker(work, other, limit=3)
    assert (worker.available_tasks, worker.limit, worker.started_at) == (["other", "work"], 3, None)
    assert repr(worker) == "<TaskWorker of 'other', 'work'>"


def test_a_task_serves_itself(simulation: Any) -> None:
    """As one among many does."""
    future = work.delay(1)
    work.serve(until_idle=True)
    assert future.done()


# races ---------------------------------------------------------------------------------------------------------


def test_workers_share_runs_whoever_comes_first() -> None:
    """Under any order of steps each run is run once, whoever waits for one is woken, and all workers end."""

    def shared() -> None:
        ran: list[int] = []

        @task
        def note(number: int) -> int:
            ran.append(number)
            time.sleep(1)
            return number

        simulation = current_simulation()
        first = [note.delay(number) for number in (0, 1)]
        workers = [simulation.start(serve, note, limit=limit, until_idle=True) for limit in (1, 2)]
        waits = simulation.start(lambda: note.delay(2).result(timeout=30))
        for worker in workers:
            worker.result()
        if not waits.done():  # scheduled after both had gone home
            serve(note, until_idle=True)
        assert waits.result() == 2
        assert [future.result() for future in first] == [0, 1]
        assert sorted(ran) == [0, 1, 2]

    assert explore(shared, schedules=100).orders > 20


def test_a_worker_that_dies_leaves_nothing_undone_whenever_it_dies() -> None:
    """Each run completes, or is Crashed where it had begun."""
    for number in range(1, 7):
        with simulate() as simulation:
            futures = [work.delay(1), work.delay(2)]
            simulation.crash(at=2 + number)
            with suppress(SimulatedCrash):
                serve(work, limit=1, until_idle=True)
            serve(work, limit=1, until_idle=True)
            states = [run.states for run in simulation.runs.tasks("work-*")]
            assert {run[-1] for run in states} <= {"Completed", "Crashed"}, (number, states)
            assert all(run.count("Running") == 1 for run in states), (number, states)
            assert all(future.done() for future in futures)


# retries -------------------------------------------------------------------------------------------------------


@task(retries=1, retry_delay_seconds=600, task_run_name="flaky-{n}")
def flaky(n: int) -> int:
    if task_run.run_count == 1:
        raise ConnectionError
    return n


FLAKY = ["Scheduled", "Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]


def test_a_run_that_waits_for_its_retry_takes_no_place(simulation: Any) -> None:
    """Others run meanwhile, whatever the limit."""
    first, second = flaky.delay(1), work.delay(10)
    serve(flaky, work, limit=1, until_idle=True)
    assert (first.result(), second.result(), simulation.elapsed) == (1, 10, 600)
    assert simulation.runs.task("flaky-1").states == FLAKY
    assert simulation.runs.task("flaky-1").retry_delays == [600]


def test_a_worker_that_stops_leaves_retries_to_others(simulation: Any) -> None:
    """It does not wait for them; whoever serves then goes on, with the attempts that are left."""
    future = flaky.delay(1)
    serve(flaky, timeout=5)
    assert simulation.elapsed == 5
    assert simulation.runs.task("flaky-1").states == FLAKY[:4]
    serve(flaky, until_idle=True)
    assert (future.result(), simulation.elapsed) == (1, 600)
    assert simulation.runs.task("flaky-1").states == FLAKY


def test_a_worker_that_dies_leaves_retries_to_others_too(simulation: Any) -> None:
    """Between two attempts nothing is at work, so nothing is lost; and the retry does not come too early."""
    future = flaky.delay(1)
    simulation.crash(at=("flaky-1", "AwaitingRetry"))
    serve(flaky, until_idle=True)
    assert (future.result(), simulation.elapsed) == (1, 600)
    assert simulation.runs.task("flaky-1").states == FLAKY


def test_retries_run_out_as_ever(simulation: Any) -> None:
    """Attempts are counted over all workers."""
    always = task(lambda: 1 / 0, name="always", retries=2, retry_delay_seconds=[10, 20])
    future = always.delay()
    for _ in range(3):
        serve(always, timeout=15)
    assert simulation.runs.task("always*").states == [
        *("Scheduled", "Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Failed"),
    ]
    with pytest.raises(ZeroDivisionError):
        future.result()


def test_what_a_failed_attempt_did_in_its_transaction_is_undone_before_it_is_left(simulation: Any) -> None:
    """Whoever makes the next attempt knows nothing of it."""
    undone: list[str] = []
    step = Task(lambda: "done", name="step", on_rollback=[lambda transaction: undone.append("step")])

    @task(retries=1, retry_delay_seconds=60)
    def both() -> str:
        step()
        if task_run.run_count == 1:
            raise ConnectionError
        return "both"

    future = both.delay()
    serve(both, timeout=1)
    assert undone == ["step"]
    serve(both, until_idle=True)
    assert (future.result(), undone) == ("both", ["step"])
