"""A store that fails in the middle of a run: what it did not take has not happened, and nothing hangs."""

import asyncio

import pytest

from headrace import flow, task
from headrace.core.transitions import allowed
from headrace.drive.world import current_world
from headrace.exceptions import StoreFull
from headrace.futures import wait
from headrace.store.protocol import ConcurrencyLimit
from headrace.task_runners import ThreadPoolTaskRunner


class Trouble:
    """Lets the store's `transition` fail for the runs that `wanted` picks, at most `times` times."""

    def __init__(self, monkeypatch, wanted, times=1):
        self.left = times
        store = current_world().store
        real = store.transition

        def transition(run, states):
            if self.left and wanted(run, states):
                self.left -= 1
                raise StoreFull("no room")
            return real(run, states)

        monkeypatch.setattr(store, "transition", transition)


def ends(kind):
    return lambda run, states: run.kind == kind and states[-1].is_final()


def check_legal(runs):
    for run in runs.all():
        before = None
        for state in run.transitions:
            assert allowed(before, state, run.kind)
            before = state


def test_a_task_whose_end_is_not_taken_is_crashed_when_the_store_takes_that(runs, monkeypatch):
    """The caller sees the store's error; the flow fails of it."""
    Trouble(monkeypatch, ends("task"))

    @flow
    def around():
        task(lambda: 1)()

    with pytest.raises(StoreFull):
        around()
    assert runs.task().states == ["Pending", "Running", "Crashed"]
    assert "StoreFull: no room" in runs.task().state.message
    assert runs.flow().states == ["Pending", "Running", "Failed"]


def test_a_flow_whose_end_is_not_taken_is_crashed_when_the_store_takes_that(runs, monkeypatch):
    """What it had submitted has ended before."""
    Trouble(monkeypatch, ends("flow"))

    @flow
    def around():
        task(lambda: 1).submit()

    with pytest.raises(StoreFull):
        around()
    assert runs.flow().states == ["Pending", "Running", "Crashed"]
    assert runs.task().state.is_completed()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_futures_settle_though_the_store_takes_no_end_for_good(kind, runs, monkeypatch):
    """Nobody waits for ever; the error is what the result raises."""
    Trouble(monkeypatch, ends("task"), times=1000)

    @task(name="t")
    def step():
        return 1

    @task(name="t")
    async def step_async():
        return 1

    @flow
    def around():
        futures = [(step if kind == "sync" else step_async).submit() for _ in range(5)]
        done, not_done = wait(futures)
        assert not not_done
        for future in done:
            with pytest.raises(StoreFull):
                future.result()
        return "went on"

    assert around() == "went on"
    assert [run.states for run in runs.tasks("t")] == [["Pending", "Running"]] * 5


def test_an_async_flow_meets_the_error_too(runs, monkeypatch):
    """And ends recorded."""
    Trouble(monkeypatch, ends("flow"))

    @flow
    async def around():
        await asyncio.sleep(0)

    with pytest.raises(StoreFull):
        asyncio.run(around())
    assert runs.flow().states == ["Pending", "Running", "Crashed"]


def test_slots_are_given_back_though_the_store_fails(runs, monkeypatch):
    """The next run of the tag takes them."""
    world = current_world()
    world.store.put_limit(ConcurrencyLimit(name="tag:db", limit=1))
    Trouble(monkeypatch, ends("task"))
    step = task(tags=["db"])(lambda: 1)
    with pytest.raises(StoreFull):
        step()
    assert world.store.leases("tag:db", world.clock.now()) == []
    assert step() == 1


def test_queued_runs_are_given_up_though_the_store_fails(runs, monkeypatch, fake_clock):
    """Their futures settle, so that whoever waits for them goes on."""
    import time

    @task(name="first")
    def first():
        time.sleep(5)

    @task(name="queued")
    def queued():
        pytest.fail("it began")

    Trouble(monkeypatch, lambda run, states: run.name.startswith("queued"), times=1000)
    futures = []

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def around():
        first.submit()
        futures.extend(queued.submit() for _ in range(3))

    around()
    assert all(future.done() for future in futures)
    assert [run.states for run in runs.tasks("queued")] == [["Pending"]] * 3
    check_legal(runs)


def test_a_subflow_and_its_stand_in_end_though_the_store_failed_once(runs, monkeypatch):
    """Both are recorded as crashed."""
    Trouble(monkeypatch, lambda run, states: run.kind == "flow" and run.flow_name == "child" and states[-1].is_final())

    @flow
    def child():
        return 1

    @flow
    def parent():
        child()

    with pytest.raises(StoreFull):
        parent()
    assert runs.flow("child").state.is_crashed()
    assert runs.task("child-0").state.is_crashed()
    assert runs.flow("parent").state.is_failed()


@pytest.mark.parametrize("error", [StopIteration("mine"), RuntimeError("mine"), LookupError("mine")])
def test_errors_that_python_gives_a_meaning_stay_the_users(error, runs):
    """A StopIteration raised by a task is the task's failure, and reaches the caller."""

    @task
    def stops():
        raise error

    with pytest.raises(type(error), match="mine"):
        stops()
    assert runs.task().state.is_failed()


def test_a_stop_async_iteration_stays_the_users(runs):
    """In sync tasks; Python itself turns it into a RuntimeError in async ones."""

    @task
    def stops():
        raise StopAsyncIteration("mine")

    @flow
    def around():
        with pytest.raises(StopAsyncIteration, match="mine"):
            stops.submit().result()

    around()
    assert runs.task().state.is_failed()
