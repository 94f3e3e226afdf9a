"""Runs that need not run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from headrace import flow, task
from headrace.cache_policies import FLOW_PARAMETERS, INPUTS, NO_CACHE, TASK_SOURCE
from headrace.exceptions import ConfigurationError
from headrace.filesystems import MemoryFileSystem
from headrace.locking.filesystem import FileSystemLockManager
from headrace.locking.memory import MemoryLockManager
from headrace.settings import temporary_settings
from headrace.states import Completed, Failed
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.tasks import task_input_hash
from tests.runs.making import both, call, make_task, run_task_in_flow

RAN = ["Pending", "Running", "Completed"]
CACHED = ["Pending", "Running", "Cached"]


class Counted:
    """A function that counts its calls."""

    def __init__(self, give: Callable[..., Any] = lambda: "done") -> None:
        self.calls = 0
        self._give = give

    @property
    def fn(self) -> Callable[..., Any]:
        def counted(x: Any = 0) -> Any:
            self.calls += 1
            return self._give()

        return counted


@both
def test_a_hit_skips_the_body(kind: str, runs: Any) -> None:
    """The run is Cached, says by which key, and gives the result."""
    counted = Counted()
    counting = make_task(kind, counted.fn, cache_policy=INPUTS, name="counting")
    assert [call(kind, counting, 1) for _ in range(3)] == ["done"] * 3
    call(kind, counting, 2)
    assert counted.calls == 2
    assert [run.states for run in runs.tasks("counting*")] == [RAN, CACHED, CACHED, RAN]
    first, second = runs.tasks("counting*")[:2]
    assert first.state.state_details.cache_key == second.state.state_details.cache_key is not None
    assert first.record.cache_key == second.record.cache_key


def test_hooks_of_a_hit(runs: Any) -> None:
    """on_running and on_completion fire, as for a run that ran."""
    seen: list[str] = []

    def hook(task: Any, task_run: Any, state: Any) -> None:
        seen.append(state.name)

    hooked = task(cache_policy=INPUTS, on_running=[hook], on_completion=[hook])(lambda x: x)
    hooked(1)
    hooked(1)
    assert seen == ["Running", "Completed", "Running", "Cached"]


def test_none_is_cached() -> None:
    """It is a result like others."""
    counted = Counted(lambda: None)
    counting = task(cache_policy=INPUTS)(counted.fn)
    assert counting(1) is counting(1) is None
    assert counted.calls == 1


@both
@pytest.mark.parametrize("give", [lambda: 1 / 0, lambda: Failed(message="no")], ids=["raised", "returned"])
def test_failures_are_not_cached(kind: str, give: Callable[[], Any]) -> None:
    """Raised or returned: the next run tries again."""
    counted = Counted(give)
    failing = make_task(kind, counted.fn, cache_policy=INPUTS, name="failing")
    for _ in range(2):
        assert call(kind, failing, 1, return_state=True).is_failed()
    assert counted.calls == 2


def test_a_state_that_the_task_made_is_cached_by_its_data() -> None:
    """A completed one."""
    counted = Counted(lambda: Completed(data=3))
    counting = task(cache_policy=INPUTS)(counted.fn)
    assert counting(1, return_state=True).result() == 3
    assert (counting(1), counted.calls) == (3, 1)


def test_without_persistence_nothing_is_cached() -> None:
    """Which is how plain tasks are; DEFAULT is for those whose results are kept."""
    counted = Counted()
    plain = task(counted.fn)

    @flow
    def twice() -> None:
        plain(1)
        plain(1)

    twice()
    assert counted.calls == 2
    twice.with_options(persist_result=True)()
    assert counted.calls == 3
    twice.with_options(persist_result=True)()
    assert counted.calls == 4


def test_a_flow_that_is_tried_again_does_not_repeat_what_was_kept(runs: Any) -> None:
    """Its second attempt has task runs of its own, which are Cached."""
    counted = Counted()
    step = task(persist_result=True, name="step")(counted.fn)
    attempts: list[int] = []

    @flow(retries=1)
    def unsteady() -> None:
        step(1)
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("again")

    unsteady()
    assert counted.calls == 1
    assert [run.states for run in runs.tasks("step*")] == [RAN, CACHED]


def test_a_result_expires(fake_clock: Any) -> None:
    """`cache_expiration` after the run that made it has ended."""
    counted = Counted()
    hourly = task(cache_policy=INPUTS, cache_expiration=timedelta(hours=1))(counted.fn)
    state = hourly(1, return_state=True)
    fake_clock.advance(3599)
    assert hourly(1, return_state=True).name == "Cached"
    fake_clock.advance(2)
    assert hourly(1, return_state=True).name == "Completed"
    assert counted.calls == 2
    details = state.state_details
    assert details.cache_expiration - state.timestamp <= timedelta(hours=1)


def test_the_example_of_the_docs_holds(runs: Any, fake_clock: Any) -> None:
    """A key function, an expiration, and virtual time."""

    @task(cache_key_fn=lambda context, parameters: f"weather-{parameters['day']}", cache_expiration=timedelta(hours=1))
    def weather(day: str) -> str:
        return f"rain on {day}"

    weather("Monday")
    fake_clock.advance(59 * 60)
    weather("Monday")
    fake_clock.advance(2 * 60)
    weather("Monday")
    assert [run.states[-1] for run in runs.tasks("weather*")] == ["Completed", "Cached", "Completed"]


@pytest.mark.parametrize("option", [{"cache_expiration": timedelta(hours=1)}, {"refresh_cache": True}])
def test_who_speaks_of_caching_and_does_not_cache_is_told(
    option: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Once, in the log; where results are kept there is nothing to tell."""
    plain = task(**option, name="plain")(lambda: 1)

    @flow(persist_result=True)
    def keeps() -> None:
        plain()

    keeps()
    assert "not cached" not in caplog.text
    plain(), plain()
    assert caplog.text.count("is not cached: add a cache_policy") == 1


