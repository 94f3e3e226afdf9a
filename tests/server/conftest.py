"""The API over the store of the test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from headrace.core.records import FlowRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import current_world
from headrace.server.app import create_app
from headrace.store.protocol import LogFilter, RunFilter
from headrace.testing import simulate

Ask = Callable[..., Any]

#: What would do something if a page showed it as it is.
EVIL = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """The app, whose routes take a tenth of a second to make."""
    return create_app(current_world())


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """Ask the app, over the store of the test and without a network."""
    app.state.world = current_world()
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=True) as client:
        yield client


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """POST a question that must succeed; return the answer."""

    def posted(path: str, **question: Any) -> Any:
        response = client.post(f"/api/{path}", json=question)
        assert response.status_code == 200, response.text
        return response.json()

    return posted


def count_questions(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return what counts how often each method of the store is called from now on."""
    asked: Counter[str] = Counter()
    store = current_world().store

    def counted(name: str) -> Callable[..., Any]:
        own = getattr(store, name)

        def ask(*args: Any, **kwargs: Any) -> Any:
            asked[name] += 1
            return own(*args, **kwargs)

        return ask

    runs = ("flow_run", "task_run", "flow_runs", "task_runs", "flows", "history", "histories")
    for name in (*runs, "count", "tally", "tallies", "logs", "leases"):
        monkeypatch.setattr(store, name, counted(name))
    return asked


def begun(name: str = "going", *states: StateType, deployed: bool = False) -> FlowRun:
    """Record a flow run whose process is elsewhere, and that is running, or went through these states."""
    world = current_world()
    now, new_id = world.clock.now(), world.new_id
    run = FlowRun(id=new_id(), name=name, created=now, flow_name="Elsewhere", flow_id=new_id())
    run.deployment_id = new_id() if deployed else None
    types = states or (StateType.PENDING, StateType.RUNNING)
    world.store.create(run, [run.enter(State(type_), now) for type_ in types])
    return run


@contextmanager
def elsewhere() -> Iterator[None]:
    """Let runs be recorded on virtual time, and then be in the store of the test, as if a script had written them."""
    here = current_world().store
    with simulate() as simulation:
        yield
        there = simulation.store
        for run in (*there.flow_runs(), *there.task_runs()):
            here.create(run, there.history(run.id))
        here.append_logs(there.logs(LogFilter()))


def named(name: str) -> UUID:
    """Return the id of the flow run in the store that is called so, or else of the task run."""
    store = current_world().store
    (found,) = store.flow_runs(RunFilter(name=name)) or store.task_runs(RunFilter(name=name))
    return found.id
