"""Scripts that report to a server, over HTTP."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from headrace import flow, get_run_logger, task
from headrace.drive.world import World, current_world, default_store, own_store, use_world
from headrace.exceptions import StoreError, StoreOutOfReach
from headrace.ids import named_id
from headrace.settings import temporary_settings
from headrace.store.protocol import LogFilter, RunFilter
from headrace.store.remote.paths import PREFIX
from headrace.store.remote.store import RemoteStore
from headrace.store.sqlite import SqliteStore

from .serving import served

AUTH = "me:secret"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """What the server keeps."""
    store = SqliteStore(tmp_path_factory.mktemp("served") / "runs.db")
    yield store
    store.close()


@pytest.fixture(scope="module")
def url(behind: SqliteStore) -> Iterator[str]:
    """The address of a server."""
    with served(behind, AUTH) as url:
        yield url


@contextmanager
def reporting(store: RemoteStore) -> Iterator[World]:
    """Let runs in the block be reported by this store."""
    world = World(store)
    with use_world(world, everywhere=True):
        yield world
    world.close()


@task(retries=1, tags=["web"])
def fetch(page: str, failures: list[str]) -> str:
    get_run_logger().info("fetching %s", page)
    if failures:
        raise ConnectionError(failures.pop())
    return page


@flow
def plain() -> None: ...


@flow
def inner(page: str) -> str:
    return fetch(page, [])


@flow
def crawl(pages: list[str]) -> int:
    first = inner(pages[0])
    return len(first) + sum(map(len, fetch.map(pages, [[page] for page in pages]).result()))


def test_a_script_reports_its_runs(url: str, behind: SqliteStore, tmp_path: Path) -> None:
    """Subflows, retries, threads, tags and log lines too; when it has ended the server has all of it."""
    with reporting(RemoteStore(url, tmp_path, auth=AUTH)):
        assert crawl(["a", "b", "c"]) == 4
    (outer,) = behind.flow_runs(RunFilter(flow_name="crawl"))
    (child,) = behind.flow_runs(RunFilter(flow_name="inner"))
    assert child.parent_flow_run_id == outer.id
    mapped = behind.task_runs(RunFilter(flow_run_id=outer.id, task_name="fetch"))
    told = {tuple(state.name for state in behind.history(run.id)) for run in mapped}
    assert told == {("Pending", "Running", "Retrying", "Completed")}
    assert {(run.run_count, run.tags) for run in mapped} == {(2, frozenset({"web"}))}
    lines = [line.message for line in behind.logs(LogFilter(flow_run_id=outer.id))]
    assert lines.count("fetching b") == 2
    assert list(tmp_path.iterdir()) == []


def test_runs_are_read_through_the_server(url: str, tmp_path: Path) -> None:
    """As from any store; nothing that there is not is made up."""
    store = RemoteStore(url, tmp_path, auth=AUTH)
    with reporting(store) as world:
        inner("x")
        (run,) = world.store.flow_runs(RunFilter(flow_name="inner"), limit=1)
        assert run.state_name == "Completed"
        with pytest.raises(ValueError, match="can't be sorted by 'size'"):
            world.store.flow_runs(order=world.store.flow_runs.__kwdefaults__["order"]._replace(field="size"))


def test_who_is_not_let_in_is_told_what_to_set(url: str, tmp_path: Path) -> None:
    """What was recorded waits meanwhile."""
    with use_world(World(store := RemoteStore(url, tmp_path, key="wrong")), everywhere=True):
        plain()
    with pytest.raises(StoreError, match=r"does not let us in: .* Set HEADRACE_API_AUTH_STRING to what"):
        store.count("flow")
    store.close()
    assert len(list(tmp_path.glob("*.spool"))) == 1
    later = RemoteStore(url, tmp_path, key=AUTH)
    assert later.count("flow", RunFilter(flow_name="plain")) == 1
    later.close()
    assert list(tmp_path.iterdir()) == []


def test_an_address_without_a_server_says_so(url: str, tmp_path: Path) -> None:
    """Whether nobody listens there or somebody else does."""
    wrong = RemoteStore(url.removesuffix("/api") + "/ipa", tmp_path, auth=AUTH)
    with pytest.raises(
        StoreError,
        match=r"answers 404 \(There is nothing at POST /ipa/.*\)\. Its address may be another one, which ends with",
    ):
        wrong.count("flow")
    wrong.close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = RemoteStore(f"http://127.0.0.1:{port}/api", tmp_path)
    with pytest.raises(StoreOutOfReach, match=r"can't be reached: Connection refused. See whether it runs"):
        nobody.count("flow")
    nobody.close()


def test_a_connection_that_was_closed_is_replaced(url: str, tmp_path: Path) -> None:
    """A server closes what has been idle for some seconds."""
    store = RemoteStore(url, tmp_path, auth=AUTH)
    before = store.count("flow")
    transport: Any = store._outbox._transport
    transport._idle[0].sock.shutdown(socket.SHUT_RDWR)
    assert store.count("flow") == before
    store.close()


def test_a_body_that_is_too_long_is_told_from_a_server_that_is_away(url: str, tmp_path: Path) -> None:
    """It would be no shorter the next time."""
    store = RemoteStore(url, tmp_path, auth=AUTH)
    with pytest.raises(ValueError, match=r"The body has .* bytes, and may have 10000000"):
        store._outbox.ask("flow_run", b" " * 10_000_001)
    store.close()


def _deliver(client: TestClient, body: bytes, *, until: int = 1, packed: bool = False) -> tuple[int, Any]:
    headers = {"Content-Encoding": "deflate"} if packed else {}
    path = f"/api{PREFIX}/spools/{named_id('spool').hex}?after=0&until={until}"
    response = client.post(path, content=body, headers=headers)
    return response.status_code, response.json()


@pytest.mark.parametrize(
    ("body", "packed", "why"),
    [
        (b"{", False, "The body is no JSON"),
        (b"{}", False, "The body is no array"),
        (b"[]", False, "There are 0 lines here, not those from 0 to 1"),
        (b"[1]", True, "The body is not what it says, deflated"),
        (zlib.compress(b"[1]")[:-3], True, "ends in the middle"),
        (b"[" * 100_000, False, "The body is no JSON"),
    ],
)
def test_a_delivery_that_makes_no_sense_is_refused(client: TestClient, body: bytes, packed: bool, why: str) -> None:
    """In the one shape of errors."""
    status, said = _deliver(client, body, packed=packed)
    assert (status, said["code"]) == (422, "cant_be_answered")
    assert why in said["detail"]


def test_what_another_release_tells_is_taken(client: TestClient) -> None:
    """One that knows less, or more, of a run."""
    less = _line(head=["task", named_id("less").hex, 0], own=["t", "k", "", None, 0])
    more = _line(head=["task", named_id("more").hex, 0, None, "?"], own=[*_OWN, "?"])
    status, answer = _deliver(client, json.dumps([less, more]).encode(), until=2)
    assert (status, answer["v"]) == (200, [2, []])
    assert {run.id for run in current_world().store.task_runs()} == {named_id("less"), named_id("more")}


_RUN = named_id("run").hex
_STATE = ["PENDING", "Pending", 0, None, None]
_HEAD = ["task", _RUN, 0, None]
_GIVEN = ["n", None, None, None]
_OWN = ["t", "k", "", None, 0, None, None]


def _line(states: Any = None, head: Any = _HEAD, given: Any = _GIVEN, own: Any = _OWN) -> Any:
    return ["create", [head, given, [_STATE] if states is None else states, own, None]]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (1, "unreadable"),
        (["create", []], "unreadable"),
        (_line([]), "illegal_transition"),
        (_line([["RUNNING", "Running", 0, None, None]]), "illegal_transition"),
        (_line([["NEVER", "Running", 0, None, None]]), "unreadable"),
        (_line([["PENDING", "Pending", 10**30, None, None]]), "unreadable"),
        (_line([["PENDING", "Pending", "0", None, None]]), "unreadable"),
        (_line([["PENDING", "Pending", 0, None, '{"child_flow_run_id": 5}']]), "unreadable"),
        (_line(given=["n", '["a", 5]', None, None]), "unreadable"),
        (_line(given=["n", None, "[1]", None]), "unreadable"),
        (_line(given="n"), "unreadable"),
        (_line(head=["flow", _RUN, 0, None]), "unreadable"),
        (_line(head=["cat", _RUN, 0, None]), "unreadable"),
        (_line(head=["task", "abc", 0, None]), "unreadable"),
        (_line(own=["t", "k", "", None, -1]), "unreadable"),
        (["move", ["task", _RUN, 0, [_STATE], [None, None], None]], "not_found"),
        (["move", ["cat", _RUN, 0, [_STATE], [None, None], None]], "unreadable"),
        (["move", ["task", _RUN, -1, [_STATE], [None, None], None]], "unreadable"),
        (["log", [[0, 20, None, "logger", None, None]]], "unreadable"),
        (["log", 5], "unreadable"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_alone(client: TestClient, line: Any, code: str) -> None:
    """What comes with it is taken, and no line is asked for again."""
    good = ["log", [[0, 20, "hello", "logger", None, None]]]
    status, answer = _deliver(client, json.dumps([line, good]).encode(), until=2)
    assert status == 200
    line_known, refusals = answer["v"]
    assert line_known == 2
    assert [one["v"][:2] for one in refusals] == [[0, code]]
    assert [one.message for one in current_world().store.logs(LogFilter())] == ["hello"]


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ("close", b"[[],{}]"),
        ("ingest", b"[[],{}]"),
        ("flow_run", b"[[5],{}]"),
        ("flow_run", b"nonsense"),
        ("flow_run", b"5"),
        ("flow_runs", b'[[],{"order":1}]'),
        ("flow_runs", b'[[{"$":"Known","v":["nothing"]}],{}]'),
        ("flow_runs", b'[[{"$":"State","v":[]}],{}]'),
        ("flow_runs", b"[[" + b'{"$":"Not","v":[' * 500 + b"0" + b"]}" * 500 + b"],{}]"),
        ("put_limit", b'[[{"$":"ConcurrencyLimit","v":["db",-1]}],{}]'),
        ("strictly", b"5"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client: TestClient, question: str, body: bytes) -> None:
    """Whatever it is."""
    response = client.post(f"/api{PREFIX}/ask/{question}", content=body)
    assert (response.status_code, response.json()["code"]) == (422, "cant_be_answered")


def test_the_settings_say_whether_there_is_a_server(tmp_path: Path) -> None:
    """What a server serves is never that of another one."""
    with temporary_settings({"home": tmp_path}):
        assert isinstance(default_store(), SqliteStore)
        with temporary_settings({"api_url": "http://127.0.0.1:1/api", "api_key": "x"}):
            assert default_store().location == "http://127.0.0.1:1/api"
            assert isinstance(own_store(), SqliteStore)
