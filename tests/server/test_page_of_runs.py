"""The list of runs, as a page and as JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from headrace import flow, tags, task
from headrace.drive.world import current_world
from headrace.server.app import create_app
from headrace.server.ui import runs as page

from .conftest import EVIL, count_questions


@task(task_run_name="add-{n}", tags=["sums"])
def add(n: int) -> float:
    return 10 / n


@flow(flow_run_name="run-{n}", name="Adding")
def adding(n: int) -> float:
    return add(n)


@flow(name="Around")
def around() -> float:
    return adding(5)


@pytest.fixture
def three() -> None:
    """Three runs of one flow, of which the last fails."""
    with tags("even"):
        adding(2)
    adding(1)
    adding(0, return_state=True)


def told(client: TestClient, query: str = "") -> Any:
    """Return what the page tells, as JSON."""
    response = client.get(f"/runs?format=json{query}")
    assert response.status_code == 200, response.text
    return response.json()


def names(client: TestClient, query: str = "") -> list[str]:
    """Return what the runs on the page are called."""
    return [card["name"] for card in told(client, query)["cards"]]


def test_an_empty_store_says_how_to_run_the_first_flow(client: TestClient) -> None:
    """And which store it is that is empty."""
    page = client.get("/runs").text
    assert "Nothing has been recorded yet" in page
    assert "$ python hello.py" in page
    assert current_world().store.location in page
    assert told(client)["empty"]


def test_runs_are_shown_with_what_one_wants_to_know_of_them(client: TestClient, three: None) -> None:
    """State, flow, name, parameters, times and the number of task runs."""
    (failed, _, completed) = told(client)["cards"]
    assert (failed["name"], failed["definition"], failed["state_type"]) == ("run-0", "Adding", "FAILED")
    assert "division by zero" in failed["message"]
    assert (completed["parameters"], completed["tags"], completed["task_runs"]) == ("n=2", ["even"], 1)
    assert completed["duration"] > 0
    shown = client.get("/runs").text
    assert '<i aria-hidden="true">✗</i><b>Failed</b>' in shown
    assert f'href="/runs/flow-run/{failed["id"]}"' in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["run-0", "run-1", "run-2"]),
        ("&sort=oldest", ["run-2", "run-1", "run-0"]),
        ("&sort=name", ["run-0", "run-1", "run-2"]),
        ("&state=FAILED", ["run-0"]),
        ("&state=Completed", ["run-1", "run-2"]),
        ("&tag=even", ["run-2"]),
        ("&name=RUN-1", ["run-1"]),
        ("&name=run-?&flow=Add*", ["run-0", "run-1", "run-2"]),
        ("&flow=other", []),
        ('&flow="Adding"', ["run-0", "run-1", "run-2"]),
        ('&flow="Add"', []),
        ('&name="run-1"', ["run-1"]),
        ('&kind=task&flow="Adding"&name="add-1"', ["add-1"]),
        ("&after=2000-01-01", ["run-0", "run-1", "run-2"]),
        ("&before=2000-01-01", []),
        ("&kind=task", ["add-0", "add-1", "add-2"]),
        ("&kind=task&flow=Adding&state=FAILED&tag=sums", ["add-0"]),
        ("&name=&flow=&tag=&after=&before=", ["run-0", "run-1", "run-2"]),
    ],
)
def test_the_address_says_which_runs_and_in_which_order(
    client: TestClient, three: None, query: str, expected: list[str]
) -> None:
    """All that is given must hold, and what is empty does not restrict."""
    assert names(client, query) == expected


@pytest.mark.parametrize("sort", ["longest", "shortest"])
def test_runs_are_sorted_by_the_time_they_ran(client: TestClient, three: None, sort: str) -> None:
    """One way or the other."""
    lengths = {run.name: run.total_run_time for run in current_world().store.flow_runs()}
    found = [lengths[name] for name in names(client, f"&sort={sort}")]
    assert found == sorted(found, reverse=sort == "longest")


def test_runs_are_counted_by_kind_and_state(client: TestClient, three: None) -> None:
    """Whichever state is chosen, of those that fit otherwise."""
    answer = told(client, "&state=FAILED")
    assert answer["counts"] == {"flow": 3, "task": 3}
    assert {one["type"]: (one["count"], one["chosen"]) for one in answer["states"]} == {
        "COMPLETED": (2, False),
        "FAILED": (1, True),
    }
    assert answer["found"] == 1
    assert told(client, "&tag=even")["counts"] == {"flow": 1, "task": 1}


def test_a_long_list_goes_on_at_its_cursor(client: TestClient, three: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same filters and order; a word that is no cursor is refused."""
    monkeypatch.setattr(page, "MOST", 2)
    first = told(client, "&sort=name")
    assert [card["name"] for card in first["cards"]] == ["run-0", "run-1"]
    assert f"/runs?sort=name&amp;cursor={first['next']}" in client.get("/runs?sort=name").text
    last = told(client, f"&sort=name&cursor={first['next']}")
    assert ([card["name"] for card in last["cards"]], last["next"]) == (["run-2"], None)
    refused = client.get("/runs?cursor=nonsense")
    assert (refused.status_code, "is no cursor" in refused.text) == (400, True)


