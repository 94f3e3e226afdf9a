"""The page that describes the API: all of it, and nothing from elsewhere."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from headrace.drive.world import current_world
from headrace.server.app import create_app
from headrace.server.document.reading import Word, read


def page(client: TestClient) -> str:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert str(answer.url).endswith("/api/docs")
    return answer.text


def test_every_operation_and_every_shape_is_on_the_page(client: TestClient) -> None:
    """Each with an anchor, to which what mentions it leads."""
    openapi, told = client.get("/api/openapi.json").json(), page(client)
    operations = [one["operationId"] for methods in openapi["paths"].values() for one in methods.values()]
    assert len(operations) > 30
    anchors = set(re.findall(r'id="([^"]+)"', told))
    assert {*operations, *(f"shape-{name}" for name in openapi["components"]["schemas"])} <= anchors
    assert set(re.findall(r'href="#([^"]+)"', told)) <= anchors


def test_the_page_asks_nobody_for_anything(client: TestClient) -> None:
    """No script, no address of elsewhere, and the browser is told to let none in."""
    told = page(client)
    assert "<script" not in told
    assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', told) == []
    assert "default-src 'none'" in client.get("/api/docs").headers["content-security-policy"]


def test_it_is_there_without_the_pages_too() -> None:
    """`--no-ui` leaves the API, and so its description."""
    client = TestClient(create_app(current_world(), ui=False), base_url="http://localhost")
    assert "POST" in page(client)


def test_types_are_told_in_words() -> None:
    """What may be left out, what it must be like, and what it is by default."""
    openapi = {
        "info": {"title": "t", "version": "1"},
        "paths": {
            "/a/{id}": {
                "get": {
                    "operationId": "read",
                    "parameters": [{"name": "id", "required": True, "schema": {"type": "string", "format": "uuid"}}],
                    "responses": {"200": {"content": {"x": {"schema": {"type": "array", "items": {"$ref": "#/A"}}}}}},
                }
            }
        },
        "components": {
            "schemas": {
                "A": {
                    "required": ["n"],
                    "properties": {
                        "n": {"type": "integer", "minimum": 0, "maximum": 2000, "default": 3},
                        "s": {"anyOf": [{"type": "string", "maxLength": 9, "description": "d"}, {"type": "null"}]},
                        "o": {"type": "object", "additionalProperties": {"enum": ["x", "y"]}},
                        "any": {},
                    },
                },
                "B": {"enum": ["x"]},
            }
        },
    }
    document = read(openapi)
    (operation,) = document.groups[0].operations
    assert operation.answers[0].type == [Word("list of "), Word("A", "A")]
    assert (operation.parameters[0].required, operation.parameters[0].type) == (True, [Word("uuid")])
    n, s, o, anything = document.shapes[0].fields
    assert (n.required, n.bounds) == (True, "at least 0, at most 2,000, 3 by default")
    assert (s.required, s.bounds, s.description) == (False, "at most 9 characters", "d")
    assert s.type == [Word("string"), Word(" or "), Word("null")]
    assert o.type == [Word("object of "), Word("'x' or 'y'")]
    assert anything.type == [Word("anything")]
    assert document.shapes[1].words == ["x"]
