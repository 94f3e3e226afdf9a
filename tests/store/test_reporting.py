"""A store that reports to a server: outages, kills, what others do meanwhile, and what the server refuses."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from headrace.core.records import LogRecord, Run
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import unstamped
from headrace.core.things import ArtifactRecord
from headrace.exceptions import ObjectNotFound, StoreError, StoreOutOfReach
from headrace.store.memory import MemoryStore
from headrace.store.protocol import (
    Claimed,
    ConcurrencyLimit,
    Granted,
    Idle,
    Impossible,
    LogFilter,
    Order,
    Queued,
    SlotRequest,
)
from headrace.store.remote import answering, outbox, paths
from headrace.store.remote.spool import Spool
from headrace.store.remote.store import RemoteStore
from headrace.store.sqlite import SqliteStore

from .making import (
    CANCELLING,
    COMPLETED,
    FAILED,
    PENDING,
    RUNNING,
    T0,
    at,
    enter,
    flow_run,
    names,
    new_id,
    record,
    task_run,
    told,
)
from .over_a_server import Here, reporting_to


class Quiet:
    """A clock on which every pause after a failure is over at once."""

    def __init__(self) -> None:
        self.now = 0

    def monotonic_ns(self) -> int:
        self.now += 10_000_000_000
        return self.now


@pytest.fixture
def server() -> MemoryStore:
    """What the server keeps."""
    return MemoryStore()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where spools are."""
    return tmp_path / "spool"


@pytest.fixture
def reporting(server: MemoryStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RemoteStore, Here]]:
    """A store that delivers when it is asked to, and what carries it to the server."""
    monkeypatch.setattr(outbox.Outbox, "_deliver_now_and_then", lambda self: None)
    store, here = reporting_to(server, folder, Quiet())
    yield store, here
    store.close()


@pytest.fixture
def store(reporting: tuple[RemoteStore, Here]) -> RemoteStore:
    """The store alone."""
    return reporting[0]


@pytest.fixture
def here(reporting: tuple[RemoteStore, Here]) -> Here:
    """What carries it to the server."""
    return reporting[1]


def killed(store: RemoteStore) -> None:
    """Let a store end as it does when its process is killed: its file stays, and nobody has it open."""
    for spool in store._outbox._spools:
        spool.let_go()
    store._outbox._spools, store._outbox._current = [], None


def successor(here: Here, folder: Path) -> RemoteStore:
    """The store of the next process."""
    return reporting_to(here.store, folder, Quiet(), here)[0]


def test_many_operations_go_in_one_delivery(store: RemoteStore, here: Here, server: MemoryStore) -> None:
    """In order, and each once."""
    runs = [record(store, task_run(f"fetch-{number}"), PENDING, RUNNING) for number in range(50)]
    for run in runs:
        assert store.transition(run, enter(run, COMPLETED)) is None
    store.append_logs([LogRecord(T0, 20, "done", "log", None, runs[0].id)])
    assert server.count("task") == 0
    store._deliver()
    assert len(here.posted) == 1
    assert [told(run) for run in server.task_runs()] == [told(run) for run in runs]
    assert [line.message for line in server.logs(LogFilter())] == ["done"]


def test_an_outage_delays_records(store: RemoteStore, here: Here, server: MemoryStore) -> None:
    """The run goes on meanwhile; what can only be asked says that the server is out of reach."""
    here.is_up = False
    run = record(store, task_run(), PENDING, RUNNING)
    with pytest.raises(StoreOutOfReach, match=r"down"):
        store.task_run(run.id)
    assert store.transition(run, enter(run, FAILED)) is None
    here.is_up = True
    assert names(store.history(run.id)) == ["Pending", "Running", "Failed"]
    assert told(server.task_run(run.id)) == told(run)


