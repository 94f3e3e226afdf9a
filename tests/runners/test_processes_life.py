"""How worker processes live and die."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, task
from headrace.core.state_types import StateType
from headrace.drive.activities import cancel
from headrace.drive.world import World
from headrace.exceptions import CrashedRun, TimeIsUp
from headrace.runners import worker_process
from headrace.task_runners import ProcessPoolTaskRunner
from tests.runners.processing import in_processes, real_world, states


@pytest.fixture
def world() -> Iterator[World]:
    with real_world() as world:
        yield world


@task
def pid() -> int:
    return os.getpid()


@task
def killed_by(signum: int) -> None:
    os.kill(os.getpid(), signum)
    time.sleep(30)


@task
def leaves(code: int) -> None:
    os._exit(code)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_are_reused_and_gone_after_the_flow(world: World) -> None:
    """One process for calls one after another; none is left, not even as a zombie."""
    pids = in_processes(lambda: [pid.submit().result() for _ in range(3)])
    assert len(set(pids)) == 1
    assert not is_running(pids[0])


def test_there_are_never_more_workers_than_allowed(world: World) -> None:
    """A map over many items shares two processes."""

    @task
    def busy(x: int) -> int:
        time.sleep(0.02)
        return os.getpid()

    pids = in_processes(lambda: busy.map(range(12)).result(), max_workers=2)
    assert len(set(pids)) == 2


def test_runs_whose_workers_die_crash_and_name_them(world: World) -> None:
    """Each death costs one run; the flow goes on with another worker, and `result` raises CrashedRun."""
    deaths = {
        "was killed by SIGKILL": lambda: killed_by.submit(signal.SIGKILL),
        "was killed by SIGSEGV": lambda: killed_by.submit(signal.SIGSEGV),
        "was killed by SIGTERM": lambda: killed_by.submit(signal.SIGTERM),
        "was interrupted by SIGINT": lambda: killed_by.submit(signal.SIGINT),
        "ended with exit code 3": lambda: leaves.submit(3),
        "ended with exit code 0": lambda: leaves.submit(0),
    }
    found: list[str] = []
    expected: list[str] = []

    def survives() -> None:
        for how, submit in deaths.items():
            expected.append(f"The worker process {pid.submit().result()} that ran it {how}.")
            with pytest.raises(CrashedRun) as caught:
                submit().result()
            found.append(str(caught.value))

    in_processes(survives)
    assert found == expected
    crashed = world.store.task_runs()[1::2]
    assert [states(world, run) for run in crashed] == [["Pending", "Running", "Crashed"]] * len(deaths)
    assert [run.state.message for run in crashed if run.state] == expected
    assert world.store.flow_runs()[0].state_type is StateType.COMPLETED


def test_a_crash_is_not_tried_again(world: World) -> None:
    """Retries are for what a function raises."""

    @task(retries=3)
    def dies() -> None:
        os._exit(1)

    in_processes(lambda: dies.submit().wait())
    assert states(world, world.store.task_runs()[0]) == ["Pending", "Running", "Crashed"]


def test_an_idle_worker_that_was_killed_is_replaced(world: World) -> None:
    """Nothing crashes for it."""

    def body() -> bool:
        first = pid.submit().result()
        os.kill(first, signal.SIGKILL)
        os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
        return bool(pid.submit().result() != first)

    assert in_processes(body)


def test_a_worker_that_ignores_its_time_out_is_killed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has some seconds for it; the run is TimedOut, as if it had obeyed."""
    monkeypatch.setattr(worker_process, "PATIENCE_SECONDS", 0.1)

    @task(timeout_seconds=0.1)
    def stubborn() -> None:
        while True:
            try:
                time.sleep(30)
            except TimeIsUp:
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGINT])

    @task(timeout_seconds=0.1)
    async def blocking() -> None:
        time.sleep(30)

    def body() -> int:
        stubborn.submit().wait()
        blocking.submit().wait()
        return pid.submit().result()

    in_processes(body)
    assert [run.state_name for run in world.store.task_runs()] == ["TimedOut", "TimedOut", "Completed"]


