"""The dashboard, the flows and the concurrency limits, as pages and as JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from headrace import flow, tags, task
from headrace.core.records import FlowRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import current_world
from headrace.server.ui import bars as bars_module
from headrace.server.ui import dashboard, flows
from headrace.server.ui.bars import SLOTS
from headrace.server.ui.rendering import ago
from headrace.store.protocol import ConcurrencyLimit, SlotRequest

from .conftest import EVIL, begun, count_questions

PAGES = ("/", "/flows", "/concurrency")


@task
def divide(n: int) -> float:
    return 10 / n


@flow(name="Dividing", flow_run_name="by-{n}")
def dividing(n: int) -> float:
    return divide(n)


@flow(name="Idling")
def idling() -> None:
    pass


@pytest.fixture
def some() -> None:
    """Three runs of one flow, of which one failed, one of another, and one that goes on."""
    for n in (1, 0, 2):
        dividing(n, return_state=True)
    idling()
    begun()


def told(client: TestClient, address: str) -> Any:
    response = client.get(f"{address}{'&' if '?' in address else '?'}format=json")
    assert response.status_code == 200, response.text
    return response.json()


def long_ago(hours: float) -> None:
    """Record a run that completed so many hours ago."""
    world = current_world()
    then = world.clock.now() - timedelta(hours=hours)
    run = FlowRun(id=world.new_id(), name="old", created=then, flow_name="Old", flow_id=world.new_id())
    states = [run.enter(State(type_), then) for type_ in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED)]
    world.store.create(run, states)


@pytest.mark.parametrize("address", PAGES)
def test_an_empty_store_says_what_to_do(client: TestClient, address: str) -> None:
    """On every page."""
    shown = client.get(address).text
    expected = "concurrency-limit create" if address == "/concurrency" else "Nothing has been recorded yet"
    assert expected in shown


# the dashboard -------------------------------------------------------------------------------------------------


def test_the_dashboard_counts_runs_by_what_became_of_them(client: TestClient, some: None) -> None:
    """Flow runs by tab, task runs in shares."""
    page = told(client, "/")
    assert page["total"] == 5
    assert page["counts"] == {"failed": 1, "running": 1, "completed": 3, "scheduled": 0, "cancelled": 0}
    assert page["task_runs"]["total"] == 3
    assert page["task_runs"]["completed"] == pytest.approx(200 / 3)
    assert page["task_runs"]["failed"] == pytest.approx(100 / 3)
    assert page["live"]


def test_what_failed_is_shown_first(client: TestClient, some: None) -> None:
    """Where nothing did, what else there is."""
    assert [run["name"] for group in told(client, "/")["groups"] for run in group["runs"]] == ["by-0"]
    assert told(client, "/?tab=running")["tab"] == "running"


def test_where_nothing_failed_the_first_tab_with_runs_is_shown(client: TestClient) -> None:
    """Not an empty one."""
    idling()
    assert told(client, "/")["tab"] == "completed"


def test_runs_of_a_tab_are_in_groups_by_flow(client: TestClient, some: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow that ran last first, and its newest run first; of very many the newest, and the page says so."""
    page = told(client, "/?tab=completed")
    assert [(group["flow"], len(group["runs"])) for group in page["groups"]] == [("Idling", 1), ("Dividing", 2)]
    assert [run["name"] for run in page["groups"][1]["runs"]] == ["by-2", "by-1"]
    monkeypatch.setattr(dashboard, "MOST", 2)
    assert told(client, "/?tab=completed")["listed"] == 2
    assert "the newest 2 of 3" in client.get("/?tab=completed").text


def test_the_range_says_how_far_back_to_look(client: TestClient) -> None:
    """A day, where nothing else is said; a store that only holds older runs is not empty."""
    long_ago(2)
    long_ago(50)
    assert [told(client, f"/?range={of}")["total"] for of in ("1h", "24h", "7d")] == [0, 1, 2]
    assert told(client, "/")["range"] == "24h"
    assert not told(client, "/?range=1h")["empty"]
    assert client.get("/?range=1y").status_code == 400


