"""Every page of the server, in a browser: empty, with some runs, and with a hundred thousand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace import flow, tags, task
from headrace.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
)
from headrace.drive.world import World, use_world
from headrace.server.ui.tabs import TABS
from headrace.store.memory import MemoryStore
from headrace.store.protocol import ConcurrencyLimit, RunFilter, SlotRequest
from headrace.store.sqlite import SqliteStore
from headrace.variables import Variable
from tests.server.conftest import begun
from tests.ui import many as many_runs

Look = Callable[..., Any]
Serve = Callable[[World], str]
LONG = "a-name-that-is-longer-than-a-narrow-screen-is-wide-" * 3


@task(retries=1, task_run_name="fetch-{city}")
def fetch(city: str) -> int:
    if city == "Atlantis":
        raise LookupError(f"there is no {city}{LONG}")
    return len(city)


@flow(name="Inner", flow_run_name="inner")
def inner() -> int:
    return fetch("Turku")


@flow(name="Survey", flow_run_name="survey-{label}")
def survey(label: str, cities: list[str]) -> int:
    inner()
    create_table_artifact([{LONG: LONG, "b": 1}], key="letters")
    create_markdown_artifact(LONG, key=LONG[:-1], description=LONG)
    create_progress_artifact(30)
    create_link_artifact(f"https://example.com/{LONG}", link_text=LONG)
    return sum(fetch.map(cities).result())


@pytest.fixture(scope="module")
def small() -> Iterator[World]:
    """A run that completed, one that failed, one of a long name, one that goes on; artifacts, a variable, a limit."""
    world = World(MemoryStore())
    with use_world(world, everywhere=True):
        survey("north", ["Oslo"])
        survey("lost", ["Rome", "Atlantis"], return_state=True)
        with tags(LONG):
            survey(LONG, [LONG])
        begun()
        Variable.set("answer", {LONG: [LONG] * 3}, tags=[LONG])
        world.store.put_limit(ConcurrencyLimit(LONG, 3))
        world.store.request_slots(SlotRequest(world.new_id(), (LONG,), holder=LONG), world.clock.now())
    yield world
    world.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hundred thousand runs."""
    path = tmp_path_factory.mktemp("many") / "headrace.db"
    many_runs.fill(path, datetime.now(UTC))
    world = World(SqliteStore(path))
    yield world
    world.close()
    shutil.rmtree(path.parent)


def addresses(world: World) -> Iterator[str]:
    """Yield where each page is; those of runs for one that failed, of a long name, that goes on, that is large."""
    yield from ("/", "/?tab=completed&subflows=hide&range=7d", "/runs", "/runs?kind=task")
    yield from ("/runs?state=FAILED&tag=nightly", "/flows", "/concurrency", "/artifacts", "/variables")
    store = world.store
    for name in ("*lost", f"*{LONG}", "going", "flow-20000"):
        for run in store.flow_runs(RunFilter(name=name), limit=1):
            page = f"/runs/flow-run/{run.id}"
            yield from (f"{page}?tab={tab}" for tab in (TABS if name != "flow-20000" else ["task-runs"]))
            yield f"/runs/delete?id={run.id}"
            if run.entrypoint is not None:
                yield f"{page}/as-test"
            yield from (f"/runs/task-run/{one.id}" for one in store.task_runs(RunFilter(flow_run_id=run.id), limit=2))


@pytest.mark.parametrize("kind", ["empty", "small", "many"])
def test_every_page_fits_a_narrow_screen_and_stands_out_from_what_is_behind_it(
    kind: str, serve: Serve, look: Look, request: pytest.FixtureRequest
) -> None:
    """By at least 4.5 to 1, light and dark; no page says anything on the console, or asks anybody else for anything."""
    world: World = World(MemoryStore()) if kind == "empty" else request.getfixturevalue(kind)
    served = serve(world)
    page = look(served, width=400)
    for address in addresses(world):
        page.goto(f"{served}{address}")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert (address, page.evaluate("document.documentElement.scrollWidth")) == (address, 400)
        assert (address, page.evaluate(CUT_OFF)) == (address, [])
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert (address, scheme, page.evaluate(FAINT)) == (address, scheme, [])


def test_a_run_of_twenty_thousand_task_runs_is_looked_at(many: World, serve: Serve, look: Look) -> None:
    """A thousand of them are drawn, and more where asked for; the timeline scrolls and zooms."""
    served = serve(many)
    (run,) = many.store.flow_runs(RunFilter(name="flow-20000"))
    page = look(f"{served}/runs/flow-run/{run.id}")
    assert page.evaluate("document.querySelectorAll('.run').length") == 1000
    left_out = many.store.count("task", RunFilter(flow_run_id=run.id)) - 999
    page.get_by_text(f"{left_out:,} more task runs are not drawn").wait_for()
    page.locator(".rows").focus()
    page.keyboard.press("End")
    page.wait_for_function("() => document.querySelector('.rows').scrollTop > 30000")
    for _ in range(6):
        page.get_by_role("button", name="Zoom in").click()
    assert page.locator(".ticks text").count() >= 2
    page.get_by_role("link", name="draw up to 10,000 rows").wait_for()


def test_a_list_of_a_hundred_thousand_runs_is_gone_through(many: World, serve: Serve, look: Look) -> None:
    """By its filters, and part by part."""
    page = look(f"{serve(many)}/runs?kind=task&state=CRASHED")
    page.get_by_role("link", name="Crashed 800").wait_for()
    assert page.locator(".dots a").count() == 500
    first = page.locator(".card .names a").first.inner_text()
    page.get_by_role("link", name="Further runs").click()
    page.get_by_role("link", name="To the beginning").wait_for()
    assert page.locator(".card .names a").first.inner_text() != first


#: What lies to the left of the page, where nobody can scroll to.
CUT_OFF = """[...document.querySelectorAll("main *, header *")]
  .filter((one) => !one.closest("svg, .unseen") && one.getBoundingClientRect().left < 0)
  .map((one) => one.outerHTML.slice(0, 80))"""

#: What text on the page has too little contrast, as text and ratio.
FAINT = """(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || one.closest("svg, .unseen, .skip")) continue;
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push([walker.currentNode.textContent.trim(), ratio]);
  }
  return found;
})()"""
