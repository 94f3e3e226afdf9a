"""Log lines, limits, the server itself, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from headrace import flow, get_run_logger
from headrace.concurrency.sync import concurrency
from headrace.drive.world import current_world
from headrace.exceptions import StoreFull
from headrace.server.app import create_app
from headrace.testing import Runs, simulate

from .conftest import Ask


@flow
def talks() -> None:
    get_run_logger().info("halfway")
    get_run_logger().error("bad")


def test_log_lines_are_found(ask: Ask, runs: Runs) -> None:
    """By run and level, in either order."""
    talks()
    run = str(runs.flow("talks").id)
    of_run = {"flow_run_id": {"any_": [run]}}
    assert [line["message"] for line in ask("logs/filter", logs=of_run)][1:3] == ["halfway", "bad"]
    found = ask("logs/filter", logs={**of_run, "level": {"ge_": 40}}, sort="TIMESTAMP_DESC")
    assert [(line["message"], line["level"], line["flow_run_id"]) for line in found] == [("bad", 40, run)]


def test_log_lines_are_counted_and_paged(ask: Ask, runs: Runs) -> None:
    """Those of a flow run with those of its task runs."""
    talks()
    of_run = {"flow_run_id": {"any_": [str(runs.flow("talks").id)]}}
    assert ask("logs/count", logs=of_run) == 4
    assert ask("logs/count", logs={**of_run, "level": {"ge_": 40}}) == 1
    page = ask("logs/paginate", logs=of_run, limit=3, page=2)
    assert (len(page["results"]), page["count"], page["pages"]) == (1, 4, 2)


def test_log_lines_are_kept(client: TestClient, ask: Ask) -> None:
    """As a handler of somebody's sends them; a moment without a zone is UTC."""
    line = {"name": "mine", "level": 20, "message": "hello", "timestamp": "2026-03-01T12:00:00"}
    assert client.post("/api/logs/", json=[line]).status_code == 201
    (found,) = ask("logs/filter", logs={"level": {"le_": 20}})
    assert (found["name"], found["timestamp"]) == ("mine", "2026-03-01T12:00:00Z")


def test_limits_are_made_changed_and_looked_at(client: TestClient, ask: Ask) -> None:
    """With who holds their slots."""
    path = "/api/v2/concurrency_limits/"
    assert client.put(path, json={"name": "db", "limit": 2}).json()["limit"] == 2
    assert client.put(path, json={"name": "db", "limit": 3}).json()["limit"] == 3
    with concurrency("db", occupy=2):
        assert client.get(path + "db").json()["active_slots"] == 2
        (lease,) = client.get(path + "db/leases").json()
        assert (lease["occupy"], lease["waiting"]) == (2, False)
    assert [limit["active_slots"] for limit in ask("v2/concurrency_limits/filter")] == [0]
    assert client.delete(path + "db").status_code == 204
    assert client.get(path + "db").json()["detail"] == "There is no concurrency limit 'db'."
    assert client.get(path + "db/leases").status_code == 404
    assert client.delete(path + "db").status_code == 404


LIMITS = "/api/v2/concurrency_limits/"


def test_slots_are_taken_and_given_back_under_a_lease(client: TestClient, fake_clock: Any) -> None:
    """Who comes too late is told when to ask again; who lets the lease end has lost them."""
    assert client.post(LIMITS, json={"name": "db", "limit": 2}).status_code == 201
    assert client.post(LIMITS, json={"name": "db", "limit": 9}).json()["code"] == "already_exists"
    wanted = {"names": ["db"], "slots": 2, "lease_duration": 60, "holder": "a script"}
    taken = client.post(LIMITS + "increment-with-lease", json=wanted).json()
    assert [limit["active_slots"] for limit in taken["limits"]] == [2]
    assert [lease["holder"] for lease in client.get(LIMITS + "db/leases").json()] == ["a script"]
    refused = client.post(LIMITS + "increment-with-lease", json={"names": ["db"]})
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (423, "locked", "60")
    assert len(client.get(LIMITS + "db/leases").json()) == 1
    fake_clock.advance(30)
    renewal = f"{LIMITS}leases/{taken['lease_id']}/renew"
    assert client.post(renewal, json={"lease_duration": 60}).status_code == 204
    fake_clock.advance(50)
    assert client.post(LIMITS + "increment-with-lease", json=wanted).status_code == 423
    for _ in range(2):
        given_back = client.post(LIMITS + "decrement-with-lease", json={"lease_id": taken["lease_id"]})
        assert given_back.status_code == 204
    assert client.post(LIMITS + "increment-with-lease", json=wanted).status_code == 200
    assert client.post(renewal, json={}).json()["code"] == "not_found"


