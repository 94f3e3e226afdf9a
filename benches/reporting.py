"""Reporting to a server: what a script takes, how much one client gets into a server, and twenty at once."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from uuid import UUID

from benches.measure import Contestant, Table, interleaved
from benches.processes import took
from benches.servers import postgres, serving
from benches.worlds import folder
from headrace.clock import SystemClock
from headrace.core.records import TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import unstamped
from headrace.drive.world import World
from headrace.store.protocol import RunFilter
from headrace.store.remote.store import RemoteStore
from headrace.store.sqlite import SqliteStore

SCRIPT = """
import sys
from headrace import flow, task

@task
def add(a, b):
    return a + b

@flow
def sums(count):
    for number in range(count):
        add(number, 2)

sums(int(sys.argv[1]))
"""
#: How much longer than on its own file a script that reports may take.
RATIO = 1.3
#: Microseconds for each task run of a client: 10,000 in a second.
INGEST = 100.0
CLIENTS = 20


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    with folder() as place, serving(place, f"sqlite:///{place / 'served.db'}") as url:
        tables = [_scripts(place, url, count, quick) for count in (1, 1000)]
        return [*tables, _ingest(place, url, quick), _twenty(place, url, quick)]


def _scripts(place: Path, url: str, count: int, quick: bool) -> Table:
    script = place / "script.py"
    script.write_text(SCRIPT)
    own, reporting = "on its own file", "reporting to a server"

    def reported() -> float:
        with _environment(HEADRACE_API_URL=url):
            return took([script, str(count)], place / "reporting")

    contestants: dict[str, Contestant] = {own: lambda: took([script, str(count)], place / "own"), reporting: reported}
    interleaved(contestants, 1)
    measured = interleaved(contestants, 5 if quick else 15)
    title = f"a whole script, cold, with {count} task runs, its log on"
    return Table("reporting", title, "ms", own).fill(measured, {reporting: (None, RATIO)})


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def _ingest(place: Path, url: str, quick: bool) -> Table:
    """Measure what a server takes in from a spool that is there already, so that the client is no part of it."""
    count, rounds = (5_000, 3) if quick else (20_000, 5)
    into_sqlite, into_postgres = "one client into one server, SQLite", "one client into one server, PostgreSQL"
    with postgres() as address, ExitStack() as stack:
        contestants: dict[str, Contestant] = {into_sqlite: lambda: _delivered(place, url, count)}
        if address is not None:
            other = stack.enter_context(serving(place / "other", address))
            contestants[into_postgres] = lambda: _delivered(place / "other", other, count)
        measured = interleaved(contestants, rounds)
    title = f"{count:,} task runs with three states each, from a spool, over HTTP; per task run"
    return Table("ingest", title, "µs", into_sqlite).fill(measured, dict.fromkeys(contestants, (INGEST, None)))


def _delivered(place: Path, url: str, count: int) -> float:
    store = RemoteStore(f"{url}", place / "spool")
    store._outbox._rest_until_ns = sys.maxsize  # nothing is delivered yet
    _record(store, count)
    store._outbox._rest_until_ns = 0
    start = perf_counter()
    store._outbox.deliver()
    taken = (perf_counter() - start) / count * 1e6
    store.close()
    return taken


def _record(store: RemoteStore, count: int) -> None:
    world = World(store)
    now = SystemClock().now()
    flow_run_id = world.new_id()
    begin = unstamped(StateType.PENDING), unstamped(StateType.RUNNING)
    for number in range(count):
        run = TaskRun(
            id=world.new_id(),
            name=f"add-{number}",
            created=now,
            task_name="add",
            task_key="benches.add",
            flow_run_id=flow_run_id,
            flow_run_run_count=1,
            parameters={"a": number, "b": 2},
        )
        store.create(run, [run.enter(state, now) for state in begin])
        store.transition(run, [run.enter(unstamped(StateType.COMPLETED), now)])


def _twenty(place: Path, url: str, quick: bool) -> Table:
    """Let many scripts report at once, and look row by row whether all is there."""
    steps = 100 if quick else 1000
    label = f"{CLIENTS} scripts at once"
    numbers, store = itertools.count(), SqliteStore(place / "served.db")
    missing = 0

    def contestant() -> float:
        nonlocal missing
        before = {run.id for run in store.flow_runs(RunFilter(flow_name="sums"))}
        start = perf_counter()
        scripts = [_script(place, url, next(numbers), steps) for _ in range(CLIENTS)]
        for script in scripts:
            if script.wait():
                raise RuntimeError("A script failed.")
        passed = perf_counter() - start
        new = [run.id for run in store.flow_runs(RunFilter(flow_name="sums")) if run.id not in before]
        missing += abs(CLIENTS - len(new)) + sum(_missing(store, run_id, steps) for run_id in new)
        return passed / CLIENTS / steps * 1e6

    measured = interleaved({label: contestant}, 1 if quick else 3)
    title = f"{CLIENTS} scripts with {steps} task runs each, started together; per task run"
    table = Table("clients", title, "µs", label)
    table.notes.append(f"Task runs that are missing, there twice, or without one of their states: {missing}.")
    return table.fill(measured, {})


def _script(place: Path, url: str, number: int, steps: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "HEADRACE_API_URL": url, "HEADRACE_HOME": str(place / f"client-{number}")}
    command = [sys.executable, str(place / "script.py"), str(steps)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def _missing(store: SqliteStore, flow_run_id: UUID, steps: int) -> int:
    runs = store.task_runs(RunFilter(flow_run_id=flow_run_id))
    histories = store.histories([run.id for run in runs])
    given = Counter(run.parameters["a"] for run in runs)
    whole = ["Pending", "Running", "Completed"]
    wrong = sum([state.name for state in histories[run.id]] != whole for run in runs)
    return wrong + sum(given[number] != 1 for number in range(steps)) + abs(len(runs) - steps)