def test_refreshing_runs_and_replaces() -> None:
    """By the task, or by the setting for tasks that do not say."""
    results = iter("abcdef")
    counted = Counted(lambda: next(results))
    counting = task(cache_policy=INPUTS)(counted.fn)
    assert [counting(1), counting(1)] == ["a", "a"]
    assert [counting.with_options(refresh_cache=True)(1), counting(1)] == ["b", "b"]
    with temporary_settings({"tasks_refresh_cache": True}):
        assert counting(1) == "c"
        assert counting.with_options(refresh_cache=False)(1) == "c"


@pytest.mark.parametrize(
    ("settings", "options", "calls"),
    [
        ({"tasks_default_no_cache": True}, {"persist_result": True, "result_storage_key": None}, 2),
        ({"tasks_default_no_cache": True}, {"cache_policy": INPUTS}, 1),
        ({"tasks_disable_caching": True}, {"cache_policy": INPUTS}, 2),
        ({}, {"cache_policy": NO_CACHE, "persist_result": True}, 2),
    ],
)
def test_what_turns_caching_off(settings: dict[str, Any], options: dict[str, Any], calls: int) -> None:
    """Settings, and NO_CACHE."""
    counted = Counted()
    counting = task(**options)(counted.fn)

    @flow
    def twice() -> None:
        counting(1)
        counting(1)

    with temporary_settings(settings):
        twice()
    assert counted.calls == calls