def test_a_cancellation_ends_what_runs_in_workers(world: World) -> None:
    """Sync and async; what did not begin is cancelled too, and nobody waits for the sleepers."""
    began = threading.Event()

    @task
    def sleeps() -> None:
        time.sleep(60)

    @task
    async def sleeps_async() -> None:
        await asyncio.sleep(60)

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
    def sleeper() -> None:
        futures = [sleeps.submit(), sleeps_async.submit(), sleeps.submit()]
        began.set()
        for future in futures:
            future.wait()

    def ask() -> None:
        began.wait()
        while sum(run.state_name == "Running" for run in world.store.task_runs()) < 2:
            time.sleep(0.01)
        cancel(world, world.store.flow_runs()[0].id)

    asker = threading.Thread(target=ask)
    asker.start()
    state = sleeper(return_state=True)
    asker.join()
    assert state.is_cancelled()
    assert [run.state_name for run in world.store.task_runs()] == ["Cancelled"] * 3


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_process_that_started_them(tmp_path: Path, signum: int) -> None:
    """Also when it is killed, and while they are at work."""
    script = tmp_path / "orphans.py"
    script.write_text(
        "import os, time\n"
        "from headrace import flow, task\n"
        "from headrace.task_runners import ProcessPoolTaskRunner\n"
        "@task\n"
        "def sleeps():\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}}\\n')\n"
        "    time.sleep(60)\n"
        "@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))\n"
        "def f():\n"
        "    sleeps.submit().result()\n"
        "f()\n"
    )
    environment = {**os.environ, "HEADRACE_HOME": str(tmp_path / "home")}
    parent = subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.PIPE, text=True)
    file = tmp_path / "pid"
    worker = int(_eventually(lambda: file.exists() and "\n" in file.read_text() and file.read_text()))
    parent.send_signal(signum)
    _, told = parent.communicate()
    assert _eventually(lambda: not is_running(worker))
    if signum != signal.SIGKILL:
        aborted = "an interrupt" if signum == signal.SIGINT else "a termination"
        assert told.count(f"Crashed('Execution was aborted by {aborted} signal.')") == 2


def _eventually(look: Any) -> Any:
    for _ in range(1000):
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("It did not happen within ten seconds.")


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    """Functions and classes of `__main__` travel by value, results come back as the script's own classes."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os\n"
        "from headrace import flow, get_run_logger, task\n"
        "from headrace.task_runners import ProcessPoolTaskRunner\n"
        "print('once')\n"
        "class Point:\n"
        "    def __init__(self, x): self.x = x\n"
        "def helper(x): return Point(x + 1)\n"
        "@task\n"
        "def called(x): return helper(x).x\n"
        "@task(log_prints=True)\n"
        "def moved(point):\n"
        "    print('moving', point.x)\n"
        "    return helper(called(point.x))\n"
        "@flow(task_runner=ProcessPoolTaskRunner(max_workers=2))\n"
        "def f():\n"
        "    points = moved.map([Point(1), Point(2)]).result()\n"
        "    assert all(type(point) is Point for point in points)\n"
        "    print([point.x for point in points])\n"
        "f()\n"
    )
    environment = {**os.environ, "HEADRACE_HOME": str(tmp_path / "home")}
    run = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "once\n[3, 4]\n"
    assert run.stderr.count("moving 1") == run.stderr.count("moving 2") == 1
    assert "Traceback" not in run.stderr
    assert "| INFO    | Task run 'moved-" in run.stderr


def test_a_file_that_was_loaded_by_its_path_travels_by_value(tmp_path: Path, world: World) -> None:
    """No other process could import it by its name."""
    import importlib.util

    path = tmp_path / "far_away.py"
    path.write_text(
        "from headrace import task\ndef helper(x):\n    return x + 1\n@task\ndef inc(x):\n    return helper(x)\n"
    )
    spec = importlib.util.spec_from_file_location("far_away_module", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["far_away_module"] = module
    try:
        spec.loader.exec_module(module)
        assert in_processes(lambda: module.inc.submit(1).result()) == 2
    finally:
        del sys.modules["far_away_module"]


def test_a_function_of_no_module_travels_by_value(world: World) -> None:
    """Code that was run by `exec`, as that of documents is."""
    namespace: dict[str, Any] = {"task": task}
    exec("@task\ndef inc(x):\n    return x + 1\n", namespace)
    assert in_processes(lambda: namespace["inc"].submit(1).result()) == 2


def test_a_file_that_calls_its_flow_when_imported_is_told_to_guard_the_call(tmp_path: Path) -> None:
    """Its workers import it, and would start workers without end."""
    (tmp_path / "unguarded.py").write_text(
        "from headrace import flow, task\n"
        "from headrace.task_runners import ProcessPoolTaskRunner\n"
        "@task\n"
        "def inc(x): return x + 1\n"
        "@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))\n"
        "def f(): return inc.submit(1).result()\n"
        "f()\n"
    )
    environment = {**os.environ, "HEADRACE_HOME": str(tmp_path / "home")}
    run = subprocess.run(
        [sys.executable, "-c", "import unguarded"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("headrace.exceptions.SerializationError: The worker process could not load the task")
    assert 'Write the call below `if __name__ == "__main__":`.' in last
