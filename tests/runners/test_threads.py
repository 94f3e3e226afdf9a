"""The pool of threads: its bound, nested submissions, chains, many tasks, what is left behind."""

import asyncio
import threading
import time
from typing import Any

import pytest

from headrace import flow, task
from headrace.task_runners import ThreadPoolTaskRunner


def of_pools():
    return [thread for thread in threading.enumerate() if "threadpool" in thread.name]


@pytest.mark.parametrize("given", [flow(lambda: 1), lambda: 1, 3], ids=["flow", "function", "number"])
def test_what_is_no_task_is_refused(given: Any) -> None:
    """At once: there would be nobody to tell later."""
    with ThreadPoolTaskRunner() as runner:
        for give in (runner.submit, runner.map):
            with pytest.raises(TypeError, match="A task runner runs tasks"):
                give(given, {})


def test_at_most_so_many_tasks_run_at_a_time(runs, fake_clock):
    """Ten tasks of a second take five in two threads."""

    @task
    def nap():
        time.sleep(1)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def around():
        return [nap.submit() for _ in range(10)]

    around()
    assert fake_clock == 5


def test_without_a_bound_all_run_at_once(runs, fake_clock):
    """A hundred naps of a second take a second."""

    @task
    def nap():
        time.sleep(1)

    @flow
    def around():
        return [nap.submit() for _ in range(100)]

    around()
    assert fake_clock == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_tasks_that_submit_tasks_and_wait_do_not_stall_a_pool_of_one(kind, runs):
    """Who waits gives up its place."""

    @task
    def leaf(n):
        return n

    @task
    def branch(n):
        return leaf.submit(n).result() if n == 0 else branch.submit(n - 1).result() + 1

    @task
    async def leaf_async(n):
        await asyncio.sleep(0)
        return n

    @task
    async def branch_async(n):
        return await leaf_async.submit(n) if n == 0 else await branch_async.submit(n - 1) + 1

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def around():
        return (branch if kind == "sync" else branch_async).submit(20).result()

    assert around() == 20


def test_a_chain_of_dependents_may_be_deeper_than_the_pool(runs, fake_clock):
    """Those that wait for their input count as waiting."""

    @task
    def add(n):
        time.sleep(1)
        return n + 1

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def around():
        last = add.submit(0)
        for _ in range(30):
            last = add.submit(last)
        return last.result()

    assert around() == 31
    assert fake_clock == 31


def test_two_thousand_tasks_are_no_trouble(runs):
    """Each has its run; idle threads are used again."""

    @task
    def step(n):
        return n

    @flow
    def around():
        return sum(future.result() for future in [step.submit(n) for n in range(2000)])

    assert around() == sum(range(2000))
    assert len(runs.tasks()) == 2000


def test_idle_threads_are_used_again(runs):
    """One after another, tasks run in the same thread."""

    @task
    def where():
        return threading.get_ident()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def around():
        return {where.submit().result() for _ in range(20)}

    assert len(around()) == 1


def test_no_thread_is_left_after_a_flow(runs):
    """Idle ones end when the runner is closed."""

    @task
    def step():
        return 1

    flow(lambda: [step.submit() for _ in range(20)], name="around")()
    for thread in of_pools():
        thread.join(10)
    assert of_pools() == []


def test_what_had_not_begun_when_the_flow_returned_is_cancelled_and_named(runs, fake_clock):
    """With a warning in its log."""

    @task(name="first")
    def first():
        time.sleep(5)

    queued = task(lambda: 1, name="queued")

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def around():
        first.submit()
        queued.submit()
        time.sleep(1)
        return "returned"

    assert around() == "returned"
    assert runs.task("first").state.is_completed()
    run = runs.task("queued")
    assert run.states == ["Pending", "Cancelled"]
    assert run.state.message == "flow run ended before it started"
    assert any(run.name in line and "flow run ended before it started" in line for line in run.logs)