def test_bars_are_as_high_as_runs_are_long_and_say_their_state_by_a_sign(client: TestClient, some: None) -> None:
    """The longest one is as high as the chart."""
    page = told(client, "/")
    assert max(bar["height"] for bar in page["bars"]) == 1
    assert len({bar["slot"] for bar in page["bars"]}) == 5
    shown = client.get("/").text
    assert shown.count('class="of-FAILED"') == 1
    assert ">✗</text>" in shown


@given(st.lists(st.floats(0, 1), max_size=SLOTS))
def test_no_bar_hides_another(shares: list[float]) -> None:
    """Each has a place of its own on the chart, in the order of time, and at its time where there is room."""
    slots = bars_module._slots(sorted(shares))
    assert slots == sorted(set(slots))
    assert all(0 <= slot < SLOTS for slot in slots)
    if len(shares) == 1:
        assert slots == [min(int(shares[0] * SLOTS), SLOTS - 1)]


def test_the_dashboard_asks_the_store_a_bounded_number_of_questions(
    client: TestClient, some: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many runs there are."""
    asked = count_questions(monkeypatch)
    client.get("/?tab=completed")
    assert sum(asked.values()) <= 6


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "just now"), (42, "42 s ago"), (919, "15m ago"), (7300, "2h ago"), (200_000, "2d ago"), (-300, "in 5m")],
)
def test_how_long_ago_is_told_in_one_unit(seconds: float, expected: str) -> None:
    """More would change all the time, and tell nobody anything."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert ago(now - timedelta(seconds=seconds), now) == expected


def test_where_there_are_more_runs_than_bars_the_chart_begins_with_the_first_that_has_one(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else bars would stand where no run began."""
    monkeypatch.setattr(dashboard, "SLOTS", 2)
    for hours in (9, 2, 1):
        long_ago(hours)
    page = told(client, "/")
    assert (page["bars_since"], len(page["bars"])) == (page["bars"][0]["created"], 2)
    assert page["bars"][0]["slot"] == 0
    few = told(client, "/?range=1h")
    assert few["bars_since"] == few["since"]


@flow(name="Around")
def around() -> None:
    dividing(5)


def test_the_dashboard_is_of_a_tag(client: TestClient, some: None) -> None:
    """If one is given: flow runs and task runs alike, and whatever leads further keeps it."""
    with tags("nightly"):
        dividing(3)
    page = told(client, "/?tag=nightly")
    assert (page["total"], page["task_runs"]["total"]) == (1, 1)
    assert [bar["name"] for bar in page["bars"]] == ["by-3"]
    shown = client.get("/?tag=nightly").text
    assert 'href="/?range=1h&amp;tag=nightly"' in shown
    assert 'href="/?range=24h&amp;tab=failed&amp;tag=nightly#tabs"' in shown


def test_where_there_is_nothing_the_dashboard_says_of_what(client: TestClient, some: None) -> None:
    """Of no task runs no share completed."""
    shown = client.get("/?tag=none").text
    assert "No failed flow runs in the last 24 hours with the tag" in shown
    assert "0.0 %" not in shown


def test_the_dashboard_leaves_subflow_runs_out_where_asked_to(client: TestClient) -> None:
    """They are what other runs started; their task runs count all the same."""
    around()
    assert told(client, "/")["total"] == 2
    page = told(client, "/?subflows=hide")
    assert ([bar["name"] for bar in page["bars"]], page["counts"]["completed"]) == ([page["bars"][0]["name"]], 1)
    assert page["groups"][0]["flow"] == "Around"
    assert page["task_runs"]["total"] == told(client, "/")["task_runs"]["total"]


def test_lines_tell_how_task_runs_did_over_time(client: TestClient, some: None) -> None:
    """The newest at the right."""
    runs = told(client, "/?range=1h")["task_runs"]
    assert (len(runs["completed_trend"]), len(runs["failed_trend"])) == (dashboard.PARTS, dashboard.PARTS)
    assert (runs["completed_trend"][-1], runs["failed_trend"][-1]) == (2, 1)
    assert sum(runs["completed_trend"]) == 2
    assert 'aria-label="Completed over time, at most 2 in one part"' in client.get("/").text


# flows ---------------------------------------------------------------------------------------------------------


def test_flows_are_told_by_their_latest_runs(client: TestClient, some: None) -> None:
    """How many completed of those that ended, and how long they take."""
    going, idle, divided = told(client, "/flows")["flows"]
    assert (going["completed"], going["median"], idle["completed"]) == (None, None, 100)
    assert (divided["name"], divided["runs"]) == ("Dividing", 3)
    assert divided["completed"] == pytest.approx(200 / 3)
    assert divided["median"] > 0
    assert [run["name"] for run in divided["strip"]] == ["by-1", "by-0", "by-2"]
    assert 'href="/runs?flow=%22Dividing%22"' in client.get("/flows").text


def test_flows_of_the_whole_store_come_in_parts(
    client: TestClient, some: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long ago they ran, and however many runs of others came since; all their runs count."""
    monkeypatch.setattr(flows, "MOST", 2)
    monkeypatch.setattr(flows, "STRIP", 2)
    long_ago(9000)
    first = told(client, "/flows")
    assert ([one["name"] for one in first["flows"]], first["more"]) == (["Elsewhere", "Idling"], True)
    last = told(client, "/flows?part=1")
    told_of = [(one["name"], one["runs"], len(one["strip"])) for one in last["flows"]]
    assert told_of == [("Dividing", 3, 2), ("Old", 1, 1)]
    assert 'href="/flows?part=1"' in client.get("/flows").text
    assert 'href="/flows"' in client.get("/flows?part=1").text


# concurrency ---------------------------------------------------------------------------------------------------


def test_limits_say_who_holds_them_and_who_waits(client: TestClient) -> None:
    """With the way to the run that does."""
    world, run = current_world(), begun()
    world.store.put_limit(ConcurrencyLimit("database", 1))
    now = world.clock.now()
    for holder, run_id in (("first", run.id), ("second", None)):
        world.store.request_slots(SlotRequest(world.new_id(), ("database",), holder=holder, holder_run_id=run_id), now)
    page = told(client, "/concurrency")
    (limit,) = page["limits"]
    assert (limit["name"], limit["limit"], limit["active_slots"]) == ("database", 1, 1)
    assert [(one["holder"], one["kind"], one["waiting"]) for one in limit["leases"]] == [
        ("first", "flow", False),
        ("second", None, True),
    ]
    assert page["live"]
    assert f'href="/runs/flow-run/{run.id}"' in client.get("/concurrency").text


# all of them ---------------------------------------------------------------------------------------------------


def test_what_users_named_is_text_and_nothing_else(client: TestClient) -> None:
    """In names of runs, parameters, messages, limits and holders."""

    @flow(flow_run_name=f"r{EVIL}")
    def evil(text: str) -> None:
        raise ValueError(text)

    evil(EVIL, return_state=True)
    world = current_world()
    world.store.put_limit(ConcurrencyLimit(EVIL, 1))
    world.store.request_slots(SlotRequest(world.new_id(), (EVIL,), holder=EVIL), world.clock.now())
    for address in PAGES:
        shown = client.get(address).text
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown


@pytest.mark.parametrize("address", PAGES)
def test_each_has_the_part_that_changes_by_itself(client: TestClient, some: None, address: str) -> None:
    """For the script to fetch again."""
    part = client.get(address, params={"format": "live"}).text
    assert part.lstrip().startswith('<div id="live"')