def test_what_a_killed_process_left_the_next_one_delivers(
    store: RemoteStore, here: Here, server: MemoryStore, folder: Path
) -> None:
    """Before it answers anything; and the file is gone then."""
    here.is_up = False
    run = record(store, flow_run(), PENDING, RUNNING)
    killed(store)
    here.is_up = True
    after = successor(here, folder)
    assert names(after.history(run.id)) == ["Pending", "Running"]
    after.close()
    assert list(folder.iterdir()) == []


def test_what_is_being_written_by_another_is_left_to_it(store: RemoteStore, here: Here, folder: Path) -> None:
    """It delivers that itself."""
    record(store, flow_run())
    other = successor(here, folder)
    assert other.count("flow") == 0
    assert store.count("flow") == 1
    other.close()


def test_spools_for_another_server_are_left_alone(store: RemoteStore, here: Here, folder: Path) -> None:
    """They are delivered when somebody reports there."""
    record(store, flow_run())
    killed(store)
    elsewhere = RemoteStore("http://elsewhere.test/api", folder, transport=lambda: here, clock=Quiet())  # type: ignore[arg-type]
    assert elsewhere.count("flow") == 0
    elsewhere.close()
    assert len(list(folder.iterdir())) == 1


def test_a_torn_line_is_passed_over(store: RemoteStore, here: Here, folder: Path) -> None:
    """Its process was killed while it wrote it, and did not go on."""
    run = record(store, flow_run(), PENDING)
    (path,) = folder.glob("*.spool")
    killed(store)
    with open(path, "ab") as file:
        file.write(b'["move",["flow","' + run.id.hex.encode())
    after = successor(here, folder)
    assert names(after.history(run.id)) == ["Pending"]
    after.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("dies", [False, True])
def test_what_was_delivered_twice_is_taken_once(
    store: RemoteStore, here: Here, server: MemoryStore, folder: Path, dies: bool
) -> None:
    """The answer may be lost on its way, and the process that waited for it killed."""
    run = record(store, task_run(), PENDING, RUNNING)
    store.append_logs([LogRecord(T0, 20, "once", "log", None, run.id)])
    here.loses = 1
    with pytest.raises(StoreOutOfReach, match="lost"):
        store._deliver()
    if dies:
        killed(store)
        store = successor(here, folder)
    assert names(store.history(run.id)) == ["Pending", "Running"]
    assert len(server.logs(LogFilter())) == 1
    store.close()


def test_a_run_that_others_touched_ends_all_the_same(store: RemoteStore, server: MemoryStore) -> None:
    """Its process did not know yet that it was asked to stop."""
    run = record(store, flow_run(), PENDING, RUNNING)
    store._deliver()
    server.propose("flow", run.id, CANCELLING)
    assert store.transition(run, enter(run, COMPLETED, now=at(5))) is None
    assert names(store.history(run.id)) == ["Pending", "Running", "Cancelling", "Completed"]
    assert server.flow_run(run.id).end_time == at(5)