@both
def test_inputs_without_a_key_run_uncached(kind: str, runs: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An error says why; the result is kept all the same."""
    counted = Counted()
    counting = make_task(kind, counted.fn, cache_policy=INPUTS, name="counting")
    for _ in range(2):
        assert call(kind, counting, threading.Lock()) == "done"
    assert counted.calls == 2
    assert "runs uncached" in caplog.text
    assert "No hash can be made of a lock" in caplog.text
    assert runs.tasks("counting*")[0].state.state_details.result_key is not None


@pytest.mark.parametrize(
    ("key_fn", "said"), [(lambda c, p: 1 / 0, "ZeroDivisionError"), (lambda c, p: 7, "not 7"), (lambda c, p: None, "")]
)
def test_a_key_function_that_fails_breaks_nothing(
    key_fn: Any, said: str, runs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What it raises is logged; None is no key, and no error."""
    counted = Counted()
    counting = task(cache_key_fn=key_fn, name="counting")(counted.fn)
    assert [counting(1), counting(1)] == ["done", "done"]
    assert counted.calls == 2
    assert (said or "uncached") in caplog.text or not said
    assert ("uncached" in caplog.text) is bool(said)


def test_a_key_function_sees_the_run_and_its_parameters() -> None:
    """With results in the place of futures, and headrace.runtime at work."""
    seen: list[Any] = []

    @task
    def one() -> int:
        return 1

    def key_fn(context: Any, parameters: dict[str, Any]) -> str:
        from headrace.runtime import task_run

        seen.append((context.task.name, str(context.task_run.id) == task_run.id, parameters))
        return "k"

    @flow
    def around() -> int:
        return task(cache_key_fn=key_fn, name="keyed")(lambda x: x)(one.submit())  # type: ignore[no-any-return]

    assert around() == 1
    assert seen == [("keyed", True, {"x": 1})]


def test_task_input_hash_is_a_key_function() -> None:
    """As in earlier versions of the interface."""
    counted = Counted()
    counting = task(cache_key_fn=task_input_hash)(counted.fn)
    counting(1), counting(1), counting(2)
    assert counted.calls == 2


def test_a_storage_key_is_a_cache_key() -> None:
    """What is there under it is taken."""
    counted = Counted()
    counting = task(result_storage_key="k-{parameters[x]}")(counted.fn)
    counting(1), counting(1), counting(2)
    assert counted.calls == 2


def test_a_storage_key_without_caching_is_written_each_time() -> None:
    """NO_CACHE."""
    results = iter("ab")
    storage = MemoryFileSystem()
    counting = task(result_storage_key="k", cache_policy=NO_CACHE, result_storage=storage, result_serializer="json")(
        Counted(lambda: next(results)).fn
    )
    assert [counting(1), counting(1)] == ["a", "b"]
    assert storage.files["k"].endswith(b'"b"')


def test_methods_of_different_objects_are_different() -> None:
    """The object is an input like others."""

    class Scaled:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        @task(cache_policy=INPUTS)
        def times(self, x: int) -> int:
            return self.factor * x

    assert [Scaled(2).times(3), Scaled(5).times(3)] == [6, 15]
    assert Scaled(2).times(3, return_state=True).name == "Cached"


def test_flow_parameters_are_a_key() -> None:
    """Of the flow run around the task run."""
    counted = Counted()
    counting = task(cache_policy=FLOW_PARAMETERS)(counted.fn)

    @flow
    def around(x: int) -> None:
        counting(x * 2)

    around(1), around(1), around(2)
    assert counted.calls == 2


def test_a_changed_function_is_another() -> None:
    """By TASK_SOURCE."""
    one = task(cache_policy=TASK_SOURCE, name="same")(lambda: 1)
    two = task(cache_policy=TASK_SOURCE, name="same")(lambda: 2)
    assert [one(), two(), one()] == [1, 2, 1]


def test_keys_may_be_kept_apart() -> None:
    """In a storage of their own."""
    keys = MemoryFileSystem()
    counted = Counted()
    counting = task(cache_policy=INPUTS.configure(key_storage=keys))(counted.fn)
    counting(1), counting(1)
    assert counted.calls == 1
    assert len(keys.files) == 1


def test_submitted_runs_are_cached_too(runs: Any) -> None:
    """On threads."""
    counted = Counted()
    counting = task(cache_policy=INPUTS, name="counting")(counted.fn)

    @flow
    def around() -> list[str]:
        return [counting.submit(1).result() for _ in range(3)]

    assert around() == ["done"] * 3
    assert counted.calls == 1
    assert [run.states for run in runs.tasks("counting*")] == [RAN, CACHED, CACHED]


def shout(word: str) -> str:
    return word.upper()


def test_runs_in_other_processes_have_the_same_history(runs: Any) -> None:
    """The second is Cached, and no process is asked."""
    shouting = task(cache_policy=INPUTS)(shout)

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def around() -> list[str]:
        return [shouting.submit("a").result() for _ in range(2)]

    assert around() == ["A", "A"]
    assert [run.states for run in runs.tasks("shout*")] == [RAN, CACHED]


def test_a_generator_that_is_cached_yields_the_same() -> None:
    """Sync and async."""
    calls: list[str] = []

    @task(cache_policy=INPUTS + TASK_SOURCE)
    def counts(to: int) -> Iterator[int]:
        calls.append("sync")
        yield from range(to)

    @task(cache_policy=INPUTS + TASK_SOURCE)
    async def counts_async(to: int) -> AsyncIterator[int]:
        calls.append("async")
        for number in range(to):
            yield number

    async def listed() -> list[int]:
        return [number async for number in counts_async(3)]

    assert [list(counts(3)), list(counts(3))] == [[0, 1, 2]] * 2
    assert [asyncio.run(listed()), asyncio.run(listed())] == [[0, 1, 2]] * 2
    assert calls == ["sync", "async"]


def test_a_generator_that_was_closed_early_is_not_cached() -> None:
    """Sync and async: what it had yielded is not all."""

    @task(cache_policy=INPUTS + TASK_SOURCE)
    def counts(to: int) -> Iterator[int]:
        yield from range(to)

    @task(cache_policy=INPUTS + TASK_SOURCE)
    async def counts_async(to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    async def listed(most: int) -> list[int]:
        found: list[int] = []
        numbers = counts_async(3)
        async for number in numbers:
            found.append(number)
            if len(found) == most:
                await numbers.aclose()  # type: ignore[attr-defined]
                break
        return found

    started = counts(3)
    next(started)
    started.close()  # type: ignore[attr-defined]
    assert list(counts(3)) == [0, 1, 2]
    assert [asyncio.run(listed(1)), asyncio.run(listed(9))] == [[0], [0, 1, 2]]


def test_a_broken_result_counts_as_not_there(caplog: pytest.LogCaptureFixture) -> None:
    """The task runs, and writes it anew; the log says why."""
    storage = MemoryFileSystem()
    counted = Counted()
    counting = task(result_storage=storage, result_storage_key="k", cache_result_in_memory=False)(counted.fn)
    counting(1)
    storage.files["k"] = storage.files["k"][:-3]
    assert counting(1) == "done"
    assert counted.calls == 2
    assert "can't be read" in caplog.text
    assert counting(1, return_state=True).name == "Cached"


@both
def test_serializable_runs_wait_for_one_another(kind: str, runs: Any, fake_clock: Any) -> None:
    """The second finds what the first has made."""
    policy = INPUTS.configure(isolation_level="SERIALIZABLE", lock_manager=MemoryLockManager())

    if kind == "sync":

        @task(cache_policy=policy)
        def slow(x: int) -> int:
            import time

            time.sleep(10)
            return x
    else:

        @task(cache_policy=policy)
        async def slow(x: int) -> int:
            await asyncio.sleep(10)
            return x

    @flow
    def around() -> None:
        for future in [slow.submit(1), slow.submit(1)]:
            future.wait()

    around()
    assert sorted(run.states for run in runs.tasks("slow*")) == [CACHED, RAN]
    assert not MemoryLockManager().is_locked(runs.tasks("slow*")[0].record.cache_key)
    assert 10 <= fake_clock.elapsed < 11


@both
def test_a_lock_is_given_back_whatever_happens(kind: str, tmp_path: Any, runs: Any) -> None:
    """A failure, too; the lock is held while the task is tried again."""
    locks = FileSystemLockManager(tmp_path)
    policy = INPUTS.configure(isolation_level="SERIALIZABLE", lock_manager=locks)
    held: list[int] = []

    def failing(x: int) -> None:
        held.append(len(list(tmp_path.glob("*.lock"))))
        raise ValueError("no")

    call(kind, make_task(kind, failing, cache_policy=policy, retries=1), 1, return_state=True)
    assert held == [1, 1]
    assert list(tmp_path.iterdir()) == []


@both
def test_serializable_without_a_lock_manager_fails_the_run(kind: str) -> None:
    """ConfigurationError, saying what to give."""
    policy = INPUTS.configure(isolation_level="SERIALIZABLE")
    counted = Counted()
    with pytest.raises(ConfigurationError, match="MemoryLockManager"):
        run_task_in_flow(kind, make_task(kind, counted.fn, cache_policy=policy, retries=1), 1)
    assert counted.calls == 0
