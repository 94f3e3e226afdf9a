"""Asking, over the API, for a flow run to run again."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from headrace.core.state_types import StateType
from headrace.store.protocol import Store

from .conftest import begun

_ENDED = (StateType.PENDING, StateType.RUNNING, StateType.FAILED)


@pytest.mark.parametrize(
    ("path", "body"),
    [("retry", None), ("set_state", {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}})],
)
def test_the_run_of_a_deployment_awaits_who_serves_it(
    client: TestClient, run_store: Store, path: str, body: object
) -> None:
    """The server says what was asked for, and runs nothing itself."""
    run = begun("nightly", *_ENDED, deployed=True)
    answer = client.post(f"/api/flow_runs/{run.id}/{path}", json=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "ACCEPT"), answer.text
    assert answer.json()["state"]["name"] == "AwaitingRetry"
    assert [state.name for state in run_store.history(run.id)][-2:] == ["Failed", "AwaitingRetry"]
    again = client.post(f"/api/flow_runs/{run.id}/{path}", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "not_retriable")


def test_a_run_that_nobody_serves_is_run_again_where_its_code_is(client: TestClient) -> None:
    """The answer says by which command; nothing is recorded."""
    run = begun("mine", *_ENDED)
    answer = client.post(f"/api/flow_runs/{run.id}/retry")
    assert answer.status_code == 409
    assert f"`headrace flow-run retry {run.id}` runs it again" in answer.json()["detail"]
    assert client.get(f"/api/flow_runs/{run.id}").json()["state_name"] == "Failed"


def test_a_run_that_has_not_ended_is_not_run_again(client: TestClient) -> None:
    """And one that is not there is not found."""
    run = begun("going", deployed=True)
    answer = client.post(f"/api/flow_runs/{run.id}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_retriable")
    assert client.post("/api/flow_runs/00000000-0000-0000-0000-000000000001/retry").status_code == 404
