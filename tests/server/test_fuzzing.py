"""The API under a fuzzer that knows its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from headrace import flow, task
from headrace.drive.world import World, use_world
from headrace.server.app import create_app
from headrace.store.memory import MemoryStore

schemathesis = pytest.importorskip("schemathesis", reason="it is in an environment of its own: make fuzz")


@task
def one() -> int:
    return 1


@flow
def some() -> int:
    return one() + one.submit().result()


def operations() -> Iterator[Any]:
    """Yield all that can be asked of an app over a store that holds something."""
    world = World(MemoryStore)
    with use_world(world):
        some()
    document = schemathesis.openapi.from_asgi("/api/openapi.json", create_app(world, hosts=()))
    for found in document.get_all_operations():
        yield found.ok()


@pytest.mark.parametrize("operation", list(operations()), ids=lambda one: one.label)
def test_whatever_is_asked_is_answered_as_described(operation: Any) -> None:
    """No error of ours, no status or shape that the document does not tell of."""

    @given(case=operation.as_strategy())
    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        # Which cursors there are, and which slots are free, no schema can tell: others are refused, as they should be.
        is_made_up = isinstance(case.body, dict) and case.body.get("cursor") is not None
        is_made_up = is_made_up or case.path.endswith("/increment-with-lease")
        if case.path.endswith("/events/stream"):
            case.query = {**(case.query or {}), "wait": "false"}  # else it would never end
            is_made_up = True
        case.call_and_validate(
            excluded_checks=[schemathesis.specs.openapi.checks.positive_data_acceptance] if is_made_up else []
        )

    check()
