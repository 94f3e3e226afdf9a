"""The feed of what happens."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from headrace import flow, task
from headrace.drive.world import current_world
from headrace.server.api import events
from headrace.store.news import Mark
from headrace.store.protocol import RunFilter
from headrace.store.sqlite import SqliteStore
from tests.store.making import CANCELLING, FAILED, PENDING, enter, flow_run

from .conftest import begun, named
from .serving import served

FEED = "/api/events/stream"


class Event(NamedTuple):
    """One event of a feed."""

    kind: str
    data: Any
    id: str | None


def read(text: str) -> list[Event]:
    """Return the events of a text that a feed sent."""
    found = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append(Event(fields["event"], json.loads(fields["data"]), fields.get("id")))
    return found


@pytest.fixture
def tell(client: TestClient) -> Callable[..., list[Event]]:
    """Read the feed up to where there is nothing more yet."""

    def told(**query: Any) -> list[Event]:
        headers = query.pop("headers", {})
        response = client.get(FEED, params={"wait": "false", **query}, headers=headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        return read(response.text)

    return told


def shortly(told: list[Event]) -> list[tuple[str, str]]:
    """Return which runs entered which states."""
    return [(one.data["run_name"], one.data["state"]["name"]) for one in told if one.kind == "state"]


@task(task_run_name="step")
def step() -> None: ...


@flow(flow_run_name="child")
def child() -> None:
    step()


@flow(flow_run_name="outer")
def outer() -> None:
    child()


def test_each_state_is_told(tell: Callable[..., list[Event]]) -> None:
    """In order of time, with whose it is."""
    assert tell()[0].kind == "begin"
    outer()
    told = tell(after="beginning")
    assert [names for names in shortly(told) if names[0] == "step"] == [
        ("step", state) for state in ("Pending", "Running", "Completed")
    ]
    last = told[-1].data
    assert last == {
        "kind": "flow",
        "run_id": str(named("outer")),
        "run_name": "outer",
        "flow_run_id": str(named("outer")),
        "position": 2,
        "state": last["state"],
    }
    assert (last["state"]["type"], last["state"]["message"]) == ("COMPLETED", None)
    assert set(last["state"]) == {"id", "type", "name", "timestamp", "message", "state_details"}


def test_it_is_taken_up_where_it_was_cut_off(tell: Callable[..., list[Event]], client: TestClient) -> None:
    """By the id of the last event, as browsers send it, or in the address; of any server over the store."""
    run = begun("going")
    (begin,) = tell()
    world = current_world()
    world.store.transition(run, [run.enter(FAILED, world.clock.now())])
    expected = [("going", "Failed")]
    told = tell(after=begin.id)
    assert shortly(told) == expected
    assert shortly(tell(headers={"Last-Event-ID": begin.id})) == expected
    assert shortly(tell(after=told[-1].id)) == []
    assert shortly(tell(headers={"Last-Event-ID": told[-1].id}, after=begin.id)) == []


def test_one_flow_run_can_be_followed(tell: Callable[..., list[Event]]) -> None:
    """With its task runs, and the subflow runs that it begins."""
    outer()
    begun("another")
    followed = {name for name, _ in shortly(tell(after="beginning", flow_run_id=named("child")))}
    assert followed == {"child", "step"}
    assert {name for name, _ in shortly(tell(after="beginning", flow_run_id=named("outer")))} >= {"outer", "child"}


def test_what_is_deleted_is_told(tell: Callable[..., list[Event]], client: TestClient) -> None:
    """After a place in the feed; from the beginning there is nothing to be told of it."""
    other, run = begun("other"), begun("gone")
    place = tell()[-1].id
    client.delete(f"/api/flow_runs/{run.id}")
    told = [event for event in tell(after=place) if event.kind != "begin"]
    assert [(event.kind, event.data) for event in told] == [
        ("deleted", {"kind": "flow", "run_id": str(run.id), "flow_run_id": str(run.id)})
    ]
    assert [event.kind for event in tell(after=told[-1].id)] == ["begin"]
    assert [event.kind for event in tell(after=place, flow_run_id=str(other.id))] == ["begin"]
    assert "deleted" not in [event.kind for event in tell(after="beginning")]


def test_a_place_that_is_none_is_refused(client: TestClient) -> None:
    """In the one shape of errors."""
    response = client.get(FEED, params={"after": "nonsense"})
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")
    assert "'nonsense' is no place in the feed" in response.json()["detail"]


def test_who_waits_is_told_that_the_feed_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what happens as soon as it is looked for; it ends with its server."""
    run = begun("going")
    world, slept = current_world(), []

    async def nap(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 65:
            world.store.propose("flow", run.id, CANCELLING)

    async def follow() -> list[Event]:
        monkeypatch.setattr(events.asyncio, "sleep", nap)
        store: Any = world.store
        told = events._told(store, store.mark(), None, wait=True, ends=lambda: len(slept) > 70)
        return [event for text in [part async for part in told] for event in read(text)]

    told = asyncio.run(follow())
    assert [event.kind for event in told] == ["begin", "alive", "state"]
    assert all(event.id for event in told)
    assert told[-1].data["state"]["name"] == "Cancelling"


def test_a_reader_that_does_not_read_holds_up_nobody(tmp_path: Any) -> None:
    """What it was not told it can ask for when it is back; the server answers others meanwhile."""
    store = SqliteStore(tmp_path / "runs.db")
    for _ in range(3000):
        run = flow_run("n" * 500)
        store.create(run, enter(run, PENDING))
    with served(store, auth=None) as url:
        host, port = url.removeprefix("http://").removesuffix("/api").split(":")
        with socket.create_connection((host, int(port))) as dead, socket.create_connection((host, int(port))) as other:
            dead.sendall(f"GET {FEED}?after=beginning HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert b"200 OK" in dead.recv(100)
            other.sendall(f"GET /api/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert b'{"status":"ok"}' in b"".join(iter(lambda: other.recv(4096), b""))
    assert len(store.news(Mark()).changes) == 1000
    assert store.count("flow", RunFilter()) == 3000
    store.close()
