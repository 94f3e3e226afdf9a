"""Workers in processes of their own, on real time and one file; some are killed."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from headrace import flow
from headrace.clock.virtual import VirtualClock
from headrace.drive.world import World, current_world, use_world
from headrace.futures import DistributedFuture
from headrace.settings import temporary_settings
from headrace.store.protocol import Store
from headrace.store.sqlite import SqliteStore
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.task_worker import TaskWorker, serve

JOBS = '''
import sys, time
from pathlib import Path
from headrace import task
from headrace.task_worker import serve

HERE = Path(__file__).parent

class Thing:
    """What only this program knows."""
    def __init__(self, size): self.size = size

@task
def note(number):
    with open(HERE / "noted", "a") as file:
        file.write(f"{number}\\n")
    return {"number": number}

@task
def fail():
    raise ValueError("no luck")

@task
def wait_for_file(name):
    (HERE / "begun").touch()
    while not (HERE / name).exists():
        time.sleep(0.01)
    return "seen"

@task
def delays(number):
    return str(note.delay(number).task_run_id)

@task
def size_of(thing):
    return thing.size

if __name__ == "__main__":
    if sys.argv[1] == "delay":
        print(size_of.delay(Thing(3)).task_run_id)
    else:
        serve(note, fail, wait_for_file, size_of, until_idle=sys.argv[1] == "idle")
'''


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module of the tasks, in a world on a file that its workers use."""
    (tmp_path / "jobs_in_processes.py").write_text(textwrap.dedent(JOBS))
    monkeypatch.syspath_prepend(str(tmp_path))
    kept = temporary_settings({"HEADRACE_RESULTS_LOCAL_STORAGE_PATH": str(tmp_path / "storage")})
    world = World(SqliteStore(tmp_path / "headrace.db"))
    with kept, use_world(world, everywhere=True):
        import jobs_in_processes  # type: ignore[import-not-found]

        yield jobs_in_processes
    world.close()
    del sys.modules["jobs_in_processes"]


@contextmanager
def worker(folder: Path, how: str = "serve") -> Iterator[subprocess.Popen[str]]:
    """Run a worker; it is killed when the block ends."""
    env = {**os.environ, "HEADRACE_HOME": str(folder), "HEADRACE_LOGGING_LEVEL": "ERROR"}
    script = str(folder / "jobs_in_processes.py")
    with subprocess.Popen([sys.executable, script, how], env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so in another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)


def store() -> Store:
    return current_world().store


def states(future: DistributedFuture[Any]) -> list[str]:
    return [state.name for state in store().history(future.task_run_id)]


def test_several_workers_never_run_one_run_twice(jobs: Any, tmp_path: Path) -> None:
    """Each run goes to one of them, and its result comes from where it is kept."""
    futures = [jobs.note.delay(number) for number in range(40)]
    with worker(tmp_path, "idle") as one, worker(tmp_path, "idle") as two, worker(tmp_path, "idle") as three:
        assert [future.result(timeout=60) for future in futures] == [{"number": number} for number in range(40)]
        assert [process.wait(60) for process in (one, two, three)] == [0, 0, 0]
    noted = (tmp_path / "noted").read_text().split()
    assert sorted(map(int, noted)) == list(range(40))
    assert all(states(future) == ["Scheduled", "Pending", "Running", "Completed"] for future in futures)


def test_what_a_run_raised_elsewhere_is_raised_here(jobs: Any, tmp_path: Path) -> None:
    """It is kept as results are."""
    future = jobs.fail.delay()
    with worker(tmp_path, "idle"), pytest.raises(ValueError, match="no luck"):
        future.result(timeout=60)


def test_objects_of_the_scheduling_program_arrive(jobs: Any, tmp_path: Path) -> None:
    """Where it is run as a script, too; and whoever has the id can wait for the run."""
    with worker(tmp_path, "delay") as scheduling:
        assert scheduling.stdout is not None
        run_id = scheduling.stdout.read().strip()
    future = DistributedFuture[int](UUID(run_id))
    with worker(tmp_path, "idle"):
        assert future.result(timeout=60) == 3


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_worker_after_what_it_is_at(jobs: Any, tmp_path: Path, signum: int) -> None:
    """It exits well, and what was not begun stays scheduled."""
    begun = jobs.wait_for_file.delay("go")
    with worker(tmp_path) as process:
        until((tmp_path / "begun").exists)
        process.send_signal(signum)
        time.sleep(0.2)  # the signal is on its way to another process
        left = jobs.note.delay(1)
        (tmp_path / "go").touch()
        assert process.wait(30) == 0
    assert begun.state.name == "Completed"
    assert states(left) == ["Scheduled"]


def test_a_second_signal_ends_what_a_worker_is_at(jobs: Any, tmp_path: Path) -> None:
    """The run is recorded as Crashed."""
    begun = jobs.wait_for_file.delay("never")
    with worker(tmp_path) as process:
        until((tmp_path / "begun").exists)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)  # two signals at once may be one
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert states(begun) == ["Scheduled", "Pending", "Running", "Crashed"]


def test_what_a_killed_worker_was_at_is_found_when_its_lease_has_run_out(jobs: Any, tmp_path: Path) -> None:
    """By the next worker: it had begun, so it has crashed."""
    begun = jobs.wait_for_file.delay("never")
    with worker(tmp_path) as process:
        until((tmp_path / "begun").exists)
        process.kill()
        process.wait()
    in_a_minute = VirtualClock(start=current_world().clock.now() + timedelta(minutes=1))
    with use_world(World(store(), clock=in_a_minute)):
        serve(jobs.wait_for_file, until_idle=True)
    assert states(begun) == ["Scheduled", "Pending", "Running", "Crashed"]


def test_a_task_in_a_worker_process_of_its_flow_schedules_runs_too(jobs: Any) -> None:
    """They are recorded in the store of the flow's process, and those who serve there are woken."""

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def outer() -> Any:
        return jobs.delays.submit(7)

    worker_here = TaskWorker(jobs.note)
    thread = threading.Thread(target=worker_here.start)
    thread.start()
    future = DistributedFuture[Any](UUID(outer()))
    assert future.result(timeout=30) == {"number": 7}
    worker_here.stop()
    thread.join()