def test_a_run_of_a_subflow_says_what_it_is_part_of(client: TestClient) -> None:
    """By its name."""
    around()
    inner = next(card for card in told(client)["cards"] if card["name"] == "run-5")
    outer = next(card for card in told(client)["cards"] if card["definition"] == "Around")
    assert (inner["flow_run_id"], inner["flow_run_name"]) == (outer["id"], outer["name"])


def test_an_address_that_is_none_is_a_page_for_people_and_an_error_for_programs(client: TestClient) -> None:
    """A mistyped address leads on; whoever asks the API is told as by the API."""
    html = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for path, status in (("/nothing", 404), ("/runs/delete/none", 404), (f"/runs/flow-run/{UUID(int=7)}/cancel", 405)):
        answer = client.get(path, headers=html)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert path in answer.text
        assert 'href="/runs"' in answer.text
    assert client.get("/nothing").json()["code"] == "no_such_path"
    assert client.get("/api/nothing", headers=html).json()["code"] == "no_such_path"


def test_what_is_no_day_and_no_order_is_refused_as_a_page(client: TestClient) -> None:
    """With what to write instead."""
    day = client.get("/runs?after=tomorrow")
    assert (day.status_code, day.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "write one like 2026-03-01" in day.text
    assert client.get("/runs?sort=sideways").status_code == 400
    assert client.get("/runs?format=json&after=tomorrow").json()["detail"].startswith("'tomorrow' is no day")


def test_runs_are_plotted_by_start_and_duration(client: TestClient, three: None) -> None:
    """Those that are wanted, in whichever order the list is; each leads to its run; colour is not the only sign."""
    whole = told(client, "&sort=name")["plot"]
    assert [dot["name"] for dot in whole["dots"]] == ["run-0", "run-1", "run-2"]
    assert (whole["dots"][0]["x"], whole["dots"][2]["x"], whole["all"]) == (1, 0, True)
    assert all(0 <= dot["y"] <= 1 for dot in whole["dots"])
    assert [tick["y"] for tick in whole["ticks"]][:: len(whole["ticks"]) - 1] == [0, 1]
    assert told(client, "&state=FAILED")["plot"] is None
    shown = client.get("/runs").text
    assert f'<a href="/runs/flow-run/{whole["dots"][0]["id"]}" tabindex="-1" class="s-FAILED"><title>' in shown
    assert ">✗</text>" in shown


def test_of_very_many_runs_the_newest_are_plotted(
    client: TestClient, three: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the plot says so; further parts of the list have none."""
    monkeypatch.setattr(page, "MOST_DOTS", 2)
    assert "the newest 2" in client.get("/runs").text
    monkeypatch.setattr(page, "MOST", 1)
    first = told(client)
    assert (len(first["plot"]["dots"]), first["plot"]["all"]) == (2, False)
    assert told(client, f"&cursor={first['next']}")["plot"] is None


def test_what_users_named_is_text_and_nothing_else(client: TestClient) -> None:
    """In names, tags, parameters, messages, and in what was looked for."""

    @flow(flow_run_name=f"r{EVIL}")
    def evil(text: str) -> None:
        raise ValueError(text)

    with tags(EVIL):
        evil(EVIL, return_state=True)
    for address in ("/runs", f"/runs?name={EVIL}&flow={EVIL}&tag={EVIL}", f"/runs?state={EVIL}", f"/runs?after={EVIL}"):
        shown = client.get(address).text
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown
    assert "alert(1)" in client.get("/runs?format=live").text


def test_a_page_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    """Nor run what is written into it; it is in no frame, and kept nowhere."""
    headers = client.get("/runs").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    page = client.get("/runs").text
    assert " style=" not in page
    assert " onclick=" not in page


def test_styles_scripts_and_icons_are_kept_for_as_long_as_they_are_the_same(client: TestClient) -> None:
    """Their address changes when they do."""
    page = client.get("/runs").text
    (sheet,) = (word for word in page.split('"') if word.endswith("/style.css"))
    answer = client.get(sheet)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/old/style.css").headers["cache-control"] == "no-store"
    assert client.get("/static/old/else.css").status_code == 404


def test_the_part_that_changes_is_had_alone(client: TestClient, three: None) -> None:
    """And says whether it will change again."""
    part = client.get("/runs?format=live").text
    assert part.lstrip().startswith('<div id="live" data-live="no"')
    assert "<html" not in part


def test_the_store_is_asked_a_bounded_number_of_questions(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many runs there are."""
    for n in range(1, 41):
        adding(n)
    asked = count_questions(monkeypatch)
    client.get("/runs")
    assert sum(asked.values()) <= page.MOST + 5
    asked.clear()
    client.get("/runs?kind=task")
    assert sum(asked.values()) <= 5


def test_without_pages_there_is_the_api_alone() -> None:
    """As `--no-ui` has it."""
    with TestClient(create_app(current_world(), ui=False), base_url="http://localhost") as client:
        assert client.get("/runs").status_code == 404
        assert client.get("/api/health").status_code == 200


def test_pages_are_no_part_of_the_api_s_document(client: TestClient) -> None:
    """Which is for programs."""
    assert all(path.startswith("/api/") for path in client.get("/api/openapi.json").json()["paths"])
