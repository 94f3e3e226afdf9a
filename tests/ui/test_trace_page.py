"""The page of a trace, in a browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, get_run_logger, tags, task
from headrace.core.timeline import seconds_text
from headrace.testing import Simulation, simulate
from headrace.testing.scenes import scene_of
from headrace.testing.tracing.acts import page_of

Look = Callable[..., Any]

EVIL = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>\"'&</noscript></script>"


@task(retries=2, retry_delay_seconds=[10, 20], task_run_name="fetch-{url}")
def fetch(url: str) -> str:
    get_run_logger().info("asking %s", url)
    time.sleep(2)
    return f"page of {url}"


@task(task_run_name="count-{page}")
def count(page: str) -> int:
    return len(page)


@flow(flow_run_name="nightly")
def ingest(urls: list[str]) -> int:
    return sum(count(page.result()) for page in fetch.map(urls))


def write(path: Path, *simulations: Simulation) -> Path:
    """Write the trace of a test that lived in these simulations."""
    scenes = [(scene, scene.program()) for scene in map(scene_of, simulations)]
    command = "pytest test_it.py::test_outages --headrace-seed=0"
    text = page_of(test="test_it.py::test_outages", outcome="failed", error="boom", command=command, scenes=scenes)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def outages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace in which fetch-a is tried three times: at 0, 10 and 30 seconds."""
    with simulate() as simulation:
        simulation.fail(fetch, ConnectionError("down"), attempts={1, 2}, run="fetch-a")
        ingest(["a", "b"])
        return write(tmp_path_factory.mktemp("traces") / "outages.html", simulation)


def row(page: Any, name: str) -> Any:
    return page.locator("details.run", has=page.locator("summary .name b", has_text=re.compile(f"^{name}$")))


def shown(page: Any, name: str) -> list[str]:
    """Return state, attempts, start and duration, as the row of a run shows them."""
    return cells(page, row(page, name))


def cells(page: Any, one: Any) -> list[str]:
    settle(page)
    texts = one.locator("summary > span:not(.name):not(.bar)").all_text_contents()
    return [re.sub(r"^(attempts|start|took): ", "", text) for text in texts]


