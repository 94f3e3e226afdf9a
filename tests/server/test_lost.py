"""Scripts that report to a server, and are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.drive.lost import record_lost
from headrace.drive.world import World, use_world
from headrace.server.serving import listening
from headrace.store.remote.store import RemoteStore
from headrace.store.sqlite import SqliteStore
from tests.store.dying import FLOWS

from .serving import served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files can't be locked in this way there")


@pytest.mark.parametrize("is_up", [True, False], ids=["the server is up", "the server is away"])
def test_what_a_killed_script_was_at_is_crashed_when_all_that_it_recorded_is_there(is_up: bool, tmp_path: Path) -> None:
    """What had ended has, though the server did not know that yet; who looks first brings it there."""
    home, store = tmp_path / "home", SqliteStore(tmp_path / "served.db")
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    if is_up:
        with served(store, None, port):
            killed(url, home)
    else:
        killed(url, home)
    looked(url, home)  # without a server nothing can be done
    assert is_up or not store.count("flow")
    with served(store, None, port):
        looked(url, home)
    states = {run.flow_name: [state.name for state in store.history(run.id)] for run in store.flow_runs()}
    crashed = ["Pending", "Running", "Crashed"]
    assert states == {"quick": ["Pending", "Running", "Completed"], "outer": crashed, "inner": crashed}
    assert {run.task_name: run.state_name for run in store.task_runs()} == {"inner": "Crashed", "work": "Crashed"}
    assert not [path for path in home.rglob("*") if path.is_file()]
    store.close()


def killed(url: str, home: Path) -> None:
    """Let a script begin its work, and kill it."""
    environment = {**os.environ, "HEADRACE_HOME": str(home), "HEADRACE_API_URL": url}
    script = subprocess.Popen(
        [sys.executable, "-c", f"{FLOWS}\nquick()\nouter()"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert script.stdout is not None
    assert script.stdout.readline() == "begun\n"
    script.kill()
    script.communicate()


def looked(url: str, home: Path) -> None:
    """Look as the next process that reports there does."""
    with use_world(World(RemoteStore(url, home / "spool", rosters=home / "at-work"))) as world:
        record_lost(world)
        world.close()
