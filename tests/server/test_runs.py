"""Runs over the API."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from headrace import flow, tags, task
from headrace.core.state_types import StateType
from headrace.store.protocol import Store
from headrace.testing import Runs

from .conftest import Ask, begun


@task(task_run_name="add-{n}", retries=1, tags=["sums"])
def add(n: int) -> float:
    return 10 / n


@task
def double(x: float) -> float:
    return 2 * x


@flow(flow_run_name="run-{n}", name="Adding")
def adding(n: int) -> Any:
    return double.submit(add.submit(n)).result(raise_on_failure=False) and n


@flow(name="Around")
def around(n: int) -> Any:
    return adding(n)


@pytest.fixture
def three() -> None:
    """Three runs of one flow, of which the last fails."""
    with tags("even"):
        adding(2)
    adding(1)
    adding(0, return_state=True)


def names(answer: Any) -> list[str]:
    """Return what the things of an answer are called."""
    return [one["name"] for one in answer]


def test_a_flow_run_is_told_whole(client: TestClient, three: None, runs: Runs) -> None:
    """With its state, its parameters and its times."""
    run = runs.flow("run-2")
    answer = client.get(f"/api/flow_runs/{run.id}").json()
    assert (answer["name"], answer["flow_name"]) == ("run-2", "Adding")
    assert (answer["parameters"], answer["tags"], answer["run_count"]) == ({"n": 2}, ["even"], 1)
    assert (answer["state_type"], answer["state"]["name"], answer["parent_flow_run_id"]) == (
        "COMPLETED",
        "Completed",
        None,
    )
    assert answer["total_run_time"] > 0
    assert answer["start_time"] < answer["end_time"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ({}, ["run-0", "run-1", "run-2"]),
        ({"flow_runs": {"name": {"like_": "RUN-1"}}}, ["run-1"]),
        ({"flow_runs": {"name": {"any_": ["run-0", "run-1"]}}, "sort": "NAME_ASC"}, ["run-0", "run-1"]),
        ({"flow_runs": {"name": {"not_any_": ["run-0"]}}}, ["run-1", "run-2"]),
        ({"flow_runs": {"tags": {"all_": ["even"]}}}, ["run-2"]),
        ({"flow_runs": {"tags": {"is_null_": True}}}, ["run-0", "run-1"]),
        ({"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}}, []),
        ({"task_runs": {"state": {"name": {"any_": ["Failed"]}}}}, ["run-0"]),
        ({"flows": {"name": {"any_": ["Adding"]}}, "limit": 1}, ["run-0"]),
        ({"flows": {"name": {"any_": ["Nothing"]}}}, []),
        ({"sort": "NAME_ASC", "offset": 1}, ["run-1", "run-2"]),
        (
            {"flow_runs": {"operator": "or_", "tags": {"any_": ["even"]}, "name": {"any_": ["run-0"]}}},
            ["run-0", "run-2"],
        ),
        ({"flow_runs": {"start_time": {"after_": "2020-01-01T00:00:00Z", "before_": "2020-01-02T00:00:00"}}}, []),
        ({"flow_runs": {"parent_flow_run_id": {"is_null_": True}}}, ["run-0", "run-1", "run-2"]),
    ],
)
def test_flow_runs_are_found(ask: Ask, three: None, question: dict[str, Any], expected: list[str]) -> None:
    """By the filters of Prefect, in the order asked for; count says the same."""
    assert names(ask("flow_runs/filter", **question)) == expected
    which = {key: value for key, value in question.items() if key not in ("sort", "limit", "offset")}
    if "limit" not in question and "offset" not in question:
        assert ask("flow_runs/count", **which) == len(expected)


def test_task_runs_are_found(ask: Ask, three: None) -> None:
    """By themselves and by their flow runs."""
    assert len(ask("task_runs/filter")) == 6
    failed = ask("task_runs/filter", task_runs={"state": {"name": {"any_": ["Failed", "NotReady"]}}})
    assert {run["task_name"] for run in failed} == {"add", "double"}
    assert ask("task_runs/count", flow_runs={"name": {"any_": ["run-1"]}}, task_runs={"tags": {"all_": ["sums"]}}) == 1
    (added,) = ask("task_runs/filter", task_runs={"name": {"any_": ["add-0"]}})
    assert (added["run_count"], added["parameters"], added["tags"]) == (2, {"n": 0}, ["sums"])


def test_a_list_is_gone_through_by_cursor(client: TestClient, three: None) -> None:
    """Each answer says where the next one begins; the last says nothing."""
    found: list[str] = []
    question: dict[str, Any] = {"sort": "TOTAL_RUN_TIME_DESC", "limit": 2}
    for _ in range(4):
        response = client.post("/api/task_runs/filter", json=question)
        found += [run["id"] for run in response.json()]
        if "x-next-cursor" not in response.headers:
            break
        question["cursor"] = response.headers["x-next-cursor"]
    assert len(found) == len(set(found)) == 6


@pytest.mark.parametrize(
    ("cursor", "said"),
    [
        ("nonsense", "'nonsense' is no cursor"),
        ("WyJuYW1lIixmYWxzZSwiYSIsIjAwIl0", "is no cursor"),
        (
            "WyJuYW1lIixmYWxzZSwiYSIsIjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwIl0",
            "of a list that is sorted by 'name'",
        ),
    ],
)
def test_a_cursor_that_is_none_is_refused(client: TestClient, cursor: str, said: str) -> None:
    """And so is one of another order."""
    response = client.post("/api/flow_runs/filter", json={"cursor": cursor, "sort": "NAME_DESC"})
    assert response.status_code == 400
    assert said in response.json()["detail"]


def test_pages_say_how_many_there_are(ask: Ask, three: None) -> None:
    """On all of them."""
    page = ask("task_runs/paginate", limit=4, page=2)
    assert (len(page["results"]), page["count"], page["pages"], page["page"], page["limit"]) == (2, 6, 2, 2, 4)
    assert ask("flow_runs/paginate", limit=1, page=3, sort="NAME_ASC")["results"][0]["name"] == "run-2"


def test_flows_are_told_by_their_runs(client: TestClient, ask: Ask, three: None) -> None:
    """In pages, and each by its id."""
    page = ask("flows/paginate", limit=1)
    assert page["count"] == ask("flows/count") == page["pages"]
    (flow,) = page["results"]
    assert client.get(f"/api/flows/{flow['id']}").json() == flow
    assert client.get("/api/flows/00000000-0000-0000-0000-000000000001").status_code == 404


def test_histories_are_told_state_by_state(client: TestClient, three: None, runs: Runs) -> None:
    """In order, with their times and messages."""
    states = client.get(f"/api/task_runs/{runs.task('add-0').id}/history").json()
    assert [state["name"] for state in states] == ["Pending", "Running", "Retrying", "Failed"]
    assert "ZeroDivisionError" in states[-1]["message"]
    states = client.get(f"/api/flow_runs/{runs.flow('run-1').id}/history").json()
    assert [state["name"] for state in states] == ["Pending", "Running", "Completed"]


def test_the_graph_says_what_waited_for_what(client: TestClient, runs: Runs) -> None:
    """And which task run stands for a subflow."""
    around(1)
    inner = client.get(f"/api/flow_runs/{runs.flow('run-1').id}/graph").json()
    first, second = inner
    assert (first["name"], first["upstream"]) == ("add-1", [])
    assert second["upstream"] == [first["id"]]
    (stand_in,) = client.get(f"/api/flow_runs/{runs.flow('Around').id}/graph").json()
    assert stand_in["child_flow_run_id"] == str(runs.flow("run-1").id)


def test_a_run_is_asked_to_enter_a_state(client: TestClient, three: None, runs: Runs) -> None:
    """The table of transitions holds."""
    path = f"/api/flow_runs/{runs.flow('run-1').id}/set_state"
    answer = client.post(path, json={"state": {"type": "CANCELLED"}}).json()
    assert (answer["status"], answer["state"]["type"]) == ("REJECT", "COMPLETED")
    assert answer["reason"].startswith("A run that is Completed does not become ")
    assert runs.flow("run-1").states == ["Pending", "Running", "Completed"]


def test_a_run_that_waits_for_its_date_is_cancelled_at_once(client: TestClient, run_store: Store) -> None:
    """It is what was asked for: there is nothing to stop."""
    run = begun("later", StateType.SCHEDULED)
    path = f"/api/flow_runs/{run.id}/set_state"
    answer = client.post(path, json={"state": {"type": "CANCELLING"}}).json()
    assert (answer["status"], answer["state"]["name"]) == ("ACCEPT", "Cancelled")
    assert answer["state"]["message"] == "Cancelled before it began."
    again = client.post(path, json={"state": {"type": "CANCELLING"}}).json()
    assert (again["status"], again["state"]["name"]) == ("ACCEPT", "Cancelled")
    assert [state.name for state in run_store.history(run.id)] == ["Scheduled", "Cancelled"]


def test_a_run_that_goes_on_is_cancelled(client: TestClient, runs: Runs) -> None:
    """Its process is told."""

    @flow
    def cancels_itself() -> None:
        path = f"/api/flow_runs/{runs.flow('cancels-itself').id}/set_state"
        answer = client.post(path, json={"state": {"type": "CANCELLING", "message": "enough"}}).json()
        assert answer["status"] == "ACCEPT"
        for _ in range(1000):
            double(1)

    state = cancels_itself(return_state=True)
    assert state.name == "Cancelled"


def test_runs_are_deleted(client: TestClient, three: None, runs: Runs) -> None:
    """A flow run with its task runs."""
    run = runs.flow("run-1")
    assert client.delete(f"/api/flow_runs/{run.id}").status_code == 204
    assert client.get(f"/api/flow_runs/{run.id}").status_code == 404
    assert client.delete(f"/api/flow_runs/{run.id}").status_code == 404
    task_run = runs.task("add-2")
    assert client.delete(f"/api/task_runs/{task_run.id}").status_code == 204
    assert client.get(f"/api/task_runs/{task_run.id}").json() == {
        "detail": f"There is no task run {task_run.id} in the store.",
        "code": "not_found",
        "errors": [],
    }


def test_flows_are_those_that_have_runs(ask: Ask, three: None) -> None:
    """Each once."""
    around(1)
    assert names(ask("flows/filter")) == ["Adding", "Around"]
    assert ask("flows/count", flow_runs={"name": {"any_": ["run-2"]}}) == 1


@pytest.mark.parametrize(
    ("question", "where", "said"),
    [
        ({"limit": 201}, "body.limit", "less than or equal to 200"),
        ({"limit": -1}, "body.limit", "greater than or equal to 0"),
        ({"sort": "COLOUR_ASC"}, "body.sort", "Input should be 'ID_DESC'"),
        ({"flow_runs": {"colour": {"any_": ["red"]}}}, "body.flow_runs.colour", "Extra inputs are not permitted"),
        ({"flow_runs": {"id": {"any_": ["x"]}}}, "body.flow_runs.id.any_.0", "valid UUID"),
        ({"flow_runs": {"state": {"type": {"any_": ["ODD"]}}}}, "body.flow_runs.state.type.any_.0", "'SCHEDULED'"),
        ({"flow_runs": {"start_time": {"after_": "soon"}}}, "body.flow_runs.start_time.after_", "valid datetime"),
    ],
)
def test_a_question_that_does_not_validate_is_told_part_by_part(
    client: TestClient, question: dict[str, Any], where: str, said: str
) -> None:
    """In the one shape of errors."""
    response = client.post("/api/flow_runs/filter", json=question)
    body = response.json()
    assert (response.status_code, body["code"]) == (422, "invalid_request")
    assert body["errors"][0]["where"] == where
    assert said in body["errors"][0]["message"]
    assert body["detail"].startswith(f"The request does not validate: {where}: ")
