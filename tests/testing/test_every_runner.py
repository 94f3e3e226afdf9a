"""One test on every runner, and what differs is shown."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from headrace import flow, get_run_logger, tags, task
from headrace.exceptions import DeadlockError
from headrace.runtime import task_run
from headrace.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from headrace.testing import History, RunnerDifference, on_every_runner, simulate

ALL = ["inline", "threads", "processes", "async"]

seen: list[int] = []


@task(retries=2, retry_delay_seconds=10)
def shaky(n: int) -> int:
    time.sleep(n)
    get_run_logger().info("attempt %s", task_run.run_count)
    if task_run.run_count < 2:
        raise ConnectionError("down")
    return n * 2


@task(task_run_name="nap-{n}")
async def nap(n: int) -> int:
    await asyncio.sleep(n)
    return n


@task(timeout_seconds=5)
def slow() -> None:
    time.sleep(10)


@task
def fails() -> None:
    raise ValueError("boom")


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task
def items() -> Iterator[int]:
    yield from range(3)


@task
async def items_async() -> AsyncIterator[int]:
    yield 1


@flow(log_prints=True)
def below(n: int) -> int:
    print("below", n)
    return total([n, n])


@flow(retries=1)
def everything() -> int:
    with tags("many"):
        doubled = shaky.map([1, 2, 3])
    first = nap.submit(2)
    slow.submit().wait()
    fails.submit().wait()
    total.submit([fails.submit()]).wait()
    assert slow(return_state=True).name == "TimedOut"
    numbers = items.submit().result() + items_async.submit().result() + list(items())
    if flow_run_count() == 1:
        raise ConnectionError("once more")
    return total.submit(doubled).result() + first.result() + below(3) + sum(numbers) + shaky(1)


def flow_run_count() -> int:
    from headrace.runtime import flow_run

    return flow_run.run_count


@flow
async def everything_async() -> int:
    first, second = nap.submit(2), shaky.submit(1)
    return await first + await second + await nap(3) + below(4) + total.submit([1, 2]).result()


@task(task_run_name="remember-{n}")
def remember(n: int) -> int:
    seen.append(n)
    return len(seen)


@flow
def remembering() -> int:
    for n in (1, 2):
        remember.submit(n).wait()
    return len(seen)


@task
def where() -> tuple[int, str]:
    return os.getpid(), threading.current_thread().name


@task
def in_a_loop() -> bool:
    try:
        return asyncio.get_running_loop() is not None
    except RuntimeError:
        return False


def test_a_story_that_does_not_depend_on_the_runner_is_the_same_on_all():
    """Retries, time-outs, failures, names, subflows, generators, upstream failures, async tasks, retried flows."""
    histories = on_every_runner(lambda: everything())
    assert list(histories) == ALL
    assert all(isinstance(history, History) for history in histories.values())
    assert len(histories["inline"]) == 1 + 12 + 16  # the flow, its first attempt, its second


def test_async_flows_and_tests_are_run_on_all_of_them():
    """In an event loop of their own."""

    async def test() -> None:
        await everything_async()

    on_every_runner(test)


def test_a_global_that_a_task_changes_is_shown_where_it_does_not_change():
    """What differs is what was returned, and nothing else is told."""

    def test() -> None:
        seen.clear()
        remembering()

    with pytest.raises(RunnerDifference) as caught:
        on_every_runner(test)
    assert str(caught.value) == (
        "On runner 'processes' the runs have another history than on 'inline':\n"
        "  ('-' inline, '+' processes)\n"
        "    flow-1 remembering\n"
        "    - Completed cause returned 2\n"
        "    + Completed cause returned 0"
    )
    assert list(caught.value.differences) == ["processes"]
    assert caught.value.reference == "inline"
    assert list(caught.value.histories) == ALL


def test_the_first_runner_is_what_the_others_are_compared_with():
    """And only those that are named are taken."""

    def test() -> None:
        seen.clear()
        remembering()

    assert list(on_every_runner(test, "async", "threads")) == ["async", "threads"]
    with pytest.raises(RunnerDifference, match=r"On runner 'threads' .* than on 'processes'"):
        on_every_runner(test, "processes", "threads")


def test_an_error_of_the_test_says_on_which_runner_it_was_and_what_is_different_there():
    """It is raised as it is."""

    def test() -> None:
        seen.clear()
        assert remembering() == 2

    with pytest.raises(AssertionError) as caught:
        on_every_runner(test)
    note = caught.value.__notes__[0]
    assert note.startswith("This was on runner 'processes'; the test has passed on 'inline', 'threads'.\n")
    assert "+ Completed cause returned 0" in note

    def fails_at_once() -> None:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once") as at_once:
        on_every_runner(fails_at_once)
    assert at_once.value.__notes__[0] == "This was on runner 'inline', the first."


@pytest.mark.parametrize("own", [ThreadPoolTaskRunner, ProcessPoolTaskRunner(max_workers=1), ThreadPoolTaskRunner(1)])
def test_a_simulation_takes_another_runner_than_the_flow_has(own):
    """Whichever that is: tasks run here, in another thread, in another process, or in an event loop."""

    @flow(task_runner=own)
    def looking() -> tuple[tuple[int, str], bool]:
        return where.submit().result(), in_a_loop.submit().result()

    found = {}
    for runner in (*ALL, None):
        with simulate(runner=runner):
            found[runner] = looking()
    here = os.getpid(), threading.current_thread().name
    assert found["inline"] == (here, False)
    (pid, thread), is_in_loop = found["threads"]
    assert (pid, thread != here[1], is_in_loop) == (os.getpid(), True, False)
    assert found["processes"][0][0] != os.getpid()
    assert found["async"][1] is True
    assert found[None][0][0] == os.getpid()


def test_inline_nothing_goes_on_beside_the_flow():
    """Naps come one after another; what waits for what comes later waits for ever, and that is said at once."""
    with simulate(runner="inline") as simulation:
        flow(lambda: nap.map([60, 60]).wait())()
        assert simulation.elapsed == 120

    @task(task_run_name="waits")
    def waits(event: threading.Event) -> None:
        event.wait()

    def test() -> None:
        @flow
        def signalling() -> None:
            event = threading.Event()
            waiting = waits.submit(event)
            event.set()
            waiting.result()

        signalling()

    with pytest.raises(DeadlockError) as caught:
        on_every_runner(test, "inline", "threads")
    assert caught.value.__notes__[0] == "This was on runner 'inline', the first."
    on_every_runner(test, "threads", "async")


def test_an_async_task_that_is_submitted_inline_inside_a_loop_runs_at_once():
    """In a thread of its own, for a loop can't run in a loop."""

    @flow
    async def submitting() -> list[int]:
        future = nap.submit(60)
        assert future.state.is_completed()
        return [await future, where.submit().result()[0]]

    with simulate(runner="inline") as simulation:
        assert asyncio.run(submitting()) == [60, os.getpid()]
        assert simulation.elapsed == 60


@pytest.mark.parametrize(
    ("runners", "said"),
    [
        (("thread",), "There is no runner 'thread': write one of 'inline', 'threads', 'processes', 'async'."),
        (("threads", "threads"), "Each runner is to be named once"),
        (("threads",), "There is nothing to compare 'threads' with"),
    ],
)
def test_runners_that_can_not_be_are_refused(runners, said):
    """With what may be."""
    with pytest.raises(ValueError, match=said):
        on_every_runner(lambda: None, *runners)
    with pytest.raises(ValueError, match="There is no runner 3"):
        simulate(runner=3)


def test_the_program_that_repeats_a_simulation_names_its_runner():
    """And says whether processes were real."""
    from headrace.testing.scenes import scene_of

    with simulate(runner="inline") as simulation:
        assert "schedule=None, runner='inline') as" in scene_of(simulation).program()
    with simulate(real_processes=True) as simulation:
        assert "schedule=None, real_processes=True) as" in scene_of(simulation).program()
