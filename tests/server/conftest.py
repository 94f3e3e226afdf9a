"""The API over the store of the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from headrace.drive.world import current_world
from headrace.server.app import create_app

Ask = Callable[..., Any]


@pytest.fixture
def client() -> Iterator[TestClient]:
    """Ask the app without a network."""
    with TestClient(create_app(current_world()), base_url="http://localhost", raise_server_exceptions=True) as client:
        yield client


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """POST a question that must succeed; return the answer."""

    def posted(path: str, **question: Any) -> Any:
        response = client.post(f"/api/{path}", json=question)
        assert response.status_code == 200, response.text
        return response.json()

    return posted