def test_slots_of_a_rate_limit_come_back_by_themselves(client: TestClient, fake_clock: Any) -> None:
    """As fast as it says, and not by being given back; a name that is said twice counts once."""
    client.post(LIMITS, json={"name": "api", "limit": 1, "slot_decay_per_second": 0.1})
    wanted = {"names": ["api", "api"], "mode": "rate_limit"}
    taken = client.post(LIMITS + "increment-with-lease", json=wanted).json()
    assert [limit["active_slots"] for limit in taken["limits"]] == [1]
    client.post(LIMITS + "decrement-with-lease", json={"lease_id": taken["lease_id"]})
    refused = client.post(LIMITS + "increment-with-lease", json=wanted)
    assert (refused.status_code, refused.headers["Retry-After"]) == (423, "10")
    fake_clock.advance(10)
    assert client.post(LIMITS + "increment-with-lease", json=wanted).status_code == 200


def test_slots_that_are_never_free_are_refused_for_good(client: TestClient) -> None:
    """More than there are, of a limit that is not there, or a rate of one without decay."""
    client.put(LIMITS, json={"name": "db", "limit": 2})
    path = LIMITS + "increment-with-lease"
    many = client.post(path, json={"names": ["db"], "slots": 3})
    assert (many.status_code, "3 slots of 'db' are never free at once" in many.json()["detail"]) == (422, True)
    assert client.post(path, json={"names": ["db"], "mode": "rate_limit"}).status_code == 422
    assert client.post(path, json={"names": ["db", "other"]}).json()["detail"] == (
        "There is no concurrency limit 'other'."
    )
    assert client.get(LIMITS + "db/leases").json() == []


def test_the_server_says_how_it_does(client: TestClient) -> None:
    """And which it is."""
    assert client.get("/api/health").json() == {"status": "ok"}
    assert client.get("/api/ready").json() == {"status": "ok", "store": "memory"}
    assert set(client.get("/api/version").json()) == {"version"}
    nowhere, misused = client.get("/api/nowhere").json(), client.put("/api/health").json()
    assert (nowhere["code"], misused["code"]) == ("no_such_path", "method_not_allowed")
    assert nowhere["detail"] == "There is nothing at GET /api/nowhere. /docs lists what the server answers."
    assert misused["detail"].startswith("PUT /api/health is not understood; /api/health takes GET")


def test_a_store_that_fails_is_told_as_such() -> None:
    """In the one shape of errors."""
    with simulate() as simulation:
        client = TestClient(create_app(current_world()), base_url="http://localhost")
        current_world().store.close()
        response = client.post("/api/flow_runs/filter", json={})
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert simulation.elapsed == 0


def test_it_answers_for_its_own_names_alone(client: TestClient) -> None:
    """So that no page of somebody's can reach it by letting a name of theirs point here."""
    response = client.get("/api/version", headers={"host": "evil.example:4200"})
    assert response.status_code == 421
    assert "does not answer for 'evil.example'; it does for 127.0.0.1, ::1, localhost" in response.json()["detail"]
    assert client.get("/api/version", headers={"host": "127.0.0.1:4200"}).status_code == 200
    assert client.get("/api/version", headers={"host": "[::1]:4200"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://localhost"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_pages_of_others_may_not_change_anything(client: TestClient, headers: dict[str, str], status: int) -> None:
    """What a browser says of where a request comes from is believed."""
    assert (
        client.put("/api/v2/concurrency_limits/", json={"name": "x", "limit": 1}, headers=headers).status_code == status
    )
    assert client.get("/api/version", headers=headers).status_code == 200


def test_with_a_token_only_who_has_it_may_ask() -> None:
    """As Basic or Bearer; whether the server lives is told to anybody."""
    client = TestClient(create_app(current_world(), hosts=(), auth="me:secret"), base_url="http://runs.example")
    refused = client.get("/api/version")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert client.get("/api/version", auth=("me", "secret")).status_code == 200
    assert client.get("/api/version", auth=("me", "wrong")).status_code == 401
    assert client.get("/api/version", headers={"authorization": "Bearer me:secret"}).status_code == 200
    assert client.get("/api/version", headers={"authorization": "Basic ???"}).status_code == 401
    assert client.get("/api/health").status_code == 200


def test_bodies_have_a_bound(client: TestClient) -> None:
    """Whether their length is told or not."""
    response = client.post("/api/flow_runs/filter", content=b" " * 10_000_001)
    assert (response.status_code, response.json()["detail"]) == (
        413,
        "The body has 10000001 bytes, and may have 10000000.",
    )
    untold = client.post("/api/flow_runs/filter", content=iter([b" " * 6_000_000] * 2))
    assert untold.status_code == 413
    assert untold.json()["detail"] == "The body has more than the 10000000 bytes that it may have."


def test_errors_of_the_app_are_described(client: TestClient) -> None:
    """In the OpenAPI document: one shape, wherever."""
    document: Any = client.get("/api/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = {code: one for code, one in operation["responses"].items() if code.startswith(("4", "5"))}
            assert told, (path, method)
            for one in told.values():
                schema = one["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}, (path, method)


def test_what_is_full_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was there is safe."""

    def full(*args: Any, **options: Any) -> None:
        raise StoreFull("There is no room.")

    monkeypatch.setattr(type(current_world().store), "append_logs", full)
    line = {"name": "mine", "level": 20, "message": "hello", "timestamp": "2026-03-01T12:00:00Z"}
    response = client.post("/api/logs/", json=[line])
    assert (response.status_code, response.json()["detail"]) == (503, "There is no room.")
