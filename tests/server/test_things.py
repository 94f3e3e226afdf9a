"""Artifacts and variables, as pages and as JSON, and on the page of the run that left them."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from headrace import flow, task
from headrace.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
)
from headrace.server.ui import things
from headrace.server.ui.artifacts import MOST_ROWS, table_of
from headrace.variables import Variable

from .conftest import EVIL, named


@task(task_run_name="count")
def count() -> None:
    create_table_artifact([{"city": "Oslo", "letters": 4}, {"city": "Rome"}], key="letters")


@flow(flow_run_name="leaving")
def leaving() -> None:
    count()
    create_markdown_artifact("# Done", key="summary", description="Of the last survey.")
    create_progress_artifact(42.5)
    create_link_artifact("https://example.com/a", link_text="There")
    create_image_artifact("https://example.com/a.png")


def told(client: TestClient, address: str) -> Any:
    response = client.get(f"{address}{'&' if '?' in address else '?'}format=json")
    assert response.status_code == 200, response.text
    return response.json()


def test_pages_lead_to_artifacts_and_variables_where_there_are_any(client: TestClient) -> None:
    """And only then; the pages themselves say how to make some."""
    assert 'href="/artifacts"' not in client.get("/").text
    assert "create_markdown_artifact" in client.get("/artifacts").text
    assert "Variable.set" in client.get("/variables").text
    leaving()
    assert 'href="/artifacts"' in client.get("/").text
    assert 'href="/variables"' not in client.get("/").text
    Variable.set("answer", 42)
    assert 'href="/variables"' in client.get("/runs").text


def test_artifacts_are_shown_as_what_they_are(client: TestClient) -> None:
    """A table as a table, progress as a bar, a link as a link, all else as text; each with who left it."""
    leaving()
    cards = told(client, "/artifacts")["artifacts"]
    image, link, progress, summary, letters = cards
    assert letters["table"] == {"columns": ["city", "letters"], "rows": [["Oslo", "4"], ["Rome", ""]], "left_out": 0}
    assert (letters["run_name"], summary["run_name"]) == ("count", "leaving")
    assert (summary["text"], summary["description"]) == ("# Done", "Of the last survey.")
    assert progress["percent"] == 42.5
    assert link["link"] == {"text": "There", "address": "https://example.com/a"}
    assert image["link"]["address"] == "https://example.com/a.png"
    shown = client.get("/artifacts").text
    assert '<th scope="col">letters</th>' in shown
    assert 'href="https://example.com/a" rel="noopener noreferrer"' in shown
    assert "<img" not in shown


def test_markdown_is_shown_as_a_document(client: TestClient) -> None:
    """Below the headings of the page; as it was written to programs."""
    text = "# Sums\n\n| city | letters |\n|---|--:|\n| Oslo | 4 |\n\nSee [there](https://example.com/a)."
    create_markdown_artifact(text, key="sums")
    shown = client.get("/artifacts").text
    assert "<h3>Sums</h3>" in shown
    assert '<td class="right">4</td>' in shown
    assert '<a href="https://example.com/a" rel="noopener noreferrer">there</a>' in shown
    assert told(client, "/artifacts")["artifacts"][0]["text"] == text


def test_artifacts_of_a_key_are_shown_alone(client: TestClient) -> None:
    """The newest first: they are versions of one thing."""
    leaving()
    leaving()
    page = told(client, "/artifacts?key=summary")
    assert ([one["key"] for one in page["artifacts"]], page["found"]) == (["summary", "summary"], 2)


def test_a_run_has_a_tab_of_what_it_left(client: TestClient) -> None:
    """And its task runs; one that left nothing has none."""
    leaving()
    page = f"/runs/flow-run/{named('leaving')}"
    assert 'tab=artifacts#tabs">Artifacts <b>5</b>' in client.get(page).text
    assert len(told(client, f"{page}?tab=artifacts")["artifacts"]) == 5
    assert "<h3>Done</h3>" in client.get(f"{page}?tab=artifacts").text

    @flow(flow_run_name="idle")
    def idle() -> None:
        pass

    idle()
    assert "tab=artifacts" not in client.get(f"/runs/flow-run/{named('idle')}").text


def test_variables_are_listed_by_name_in_parts(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their values as JSON."""
    monkeypatch.setattr(things, "MOST", 2)
    for name in ("c", "a", "b"):
        Variable.set(name, {"of": name}, tags=["deep"])
    first, last = told(client, "/variables"), told(client, "/variables?part=1")
    assert [one["name"] for one in (*first["variables"], *last["variables"])] == ["a", "b", "c"]
    assert (first["found"], first["more"], last["more"]) == (3, True, False)
    assert first["variables"][0]["value"] == '{\n "of": "a"\n}'
    assert 'href="/variables?part=1"' in client.get("/variables").text


def test_artifacts_come_in_parts(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest first."""
    monkeypatch.setattr(things, "MOST_ARTIFACTS", 3)
    leaving()
    first, last = told(client, "/artifacts"), told(client, "/artifacts?part=1")
    assert ([len(one["artifacts"]) for one in (first, last)], first["more"], last["more"]) == ([3, 2], True, False)


@pytest.mark.parametrize(
    ("data", "columns", "rows"),
    [
        ({"a": [1, 2], "b": [True]}, ["a", "b"], [["1", "true"], ["2", ""]]),
        ([["x", None], [{"deep": 1}]], [], [["x", ""], ['{"deep": 1}']]),
        ("[]", [], []),
    ],
)
def test_tables_have_three_forms(data: Any, columns: list[str], rows: list[list[str]]) -> None:
    """A dict of columns, a list of dicts, a list of lists; as JSON too."""
    table = table_of(data)
    assert table is not None
    assert (table.columns, table.rows) == (columns, rows)


@pytest.mark.parametrize("data", ["no JSON", 7, {"a": 1}, [1], [[1], {}]])
def test_what_is_no_table_is_text(data: Any) -> None:
    """Whatever its maker called it."""
    assert table_of(data) is None


def test_long_tables_are_cut() -> None:
    """And say so."""
    table = table_of([[n] for n in range(MOST_ROWS + 5)])
    assert table is not None
    assert (len(table.rows), table.left_out) == (MOST_ROWS, 5)


def test_what_users_left_is_text_and_nothing_else(client: TestClient) -> None:
    """In texts, tables, descriptions, links, names and values."""

    @flow(flow_run_name=f"r{EVIL}")
    def evil() -> None:
        create_markdown_artifact(EVIL, description=EVIL)
        create_table_artifact([{EVIL: EVIL}])
        create_link_artifact("javascript:alert(1)", link_text=EVIL)
        create_image_artifact("javascript:alert(1)")
        create_link_artifact(f"https://example.com/{EVIL}", link_text=EVIL)

    evil()
    Variable.set("evil", EVIL, tags=[EVIL])
    run = named(f"r{EVIL}")
    for address in ("/artifacts", "/variables", f"/runs/flow-run/{run}?tab=artifacts"):
        shown = client.get(address).text
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown
        assert 'href="javascript' not in shown