def settle(page: Any) -> None:
    """Wait until what was asked for is painted."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def drag_to(page: Any, share: float) -> None:
    box = page.locator(".axis").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + 10)
    page.mouse.up()


def test_it_opens_at_the_end(outages: Path, look: Look) -> None:
    """As it is without JavaScript."""
    page = look(outages)
    assert shown(page, "nightly") == ["✓Completed", "1", "0 s", "32 s"]
    assert shown(page, "fetch-a") == ["✓Completed", "3", "0 s", "32 s"]
    assert page.locator(".moment b").text_content() == "32 s"
    assert page.locator(".event").text_content() == "nightly: Running → Completed, returned"


def test_scrubbing_shows_how_things_stood(outages: Path, look: Look) -> None:
    """States, attempts and times of that moment; what has not begun is said to be not there yet."""
    page = look(outages)
    drag_to(page, 5 / 32)
    assert shown(page, "fetch-a") == ["…AwaitingRetry", "1", "0 s", "5 s"]
    assert shown(page, "fetch-b") == ["✓Completed", "1", "0 s", "2 s"]
    assert shown(page, "nightly") == ["●Running", "1", "0 s", "5 s"]
    assert shown(page, "count-page of a") == ["·not there yet", "0", "–", "–"]
    assert "2026-01-01 00:00:05" in page.locator(".moment").text_content()
    drag_to(page, 31 / 32)
    assert shown(page, "fetch-a") == ["●Retrying", "3", "0 s", "31 s"]
    drag_to(page, 2)
    assert shown(page, "fetch-a") == ["✓Completed", "3", "0 s", "32 s"]


def test_an_attempt_that_goes_on_is_not_drawn_as_one_that_failed(tmp_path: Path, look: Look) -> None:
    """At that moment nobody knew."""

    @task(name="bad", retries=1)
    def bad() -> None:
        time.sleep(4)
        raise LookupError

    with simulate() as simulation:
        bad(return_state=True)
        path = write(tmp_path / "trace.html", simulation)
    page = look(path)
    hatched = page.locator(".run .attempt.failing:not(.going)")
    assert hatched.count() == 2
    drag_to(page, 6 / 8)
    settle(page)
    assert hatched.count() == 1


def test_arrow_keys_go_from_event_to_event(outages: Path, look: Look) -> None:
    """One by one through what happened at the same moment, too, wherever the focus is."""
    page = look(outages)
    page.locator(".axis").focus()
    page.keyboard.press("Home")
    assert shown(page, "nightly") == ["○Pending", "0", "–", "–"]
    page.keyboard.press("ArrowRight")
    assert shown(page, "nightly") == ["●Running", "1", "0 s", "0 s"]
    assert page.locator(".axis").get_attribute("aria-valuetext") == "0 s: nightly: Pending → Running, started"
    page.locator(".run summary").first.focus()
    page.keyboard.press("ArrowRight")
    assert shown(page, "fetch-a")[0] == "○Pending"
    page.keyboard.press("ArrowLeft")
    assert shown(page, "fetch-a")[0] == "·not there yet"
    page.get_by_label("To the end").click()
    page.get_by_label("One event back").click()
    assert shown(page, "nightly")[0] == "●Running"


def test_the_inside_of_a_run_is_that_of_the_moment(outages: Path, look: Look) -> None:
    """Tab leads there, Enter opens it; what came later is hidden."""
    page = look(outages)
    page.locator("input").focus()
    for _ in range(4):  # what happened, the axis, the row of the flow, that of its first task
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    inside = row(page, "fetch-a").locator(".body")
    assert inside.locator("dd pre").first.text_content() == "'a'"
    assert "'page of a'" in inside.inner_text()
    assert inside.locator(".states tr").count() == 8
    drag_to(page, 5 / 32)
    settle(page)
    said = inside.inner_text()
    assert inside.locator(".states tr:visible").count() == 4
    assert "raised ConnectionError('down'); retry 1 of 2 in 10 s" in said
    assert "ConnectionError: down" in said
    assert "attempt 1" in said
    assert "attempt 2" not in said
    assert "none yet" in said
    assert "'page of a'" not in said
    assert "asking a" not in said
    assert "let fail: raises ConnectionError('down')" in said


def test_a_link_leads_to_the_run_that_values_came_from(outages: Path, look: Look) -> None:
    """And opens it."""
    page = look(outages)
    row(page, "count-page of a").locator("summary").click()
    row(page, "count-page of a").get_by_role("link", name="fetch-a").click()
    assert row(page, "fetch-a").get_attribute("open") is not None
    page.locator(".event a").click()
    assert row(page, "nightly").get_attribute("open") is not None


def test_arrows_tell_what_depends_on_what(outages: Path, look: Look) -> None:
    """From when it began; they follow rows that move, and there is none where one of the two is not seen."""
    page = look(outages)
    to = row(page, "count-page of b").get_attribute("id").removeprefix("run-0-")
    arrow = page.locator(f".arrows g[data-to='{to}']")
    assert page.locator(".arrows g").count() == 2
    row(page, "fetch-b").locator("summary").hover()
    assert arrow.get_attribute("class") == "on"
    drag_to(page, 1 / 32)
    settle(page)
    assert arrow.evaluate("one => getComputedStyle(one).visibility") == "hidden"
    drag_to(page, 2)
    settle(page)
    assert arrow.evaluate("one => getComputedStyle(one).visibility") == "visible"
    ends_in_its_row = """to => {
      const boxOf = (one) => document.querySelector(one).getBoundingClientRect();
      const [row, arrows] = [boxOf(`#run-0-${to} > summary`), boxOf(".laid")];
      const y = Number(document.querySelector(`.arrows g[data-to='${to}'] use`).getAttribute("y"));
      return Math.abs(row.top + row.height / 2 - arrows.top - y) < 2;
    }"""
    page.wait_for_function(ends_in_its_row, arg=to)
    before = arrow.locator("use").get_attribute("y")
    row(page, "fetch-a").locator("summary").click()
    page.locator(".body").wait_for()
    page.wait_for_function(ends_in_its_row, arg=to)
    assert arrow.locator("use").get_attribute("y") != before
    page.get_by_role("searchbox").fill("fetch")
    assert not arrow.is_visible()


def test_the_command_and_the_program_can_be_copied(outages: Path, look: Look) -> None:
    """Whether the browser lets pages from files use its clipboard or not."""
    for permissions in (["clipboard-read", "clipboard-write"], []):
        page = look(outages, permissions=permissions)
        page.get_by_label("Copy the command").click()
        page.get_by_text("Copied").wait_for()
        page.context.grant_permissions(["clipboard-read"])
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == "pytest test_it.py::test_outages --headrace-seed=0"
    page.get_by_text("The program that repeats it").click()
    page.get_by_label("Copy the program").click()
    page.get_by_label("Copy the program").filter(has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("from headrace.testing import simulate")


def test_runs_can_be_filtered(outages: Path, look: Look) -> None:
    """By name, and by the state that they are in at the moment."""
    page = look(outages)
    page.locator("input").fill("FETCH")
    assert page.locator(".run:visible .name b").all_text_contents() == ["fetch-a", "fetch-b"]
    drag_to(page, 5 / 32)
    settle(page)
    page.locator("input").fill("awaiting")
    assert page.locator(".run:visible .name b").all_text_contents() == ["fetch-a"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_system_is(scheme: str, outages: Path, look: Look) -> None:
    """Its own background, and the colours that go with it."""
    page = look(outages, color_scheme=scheme)
    colours = page.evaluate(
        "[document.body, document.querySelector('.state')].map((one) => getComputedStyle(one))"
        ".map((style) => [style.backgroundColor, style.color])"
    )
    light, dark = ("rgb(255, 255, 255)", "rgb(26, 112, 53)"), ("rgb(13, 17, 23)", "rgb(87, 200, 120)")
    assert (colours[0][0], colours[1][1]) == (light if scheme == "light" else dark)


def test_it_fits_a_narrow_screen(outages: Path, look: Look) -> None:
    """Nothing has to be scrolled to the side, with every row open."""
    page = look(outages, width=400)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    assert row(page, "fetch-a").locator("summary .bar").bounding_box()["width"] > 300


def test_without_javascript_everything_can_be_read(outages: Path, look: Look) -> None:
    """How all ended: runs unfold, and controls that would do nothing are not there."""
    page = look(outages, java_script_enabled=False)
    assert not page.get_by_label("To the end").is_visible()
    row(page, "fetch-a").locator("summary").click()
    said = row(page, "fetch-a").inner_text()
    assert "'page of a'" in said
    assert "none yet" not in said
    assert "asking a" in said
    page.get_by_text("Log of all runs").click()
    page.locator(".table[open] td").get_by_text("Finished in state Completed()").first.wait_for()


def test_several_worlds_are_shown_one_at_a_time(tmp_path: Path, look: Look) -> None:
    """The first at first; links and keys are those of the one that is shown."""
    with simulate() as one:
        count("a")
        with simulate(seed=2) as other:
            fetch("b")
            path = write(tmp_path / "trace.html", one, other)
    page = look(path)
    assert page.locator(".run:visible .name b").all_text_contents() == ["count-a"]
    page.get_by_role("button", name="seed 2").click()
    assert page.locator(".run:visible .name b").all_text_contents() == ["fetch-b"]
    page.keyboard.press("ArrowLeft")
    assert shown(page, "fetch-b")[0] == "●Running"


def test_what_users_named_and_said_is_inert(tmp_path: Path, look: Look) -> None:
    """In names, tags, parameters, results, logs, errors and faults: it is text, and nothing else."""

    @task(name="evil", task_run_name="{text}")
    def evil(text: str) -> str:
        get_run_logger().info(text)
        if "raise" in text:
            raise LookupError(text)
        return text

    with simulate(seed=1) as simulation:
        simulation.fail(evil, ConnectionError(EVIL), run="fail*")
        with tags(EVIL):
            evil(EVIL)
            for text in (f"raise {EVIL}", f"fail {EVIL}"):
                evil(text, return_state=True)
        scene = scene_of(simulation)
    path = tmp_path / "trace.html"
    text = page_of(test=f"{EVIL}::{EVIL}", outcome="failed", error=EVIL, command=EVIL, scenes=[(scene, EVIL)])
    path.write_text(text, encoding="utf-8")
    for scripted in (True, False):
        page = look(path, java_script_enabled=scripted)
        for summary in page.locator("summary").all():
            summary.click()
        page.keyboard.press("ArrowLeft")
        if scripted:
            settle(page)
            assert page.evaluate("window.hacked") is None
        assert page.locator("script").count() == 2
        assert page.locator("img").count() == 0
        assert page.locator(".run .name b").first.text_content() == EVIL
        assert EVIL in page.locator(".run .body").first.inner_text()
        assert page.locator(".error").text_content() == EVIL


def test_durations_are_written_as_everywhere_else(outages: Path, look: Look) -> None:
    """The script writes them as the timeline in the terminal does."""
    some = [0, 1e-6, 2e-5, 0.0123, 0.5, 0.99949, 0.9995, 1, 12.34, 59.94, 59.95, 60, 90.5, 91.5, 3599.6, 7260, 90000.0]
    page = look(outages)
    assert page.evaluate("(some) => some.map(secondsText)", some) == [seconds_text(seconds) for seconds in some]


def test_thousands_of_runs_open_scroll_and_scrub(tmp_path: Path, look: Look) -> None:
    """Only what is in sight is kept up to date, and insides come into being when they are opened."""
    with simulate() as simulation:
        for n in range(4_000):
            count(str(n))
        path = write(tmp_path / "trace.html", simulation)
    page = look(path)
    assert page.evaluate("document.querySelectorAll('details.run').length") == 4_000
    assert page.locator(".body").count() == 0
    page.evaluate("document.getElementById('run-0-3999').scrollIntoView()")
    last = page.locator("#run-0-3999")
    assert cells(page, last) == ["✓Completed", "1", "0 s", "0 s"]
    drag_to(page, 0.5)
    assert cells(page, last) == ["·not there yet", "0", "–", "–"]
    last.locator("summary").click()
    assert page.locator(".body").count() == 1
    page.locator("input").fill("count-2000")
    assert cells(page, page.locator("#run-0-2000"))[0] == "✓Completed"
    assert page.evaluate("document.querySelectorAll('.run:not([hidden])').length") == 1
