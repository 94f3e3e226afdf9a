"""Several processes and one file: made at once, written at once, killed at any moment, forked."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from headrace.core.transitions import TRANSITIONS
from headrace.store.protocol import ConcurrencyLimit, Granted, Queued, SlotRequest
from headrace.store.sqlite import SqliteStore

from .making import (
    CANCELLING,
    COMPLETED,
    PENDING,
    RUNNING,
    at,
    enter,
    flow_run,
    names,
    new_id,
    record,
    task_run,
)

HERE = Path(__file__).parent

CREATE_WHEN_TOLD = """
for path in sys.stdin:
    store = SqliteStore(path.strip())
    for _ in range(3):
        record(store, flow_run(id=uuid4()))
    store.close()
    print("done", flush=True)
"""

WRITE_FOR_EVER = """
store = SqliteStore(sys.argv[1])
while True:
    run = record(store, task_run(id=uuid4()), PENDING, RUNNING)
    print(run.id, 2, flush=True)
    store.transition(run, enter(run, COMPLETED))
    print(run.id, 3, flush=True)
"""


@contextmanager
def process(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script on a store; it is killed when the block ends."""
    prelude = "import sys; from uuid import uuid4; from headrace.store.sqlite import SqliteStore; "
    making = "from store.making import COMPLETED, PENDING, RUNNING, enter, flow_run, record, task_run"
    program = f"{prelude}{making}\n{script}"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": HERE.parent}
    with subprocess.Popen([sys.executable, "-c", program, *arguments], **pipes) as running:
        try:
            yield running
        finally:
            running.kill()
            with suppress(BrokenPipeError):
                running.communicate()


def test_two_processes_may_make_the_same_file_at_the_same_moment(tmp_path: Path) -> None:
    """Both succeed, every time, and each finds what the other wrote."""
    with process(CREATE_WHEN_TOLD) as one, process(CREATE_WHEN_TOLD) as two:
        for attempt in range(12):
            path = tmp_path / f"{attempt}.db"
            if attempt % 2:
                path.touch()
            for each in (one, two):
                print(path, file=each.stdin, flush=True)
            assert [each.stdout.readline() for each in (one, two)] == ["done\n", "done\n"]
            store = SqliteStore(path)
            assert store.count("flow") == 6
            store.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_killed_writer_loses_nothing_that_it_was_told_is_written(tmp_path: Path, seed: int) -> None:
    """The file opens at once; what was acknowledged is there, and every history is a legal beginning."""
    path = tmp_path / "runs.db"
    with process(WRITE_FOR_EVER, str(path)) as writer:
        told = [writer.stdout.readline() for _ in range(random.Random(seed).randrange(0, 400))]
        assert all(told)
        writer.kill()
        told += writer.stdout.readlines()
    store = SqliteStore(path)
    acknowledged = dict(line.split() for line in told if line.endswith("\n"))
    lengths = {str(run.id): run.history_length for run in store.task_runs()}
    assert all(lengths[run_id] >= int(length) for run_id, length in acknowledged.items())
    assert len(lengths) <= len(acknowledged) + 1
    for run in store.task_runs():
        history = store.history(run.id)
        before = [None, *(state.type for state in history)]
        assert len(history) == run.history_length
        assert all(state.type in TRANSITIONS[was] for was, state in zip(before, history, strict=False))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_two_writers_of_one_run_do_not_both_win(tmp_path: Path) -> None:
    """A transition is compare-and-set across connections: the second is told what stands."""
    ours, theirs = SqliteStore(tmp_path / "runs.db"), SqliteStore(tmp_path / "runs.db")
    run = record(ours, flow_run(), PENDING, RUNNING)
    copy = theirs.flow_run(run.id)
    assert ours.transition(run, enter(run, COMPLETED)) is None
    standing = theirs.transition(copy, enter(copy, COMPLETED))
    assert standing is not None
    assert names(theirs.history(run.id)) == ["Pending", "Running", "Completed"]
    assert theirs.current_states([run.id])[run.id].name == "Completed"
    for store in (ours, theirs):
        store.close()


def test_polling_sees_what_another_process_writes(tmp_path: Path) -> None:
    """However often the same was asked before, and whoever wrote: another connection, or this one."""
    ours, theirs = SqliteStore(tmp_path / "runs.db"), SqliteStore(tmp_path / "runs.db")
    run = record(ours, flow_run(), PENDING)

    def polled() -> str:
        assert ours.current_states([run.id]) == ours.current_states([run.id])
        return ours.current_states([run.id])[run.id].name

    assert polled() == "Pending"
    theirs.transition(run, enter(run, RUNNING))
    assert polled() == "Running"
    ours.propose("flow", run.id, CANCELLING)
    assert polled() == "Cancelling"
    theirs.delete("flow", run.id)
    assert ours.current_states([run.id]) == {}
    for store in (ours, theirs):
        store.close()


def test_slots_are_served_in_order_across_processes(tmp_path: Path) -> None:
    """Arrival at the file decides, not at the process."""
    stores = [SqliteStore(tmp_path / "runs.db") for _ in range(2)]
    stores[0].put_limit(ConcurrencyLimit(name="db", limit=1))
    wishes = [SlotRequest(ticket=new_id(), names=("db",)) for _ in range(4)]
    answers = [stores[turn % 2].request_slots(wish, at(turn)) for turn, wish in enumerate(wishes)]
    assert answers[0] == Granted()
    assert all(isinstance(answer, Queued) for answer in answers[1:])
    for turn in range(3):
        stores[turn % 2].release_slots(wishes[turn].ticket, at(10))
        assert isinstance(stores[0].request_slots(wishes[3], at(10)), Queued if turn < 2 else Granted)
        assert stores[turn % 2].request_slots(wishes[turn + 1], at(10)) == Granted()
    for store in stores:
        store.close()


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], int]:
    """Do something in a forked child; return its exit code, 0 if it did not raise."""

    def forked(do: Callable[[], object]) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads, which is the subject
            child = os.fork()
        if child == 0:
            code = 1
            with suppress(BaseException):
                do()
                code = 0
            os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    return forked


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_store_may_be_used_on_both_sides_of_a_fork(sqlite: SqliteStore, fork: Callable[..., int]) -> None:
    """Child and parent each open the file anew, and see what the other wrote."""
    run = record(sqlite, task_run(), PENDING, RUNNING)
    assert fork(lambda: sqlite.transition(run, enter(run, COMPLETED))) == 0
    assert names(sqlite.history(run.id)) == ["Pending", "Running", "Completed"]
    record(sqlite, task_run())
    assert fork(lambda: (record(sqlite, task_run()), sqlite.close())) == 0
    assert sqlite.count("task") == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_in_the_middle_of_another_threads_work_is_safe(sqlite: SqliteStore, fork: Callable[..., int]) -> None:
    """The child never inherits a lock that nobody will release, nor half a transaction."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            record(sqlite, task_run(), PENDING, RUNNING)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    codes = [fork(lambda: record(sqlite, flow_run())) for _ in range(10)]
    done.set()
    for thread in threads:
        thread.join()
    assert codes == [0] * 10
    assert sqlite.count("flow") == 10
    assert all(run.history_length == 2 for run in sqlite.task_runs())
