"""Artifacts and variables over the API."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from headrace import flow
from headrace.artifacts import Artifact, create_markdown_artifact, create_progress_artifact
from headrace.store.protocol import Store
from headrace.testing import Runs
from headrace.variables import Variable

from .conftest import Ask


@flow
def leaves() -> None:
    create_markdown_artifact("# Old", key="sales")
    create_markdown_artifact("# New", key="sales", description="of today")
    create_progress_artifact(50)


def test_artifacts_are_found(ask: Ask, runs: Runs) -> None:
    """By themselves and by the runs that left them, in parts, counted, and page by page."""
    leaves()
    create_markdown_artifact("elsewhere", key="other")
    of_flow = {"flows": {"name": {"any_": ["leaves"]}}}
    assert [found["data"] for found in ask("artifacts/filter", **of_flow)] == [50, "# New", "# Old"]
    assert ask("artifacts/count", **of_flow, artifacts={"key": {"exists_": True}}) == 2
    assert ask("artifacts/count", artifacts={"type": {"not_any_": ["progress"]}, "key": {"like_": "SALE"}}) == 2
    run = str(runs.flow("leaves").id)
    assert ask("artifacts/count", artifacts={"flow_run_id": {"any_": [run]}}) == 3
    assert [found["key"] for found in ask("artifacts/filter", sort="KEY_ASC", limit=2, offset=1)] == ["sales", "sales"]
    page = ask("artifacts/paginate", limit=3, page=2, sort="CREATED_DESC")
    assert ([found["data"] for found in page["results"]], page["count"], page["pages"]) == (["# Old"], 4, 2)


def test_what_a_key_stands_for_is_its_newest_artifact(client: TestClient, ask: Ask) -> None:
    """In lists, and by the key itself."""
    leaves()
    (found,) = ask("artifacts/latest/filter")
    assert (found["data"], found["description"]) == ("# New", "of today")
    assert ask("artifacts/latest/count", artifacts={"type": {"any_": ["progress"]}}) == 0
    assert client.get("/api/artifacts/sales/latest").json() == found
    assert client.get(f"/api/artifacts/{found['id']}").json() == found
    missing = client.get("/api/artifacts/unknown/latest")
    assert (missing.status_code, missing.json()["detail"]) == (
        404,
        "There is no artifact with the key 'unknown' in the store.",
    )


def test_artifacts_are_made_changed_and_removed(client: TestClient) -> None:
    """From outside, too; what a change does not name stays."""
    made = client.post("/api/artifacts/", json={"key": "k", "type": "own", "data": {"a": [1]}, "metadata_": {"b": "c"}})
    assert made.status_code == 201, made.text
    path = f"/api/artifacts/{made.json()['id']}"
    assert client.patch(path, json={"data": None, "description": "d"}).status_code == 204
    kept = Artifact.get("k")
    assert kept is not None
    assert (kept.data, kept.description, kept.metadata_, kept.type) == (None, "d", {"b": "c"}, "own")
    assert client.delete(path).status_code == 204
    for response in (client.get(path), client.patch(path, json={}), client.delete(path)):
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("body", ['{"data": NaN}', '{"data": "\\ud800"}', '{"key": "A b"}', '{"more": 1}'])
def test_what_can_not_be_an_artifact_is_refused(client: TestClient, run_store: Store, body: str) -> None:
    """Before anything is kept."""
    response = client.post("/api/artifacts/", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert run_store.artifacts() == []


def test_variables_are_found(client: TestClient, ask: Ask) -> None:
    """By name and tags, in parts, counted, page by page, and each by its name or id."""
    Variable.set("site-b", {"url": ["b"]}, tags=["web"])
    Variable.set("site-a", None)
    Variable.set("limit", 5)
    assert [found["name"] for found in ask("variables/filter", variables={"name": {"like_": "site"}})] == [
        "site-a",
        "site-b",
    ]
    assert ask("variables/count", variables={"tags": {"all_": ["web"]}}) == 1
    page = ask("variables/paginate", limit=2, sort="NAME_DESC")
    assert ([found["name"] for found in page["results"]], page["pages"]) == (["site-b", "site-a"], 2)
    found = client.get("/api/variables/name/site-b").json()
    assert (found["value"], found["tags"]) == ({"url": ["b"]}, ["web"])
    assert client.get(f"/api/variables/{found['id']}").json() == found


def test_variables_are_made_changed_and_removed(client: TestClient) -> None:
    """By id or name; a name that another one has is refused."""
    made = client.post("/api/variables/", json={"name": "x", "value": [1], "tags": ["a"]})
    assert made.status_code == 201, made.text
    by_id, by_name = f"/api/variables/{made.json()['id']}", "/api/variables/name/x"
    again = client.post("/api/variables/", json={"name": "x", "value": 2})
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")
    assert client.patch(by_name, json={"value": None}).status_code == 204
    assert (Variable.get("x", 7), client.get(by_id).json()["tags"]) == (None, ["a"])
    Variable.set("y", 1)
    assert client.patch(by_id, json={"name": "y"}).status_code == 409
    assert client.patch(by_id, json={"name": "z", "tags": []}).status_code == 204
    assert Variable.get("x", "gone") == "gone"
    assert client.delete("/api/variables/name/z").status_code == 204
    assert client.delete("/api/variables/name/y").status_code == 204
    for response in (client.get(by_id), client.delete(by_id), client.patch(by_name, json={}), client.get(by_name)):
        assert response.status_code == 404


@pytest.mark.parametrize(
    "wanted", [{"name": "A b", "value": 1}, {"value": 1}, {"name": "x", "value": "x" * 5000}, {"name": "x", "tags": 1}]
)
def test_what_can_not_be_a_variable_is_refused(client: TestClient, wanted: Any) -> None:
    """With what is wrong, part by part."""
    response = client.post("/api/variables/", json=wanted)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert client.get(f"/api/variables/{uuid4()}").json()["detail"].startswith("There is no variable ")
