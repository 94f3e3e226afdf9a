"""Each setting of the engine, from each of its places, does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, get_client, get_run_logger, task
from headrace.cache_policies import INPUTS
from headrace.results import get_result_store
from headrace.settings import refresh_settings, temporary_settings
from headrace.testing import virtual_time

Place = Callable[[str, str], Any]


@contextmanager
def in_the_environment(name: str, value: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        refresh_settings()
        yield
    refresh_settings()


@contextmanager
def in_a_profile(name: str, value: str) -> Iterator[None]:
    home = refresh_settings().home
    home.mkdir(exist_ok=True)
    path = home / "profiles.toml"
    path.write_text(f'active = "mine"\n[profiles.mine]\n{name} = "{value}"\n')
    refresh_settings()
    yield
    path.unlink()
    refresh_settings()


@contextmanager
def in_pyproject(name: str, value: str) -> Iterator[None]:
    path = Path("pyproject.toml")
    path.write_text(f'[tool.headrace]\n{name.removeprefix("HEADRACE_").lower()} = "{value}"\n')
    refresh_settings()
    yield
    path.unlink()
    refresh_settings()


@contextmanager
def temporarily(name: str, value: str) -> Iterator[None]:
    with temporary_settings({name: value}):
        yield


PLACES = [in_the_environment, in_a_profile, in_pyproject, temporarily]


def states_of_the_last_task_run() -> list[str]:
    with get_client(sync_client=True) as client:
        return [state.name for state in client.read_task_run_states(client.read_task_runs()[-1].id)]


def kept_lines() -> list[str]:
    """What a flow logs and prints, as far as it is kept."""

    @flow
    def talk() -> None:
        get_run_logger().info("at info")
        get_run_logger().debug("at debug")
        print("printed")

    talk()
    with get_client(sync_client=True) as client:
        lines = [line.message for line in client.read_logs()]
    return [line for line in lines if line in ("at info", "at debug", "printed")]


def attempts_of_a_flow() -> list[str]:
    @flow
    def fail() -> None:
        raise ValueError("boom")

    with virtual_time():
        ended = fail(return_state=True)
    with get_client(sync_client=True) as client:
        return [state.name for state in client.read_flow_run_states(ended.state_details.flow_run_id)][1:-1]


def delay_of_a_flow() -> float:
    @flow(retries=1)
    def fail() -> None:
        raise ValueError("boom")

    with virtual_time() as clock:
        fail(return_state=True)
        return float(clock.elapsed)


def attempts_of_a_task() -> list[str]:
    @task
    def fail() -> None:
        raise ValueError("boom")

    with virtual_time():
        fail(return_state=True)
    return states_of_the_last_task_run()[1:-1]


def delay_of_a_task() -> float:
    @task(retries=1)
    def fail() -> None:
        raise ValueError("boom")

    with virtual_time() as clock:
        fail(return_state=True)
        return float(clock.elapsed)


def is_kept(task_alone: bool = False) -> bool:
    @task
    def work() -> int:
        return 1

    @flow
    def around() -> Any:
        return work(return_state=True)

    state = work(return_state=True) if task_alone else around(return_state=True)
    return state.state_details.result_key is not None


def runs_of_a_task(**options: Any) -> list[str]:
    """The names of the ends of two runs with the same argument, in one flow."""

    @task(**options)
    def work(x: int) -> int:
        return x

    @flow
    def twice() -> list[str]:
        return [work(1, return_state=True).name for _ in range(2)]

    return twice()


def most_at_once() -> int:
    """How many of three submitted tasks were at work at the same time."""
    at_work, seen, lock = [0], [0], threading.Lock()

    @task
    def work() -> None:
        with lock:
            at_work[0] += 1
            seen[0] = max(seen[0], at_work[0])
        time.sleep(1)
        with lock:
            at_work[0] -= 1

    @flow
    def three() -> None:
        for future in [work.submit() for _ in range(3)]:
            future.wait()

    with virtual_time():
        three()
    return seen[0]


EFFECTS: list[tuple[str, str, Callable[[], Any], Any, Any]] = [
    ("LOGGING_LEVEL", "DEBUG", kept_lines, ["at info"], ["at info", "at debug"]),
    ("LOGGING_LEVEL", "WARNING", kept_lines, ["at info"], []),
    ("LOGGING_LOG_PRINTS", "true", kept_lines, ["at info"], ["at info", "printed"]),
    ("LOGGING_TO_API_ENABLED", "false", kept_lines, ["at info"], []),
    ("RESULTS_PERSIST_BY_DEFAULT", "true", is_kept, False, True),
    ("RESULTS_DEFAULT_SERIALIZER", "json", lambda: get_result_store().serializer.type, "pickle", "json"),
    ("FLOWS_DEFAULT_RETRIES", "2", attempts_of_a_flow, ["Running"], ["Running", "Retrying", "Retrying"]),
    ("FLOWS_DEFAULT_RETRY_DELAY_SECONDS", "7", delay_of_a_flow, 0, 7),
    ("TASKS_DEFAULT_RETRIES", "1", attempts_of_a_task, ["Running"], ["Running", "Retrying"]),
    ("TASKS_DEFAULT_RETRY_DELAY_SECONDS", "3, 5", delay_of_a_task, 0, 3),
    ("TASKS_DEFAULT_PERSIST_RESULT", "true", lambda: is_kept(task_alone=True), False, True),
    (
        "TASKS_DEFAULT_NO_CACHE",
        "true",
        lambda: runs_of_a_task(persist_result=True),
        ["Completed", "Cached"],
        ["Completed", "Completed"],
    ),
    (
        "TASKS_DISABLE_CACHING",
        "true",
        lambda: runs_of_a_task(cache_policy=INPUTS),
        ["Completed", "Cached"],
        ["Completed", "Completed"],
    ),
    (
        "TASKS_REFRESH_CACHE",
        "true",
        lambda: runs_of_a_task(persist_result=True),
        ["Completed", "Cached"],
        ["Completed", "Completed"],
    ),
    ("TASKS_RUNNER_THREAD_POOL_MAX_WORKERS", "2", most_at_once, 3, 2),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("name", "value", "effect", "without", "with_it"), EFFECTS, ids=[f"{row[0]}={row[1]}" for row in EFFECTS]
)
def test_a_setting_has_its_effect_from_each_place(
    name: str, value: str, effect: Callable[[], Any], without: Any, with_it: Any, place: Place
) -> None:
    """And none any more when it is taken back."""
    assert effect() == without
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs():
            client.delete_flow_run(run.id)
    with place(f"HEADRACE_{name}", value):
        assert effect() == with_it


def test_variants_keep_what_the_settings_said_at_decoration() -> None:
    """What `with_options` is not given stays; a task or flow that says so itself is left alone."""
    defaults = {"tasks_default_retries": 2, "tasks_default_retry_delay_seconds": [1, 2], "flows_default_retries": 1}

    def work() -> None: ...

    with temporary_settings(defaults):
        made, of_its_own, around = task(work), task(retries=0, retry_delay_seconds=0)(work), flow(work)
    assert (made.retries, made.retry_delay_seconds) == (2, [1, 2])
    assert (of_its_own.retries, of_its_own.retry_delay_seconds) == (0, 0)
    variant = made.with_options(name="other")
    assert (variant.retries, variant.retry_delay_seconds) == (2, [1, 2])
    assert around.with_options(name="other").retries == 1


SCRIPT = """
from headrace import flow

@flow(persist_result=True)
def kept():
    return 42

kept()
"""


@pytest.mark.parametrize("place", ["environment", "pyproject"])
def test_paths_say_where_a_script_keeps_its_runs_and_results(place: str, tmp_path: Path) -> None:
    """In a process of its own, as tests are kept away from what is configured."""
    said = {"HEADRACE_STORE_PATH": "mine/runs.db", "HEADRACE_RESULTS_LOCAL_STORAGE_PATH": "mine/results"}
    variables = {**os.environ, "HEADRACE_HOME": str(tmp_path / "home"), "HEADRACE_WITHOUT_PYPROJECT": ""}
    if place == "pyproject":
        lines = [f'{name.removeprefix("HEADRACE_").lower()} = "{path}"' for name, path in said.items()]
        Path("pyproject.toml").write_text("\n".join(["[tool.headrace]", *lines]))
    else:
        variables |= said
    subprocess.run([sys.executable, "-c", SCRIPT], env=variables, check=True, capture_output=True)
    assert Path("mine/runs.db").is_file()
    assert len(list(Path("mine/results").iterdir())) == 1
    assert not (tmp_path / "home" / "headrace.db").exists()