def test_what_a_task_submits_while_the_flow_closes_does_not_outlive_it(runs, fake_clock):
    """The flow ends after all that it caused."""

    @task(name="late")
    def late():
        time.sleep(5)

    @task(name="first")
    def first():
        time.sleep(1)
        late.submit()

    @flow
    def around():
        first.submit()
        return 1

    around()
    end = runs.flow().record.end_time
    assert all(run.state.is_final() and run.record.end_time <= end for run in runs.tasks())
    assert fake_clock == 6


def test_a_runner_is_entered_once(runs):
    """A second time is a RuntimeError that says what to do."""
    runner = ThreadPoolTaskRunner()
    with runner, pytest.raises(RuntimeError, match="duplicate"):
        runner.__enter__()


def test_a_runner_takes_nothing_before_it_is_entered():
    """RuntimeError, too."""
    with pytest.raises(RuntimeError, match="before it is entered"):
        ThreadPoolTaskRunner().submit(task(lambda: 1), {})


def test_each_attempt_and_each_subflow_has_a_runner_of_its_own(runs):
    """Duplicates of the one that was given."""
    made = []

    class Counting(ThreadPoolTaskRunner):
        def duplicate(self):
            made.append(super().duplicate())
            return made[-1]

    given = Counting()
    failures = iter([True, False])

    @flow(task_runner=given)
    def child():
        return 1

    @flow(task_runner=given, retries=1)
    def parent():
        child()
        if next(failures):
            raise ValueError
        return 1

    parent()
    assert len(set(map(id, made))) == 4
    assert all(runner is not given for runner in made)


def test_a_task_sees_the_context_of_its_submission(runs):
    """Context variables are copied, and what it sets stays its own."""
    from contextvars import ContextVar

    colour = ContextVar("colour", default="none")

    @task
    def look():
        seen = colour.get()
        colour.set("changed")
        return seen

    @flow
    def around():
        colour.set("red")
        seen = look.submit().result()
        return seen, colour.get()

    assert around() == ("red", "red")


def test_leaving_a_runner_waits_for_what_has_begun(fake_clock):
    """As a flow run does at its end: what has not begun by then is cancelled."""

    @task
    def nap(n):
        time.sleep(10)
        return n

    with ThreadPoolTaskRunner(max_workers=1) as runner:
        futures = [runner.submit(nap, {"n": n}) for n in range(2)]
        time.sleep(1)
    assert fake_clock == 10
    assert [future.state.name for future in futures] == ["Completed", "Cancelled"]


def test_a_runner_that_is_left_by_an_error_waits_too(fake_clock):
    """Else the process might end in the middle of a task."""
    ended = []

    @task
    def nap():
        time.sleep(10)
        ended.append(True)

    def broken():
        with ThreadPoolTaskRunner() as runner:
            runner.submit(nap, {})
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        broken()
    assert ended == [True]


def test_what_is_not_waited_for_any_more_has_ended_in_the_record(runs):
    """As after a second Ctrl-C: the process goes, its threads with it, and nobody would write down how they ended."""
    begun, released = threading.Event(), threading.Event()

    @task
    def stuck():
        begun.set()
        released.wait()

    @flow
    def inner():
        stuck.with_options(name="stuck-inside")()

    @task
    def around():
        inner()

    @flow
    def outer():
        with ThreadPoolTaskRunner() as runner:
            futures = [runner.submit(stuck, {}), runner.submit(around, {})]
            while [run.states[-1] for run in runs.tasks("stuck*")] != ["Running"] * 2:
                begun.wait(0.001)
            runner.stop(KeyboardInterrupt())
        recorded.extend([run.name for run in runs.all() if run.states[-1] == "Running"])
        released.set()
        [future.wait() for future in futures]

    recorded: list[str] = []
    outer()
    assert recorded == [runs.flow("outer").name]
    others = [*runs.tasks(), runs.flow("inner")]
    assert len(others) == 5
    assert all(run.states == ["Pending", "Running", "Crashed"] for run in others)
