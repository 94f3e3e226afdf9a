"""Servers and scripts in processes of their own, killed in the middle of a load; and whether anything was lost.

A script keeps a ledger: after each task that it has seen the end of, it writes the task's number to a file of its own.
What is in a ledger must be on the server, whole and once, whatever was killed when.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from headrace.store.protocol import LogFilter, RunFilter, Store

SCRIPT = """
import os, sys
from headrace import flow, get_run_logger, task

ledger = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_APPEND)

@task(task_run_name="{number}")
def step(number):
    get_run_logger().info("step %d", number)

@flow(flow_run_name=os.path.basename(sys.argv[1]))
def load(count):
    for number in range(count):
        step(number)
        os.write(ledger, b"%d\\n" % number)

load(int(sys.argv[2]))
"""


class Place:
    """A folder with the homes of a server and of scripts, all of which can be killed and started again."""

    def __init__(self, folder: Path, store: str | None = None) -> None:
        self.folder = folder
        self._store = store or f"sqlite:///{folder}/served.db"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._server: subprocess.Popen[bytes] | None = None
        (folder / "load.py").write_text(SCRIPT)

    def start_server(self) -> None:
        """Start it, and wait until it answers."""
        words = ["server", "start", "--port", str(self._port), "--no-ui", "--store", self._store]
        self._server = self._python(["-m", "headrace", *words], "server", self.folder / "server.out")
        until(self._answers)

    def kill_server(self) -> None:
        """Kill it."""
        assert self._server is not None
        self._server.send_signal(signal.SIGKILL)
        self._server.wait()

    def script(self, name: str, steps: int, home: str = "home") -> subprocess.Popen[bytes]:
        """Start a script whose ledger, and flow run, are called so."""
        reports_to = f"http://127.0.0.1:{self._port}/api"
        words = [str(self.folder / "load.py"), str(self.folder / name), str(steps)]
        return self._python(words, home, self.folder / f"{name}.out", HEADRACE_API_URL=reports_to)

    def seen(self, name: str) -> list[int]:
        """Return the steps that a script has seen the end of; the last line may be torn."""
        ledger = self.folder / name
        told = ledger.read_bytes() if ledger.exists() else b""
        return [int(line) for line in told.split(b"\n")[:-1]]

    def wait_for(self, name: str, steps: int) -> None:
        """Wait until a script has seen the end of so many steps."""
        until(lambda: len(self.seen(name)) >= steps)

    def _answers(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, (self.folder / "server.out").read_text()
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/api/ready", timeout=1) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    def _python(self, words: list[str], home: str, output: Path, **variables: str) -> subprocess.Popen[bytes]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")}
        environment |= {"HEADRACE_HOME": str(self.folder / home), **variables}
        with open(output, "ab") as out:
            return subprocess.Popen([sys.executable, *words], env=environment, stdout=out, stderr=out)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that happens in another process."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def differences(store: Store, ledgers: dict[str, list[int]]) -> list[str]:
    """Compare what scripts have seen with what a store has, row by row; return what is not as it should be."""
    found: list[str] = []
    for name, seen in ledgers.items():
        # The filter is content with a part of the name.
        runs = [run for run in store.flow_runs(RunFilter(name=name)) if run.name == name]
        if len(runs) != 1:
            found.append(f"{name}: {len(runs)} flow runs")
            continue
        steps = store.task_runs(RunFilter(flow_run_id=runs[0].id))
        lines = Counter(line.message for line in store.logs(LogFilter(flow_run_id=runs[0].id)))
        by_name = {run.name: run for run in steps}
        if len(by_name) != len(steps):
            found.append(f"{name}: some steps are there twice")
        histories = store.histories([run.id for run in steps])
        for number in seen:
            run = by_name.get(str(number))
            states = [state.name for state in histories.get(run.id, [])] if run is not None else []
            if states != ["Pending", "Running", "Completed"]:
                found.append(f"{name}: step {number} went through {states}")
        extra = len(steps) - len(seen)
        if not 0 <= extra <= 1:
            found.append(f"{name}: {extra} steps more than were seen")
        if twice := [message for message, count in lines.items() if message.startswith("step") and count > 1]:
            found.append(f"{name}: logged twice: {twice[:3]}")
    return found