def test_a_step_that_the_table_forbids_is_refused(
    store: RemoteStore, server: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest of the delivery is taken; the run is told the next time, as by any store, what stands."""
    run, other = record(store, flow_run(), PENDING), flow_run()
    store._deliver()
    server.propose("flow", run.id, CANCELLING)
    assert store.transition(run, enter(run, RUNNING)) is None
    record(store, other)
    store._deliver()
    assert names(server.history(run.id)) == ["Pending", "Cancelling"]
    assert names(server.history(other.id)) == ["Pending"]
    assert f"The flow run {run.id} is Cancelling, and can't enter Running." in caplog.text
    standing = store.transition(run, enter(run, COMPLETED))
    assert standing is not None
    assert standing.name == "Cancelling"


def test_a_run_that_others_moved_on_goes_on_as_it_was_read(store: RemoteStore, server: MemoryStore) -> None:
    """What this process remembers of it is older then."""
    run = record(store, flow_run(), PENDING, RUNNING, FAILED)
    store._deliver()
    again = unstamped(StateType.SCHEDULED, "AwaitingRetry", state_details=StateDetails(retriable=True))
    server.propose("flow", run.id, again)
    read = store.flow_run(run.id)
    assert store.transition(read, enter(read, unstamped(StateType.RUNNING, "Retrying"))) is None
    assert store.transition(read, enter(read, COMPLETED)) is None
    assert names(store.history(run.id))[2:] == ["Failed", "AwaitingRetry", "Retrying", "Completed"]


def test_of_a_run_that_was_deleted_nothing_more_is_taken(store: RemoteStore, server: MemoryStore) -> None:
    """As any store, it says so."""
    run = record(store, task_run(), PENDING)
    store._deliver()
    server.delete("task", run.id)
    assert store.transition(run, enter(run, RUNNING)) is None
    store._deliver()
    with pytest.raises(ObjectNotFound, match=str(run.id)):
        store.transition(run, enter(run, COMPLETED))


def test_the_run_of_another_process_is_moved_as_the_server_has_it(
    store: RemoteStore, here: Here, server: MemoryStore
) -> None:
    """Strictly, and at once; or, while the server is out of reach, without asking."""
    first, second = record(server, task_run(), PENDING), record(server, task_run(), PENDING)
    mine = store.task_run(first.id)
    server.propose("task", first.id, RUNNING)
    standing = store.transition(mine, enter(mine, RUNNING))
    assert standing is not None
    assert standing.name == "Running"
    here.is_up = False
    assert store.transition(second, enter(second, RUNNING)) is None
    assert store.transition(second, enter(second, COMPLETED)) is None
    here.is_up = True
    assert names(store.history(second.id)) == ["Pending", "Running", "Completed"]


def test_a_move_that_was_asked_for_and_told_again_is_done_once(
    store: RemoteStore, here: Here, server: MemoryStore
) -> None:
    """The server was killed when it had done it, and before it could say so."""
    run = record(server, task_run(), PENDING)
    here.loses_answers_to = paths.STRICTLY
    assert store.transition(run, enter(run, RUNNING)) is None
    assert store.transition(run, enter(run, COMPLETED)) is None
    assert names(store.history(run.id)) == ["Pending", "Running", "Completed"]


def test_a_cancellation_is_heard_of(store: RemoteStore, here: Here, server: MemoryStore) -> None:
    """Standing states are what the server says, unless this process has gone on since."""
    run = record(store, flow_run(), PENDING)
    assert names([store.current_states([run.id])[run.id]]) == ["Pending"]
    store._deliver()
    server.propose("flow", run.id, CANCELLING)
    assert names([store.current_states([run.id])[run.id]]) == ["Cancelling"]
    standing = store.transition(run, enter(run, RUNNING))
    assert standing is not None
    assert standing.name == "Cancelling"
    here.is_up = False
    assert names([store.current_states([run.id])[run.id]]) == ["Cancelling"]
    with pytest.raises(StoreOutOfReach):
        store.current_states([run.id, new_id()])


def test_who_asks_for_slots_waits_for_the_server(store: RemoteStore, here: Here, server: MemoryStore) -> None:
    """And is asked to ask again; but for slots of tags only if these had a limit."""
    server.put_limit(ConcurrencyLimit("db", 1))
    server.put_limit(ConcurrencyLimit("tag:rare", 1))
    assert store.request_slots(_wish("tag:web"), T0) == Granted(("tag:web",))
    assert store.request_slots(_wish("tag:rare"), T0) == Granted()
    held = _wish("db")
    assert store.request_slots(held, T0) == Granted()
    here.is_up = False
    assert store.request_slots(_wish("db"), T0) == Queued("db", at(1))
    assert store.request_slots(_wish("tag:web"), T0) == Granted(("tag:web",))
    assert store.request_slots(_wish("tag:unheard-of"), T0) == Granted(("tag:unheard-of",))
    assert store.request_slots(_wish("tag:rare"), T0) == Queued("tag:rare", at(1))
    store.release_slots(held.ticket, T0)
    here.is_up = True
    store._deliver()
    assert server.leases("db", T0) == []


def test_tags_without_a_limit_cost_one_question_a_second(server: MemoryStore, folder: Path) -> None:
    """Tasks with tags ask at each of their runs; what holds no slot is not given back either."""
    clock = Still()
    store, here = reporting_to(server, folder, clock)
    for _ in range(5):
        wish = _wish("tag:web")
        assert store.request_slots(wish, T0) == Granted(("tag:web",))
        store.release_slots(wish.ticket, T0)
    assert len(here.posted) == 1
    server.put_limit(ConcurrencyLimit("tag:web", 0))
    clock.now += 1_100_000_000
    assert isinstance(store.request_slots(_wish("tag:web"), T0), Impossible)
    store.put_limit(ConcurrencyLimit("tag:web", 1))
    assert store.request_slots(_wish("tag:web"), T0) == Granted()
    store.close()


class Still:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0

    def monotonic_ns(self) -> int:
        return self.now


def _wish(name: str) -> SlotRequest:
    return SlotRequest(ticket=new_id(), names=(name,))


def test_there_is_nothing_to_claim_in_an_outage(store: RemoteStore, here: Here, server: MemoryStore) -> None:
    """What was claimed before can be dismissed, and artifacts be left: the server is told later."""
    run = task_run()
    store.schedule(run, enter(run, unstamped(StateType.SCHEDULED)), "q", b"call")
    claim = new_id()
    assert store.claim(["q"], claim, 10, T0) == Claimed(run.id, b"call")
    here.is_up = False
    assert store.claim(["q"], new_id(), 10, T0) == Idle(at(1))
    assert store.dismiss(claim)
    left = ArtifactRecord(id=new_id(), created=T0, updated=T0, key="report", data={"a": [1, at(2)]}, task_run_id=run.id)
    store.create_artifact(left)
    here.is_up = True
    assert store.artifacts() == [left.changed({"data": {"a": [1, at(2).isoformat()]}})]
    assert store.claim(["q"], new_id(), 10, at(60)) == Idle()


def test_what_can_not_be_read_is_refused_alone(
    store: RemoteStore, server: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A line of a later release, say."""
    first = record(store, flow_run())
    store._outbox.append('["teleport",{}]')
    second = record(store, flow_run())
    store._deliver()
    assert [run.id for run in server.flow_runs()] == [first.id, second.id]
    assert "The server did not take what it was told: KeyError: 'teleport'" in caplog.text


def test_what_the_server_does_not_take_at_all_is_given_up_alone(
    store: RemoteStore, server: MemoryStore, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    """A line that is no JSON, as after a loss of power, or one that is too long: the others are delivered."""
    monkeypatch.setattr(answering, "MOST_UNPACKED", 50_000)
    runs = [record(store, task_run("before"))]
    store._outbox.append('["log",\\x00')
    store.append_logs([LogRecord(T0, 20, "x" * 60_000, "log")])
    runs.append(record(store, task_run("after")))
    store._deliver()
    assert [run.id for run in server.task_runs()] == [run.id for run in runs]
    assert caplog.text.count("is lost, for the server does not take it: ") == 2
    assert "The body is no JSON" in caplog.text
    assert "the body has more than 50000 bytes" in caplog.text


def test_a_long_spool_is_followed_by_another(
    store: RemoteStore, here: Here, server: MemoryStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what was delivered need not be kept for as long as a process lives."""
    monkeypatch.setattr(outbox, "_ROTATE_AT", 1000)
    here.is_up = False
    runs = [record(store, task_run(f"fetch-{number}"), PENDING) for number in range(20)]
    assert len(list(folder.iterdir())) > 2
    here.is_up = True
    store._deliver()
    assert [run.id for run in server.task_runs()] == [run.id for run in runs]
    assert len(list(folder.iterdir())) == 1


def test_a_line_that_comes_when_all_was_delivered_is_not_lost(
    store: RemoteStore, server: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though another spool is begun right after it, and the delivery had come to its end."""
    monkeypatch.setattr(outbox, "_ROTATE_AT", 0)
    record(store, task_run("first"))
    own, late = Spool.read, ["late", "later"]

    def read(spool: Spool) -> list[bytes]:
        found = own(spool)
        if not found and late:
            monkeypatch.setattr(outbox, "_ROTATE_AT", 10_000)
            record(store, task_run(late.pop(0)))
            monkeypatch.setattr(outbox, "_ROTATE_AT", 0)
            record(store, task_run(late.pop(0)))
        return found

    monkeypatch.setattr(Spool, "read", read)
    store._deliver()
    assert sorted(run.name for run in server.task_runs()) == ["first"]
    store._deliver()
    assert sorted(run.name for run in server.task_runs()) == ["first", "late", "later"]


def test_who_records_more_than_the_server_takes_waits_for_it(
    store: RemoteStore, here: Here, server: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it answers: in an outage nobody waits."""
    monkeypatch.setattr(outbox, "_TOO_MUCH", 1000)
    for number in range(20):
        record(store, task_run(f"fetch-{number}"))
    assert server.count("task") > 15
    here.is_up = False
    for number in range(20):
        record(store, task_run(f"later-{number}"))
    assert store._outbox.waiting > 3000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_both_sides_of_a_fork_report(folder: Path, tmp_path: Path) -> None:
    """Each from a spool of its own; what a child left behind its parent delivers, at its end at the latest."""
    store, here = reporting_to(SqliteStore(tmp_path / "served.db"), folder, Quiet())
    record(store, flow_run("parent"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads, which is the subject
        child = os.fork()
    if child == 0:
        here.is_up = False
        record(store, flow_run("child", id=UUID(int=1)))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    record(store, flow_run("parent too"))
    store.close()
    assert [run.name for run in here.store.flow_runs(order=Order("name"))] == ["child", "parent", "parent too"]
    assert list(folder.iterdir()) == []
    here.store.close()


def test_a_failure_is_not_followed_by_another_try_at_once(server: MemoryStore, folder: Path) -> None:
    """For a moment everybody is told at once that the server is out of reach."""
    store, here = reporting_to(server, folder)
    here.is_up = False
    with pytest.raises(StoreOutOfReach):
        store.limits(T0)
    here.is_up = True
    with pytest.raises(StoreOutOfReach):
        store.limits(T0)
    store.close()


def test_what_could_not_be_delivered_is_told_at_the_end(
    store: RemoteStore, here: Here, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is said where there was nothing."""
    here.is_up = False
    record(store, flow_run())
    store.close()
    said = capsys.readouterr().err
    assert "bytes of records could not be delivered to http://server.test/api; the next process" in said
    with pytest.raises(StoreError, match="was closed"):
        record(store, flow_run())


def test_a_spool_that_can_not_be_written_says_so(server: MemoryStore, tmp_path: Path) -> None:
    """As any store does."""
    (tmp_path / "spool").write_text("a file")
    store, _ = reporting_to(server, tmp_path / "spool")
    with pytest.raises(StoreError, match="spool"):
        record(store, flow_run())
    store.close()


def test_runs_end_while_the_server_is_told(server: MemoryStore, folder: Path) -> None:
    """By a thread, with nobody asking."""
    store, _ = reporting_to(server, folder)
    run: Run = record(store, flow_run(), PENDING, RUNNING)
    _until(lambda: server.count("flow") == 1)
    store.transition(run, enter(run, COMPLETED))
    _until(lambda: names(server.history(run.id))[-1] == "Completed")
    store.close()


def _until(condition: Callable[[], Any]) -> None:
    import time

    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
