"""The pages of the server, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace import flow, get_run_logger, tags, task
from headrace.core.records import FlowRun, LogRecord, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import current_world
from headrace.store.protocol import RunFilter
from tests.server.conftest import begun

Look = Callable[..., Any]

LONG = "a-name-that-is-longer-than-a-narrow-screen-is-wide-" * 3


@task(retries=1, task_run_name="fetch-{city}")
def fetch(city: str) -> int:
    get_run_logger().info("asking for %s", city)
    if city == "Atlantis":
        raise LookupError(f"there is no {city}")
    return len(city)


@flow(name="Survey", flow_run_name="survey-{label}")
def survey(label: str, cities: list[str]) -> int:
    return sum(fetch.map(cities).result())


@pytest.fixture
def some() -> None:
    """A run that completed, one that failed, one of a long name."""
    survey("north", ["Oslo", "Turku"])
    survey("lost", ["Rome", "Atlantis"], return_state=True)
    with tags(LONG):
        survey(LONG, [LONG])


def test_runs_are_filtered_by_a_form_and_by_their_state(served: str, some: None, look: Look) -> None:
    """With the keyboard alone; the address then says what is shown."""
    page = look(f"{served}/runs")
    page.get_by_role("searchbox", name="Name").fill("survey-*o*")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs?*name=survey-*")
    page.get_by_role("link", name="Failed 1").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**state=FAILED*")
    assert page.locator(".card .names a").all_text_contents() == ["survey-lost"]
    assert page.get_by_role("searchbox", name="Name").input_value() == "survey-*o*"


def test_the_list_of_runs_works_without_javascript(served: str, some: None, look: Look) -> None:
    """Filters too."""
    page = look(f"{served}/runs", java_script_enabled=False)
    page.get_by_role("searchbox", name="Name").fill("lost")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/runs?*name=lost*")
    assert page.locator(".card .names a").all_text_contents() == ["survey-lost"]


def address_of(served: str, name: str) -> str:
    """Return where the page of a flow run is."""
    (run,) = current_world().store.flow_runs(RunFilter(name=name))
    return f"{served}/runs/flow-run/{run.id}"


def begun_within(around: FlowRun) -> None:
    """Record a subflow run that is running, and a task run in it."""
    world = current_world()
    now, new_id = world.clock.now(), world.new_id
    inner = FlowRun(id=new_id(), name="inner", created=now, flow_name="Inner", flow_id=new_id())
    inner.parent_flow_run_id = around.id
    stands = TaskRun(id=new_id(), name="inner", created=now, task_name="inner", task_key="inner")
    stands.flow_run_id, stands.child_flow_run_id = around.id, inner.id
    within = TaskRun(id=new_id(), name="within", created=now, task_name="within", task_key="within")
    within.flow_run_id = inner.id
    for run in (inner, stands, within):
        world.store.create(run, [run.enter(State(type_), now) for type_ in (StateType.PENDING, StateType.RUNNING)])


def zoom(page: Any) -> float:
    """Return how many times the timeline is as wide as what is seen of it."""
    return float(page.evaluate("document.querySelector('.chart').style.getPropertyValue('--zoom')"))


def look_again(page: Any) -> None:
    """Let two seconds be over."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_page_of_a_run_that_goes_on_changes_by_itself(served: str, look: Look) -> None:
    """With what was folded or zoomed as it was, the focus where it was, and the icon in the colour of the state."""
    run, store = begun(), current_world().store
    begun_within(run)
    page = look(f"{served}/runs/flow-run/{run.id}")
    assert "Running" in page.locator(".summary").inner_text()
    page.get_by_role("button", name="Zoom in").click()
    page.locator(".run summary").first.click()
    store.propose("flow", run.id, State(StateType.COMPLETED, message="All is well."))
    look_again(page)
    page.get_by_text("All is well.").first.wait_for()
    assert page.locator("details.run").first.get_attribute("open") is None
    assert page.evaluate("document.activeElement.matches('.run summary')")
    assert zoom(page) == 2
    assert "icon-COMPLETED" in page.locator("link[rel=icon]").get_attribute("href")


def test_a_run_that_is_deleted_elsewhere_goes_from_the_list(served: str, look: Look) -> None:
    """Though nothing runs, and nobody looks again."""
    gone = begun("gone", StateType.PENDING, StateType.COMPLETED)
    page = look(f"{served}/runs")
    page.get_by_role("link", name="gone").first.wait_for()
    begun("stays", StateType.PENDING, StateType.COMPLETED)
    page.get_by_role("link", name="stays").first.wait_for()  # what the feed began with is over
    current_world().store.delete("flow", gone.id)
    page.get_by_role("link", name="gone").first.wait_for(state="detached")
    assert page.get_by_role("link", name="stays").first.is_visible()


def test_who_fills_in_a_form_does_not_lose_it(served: str, look: Look) -> None:
    """What is new is shown when the form is left."""
    run, store = begun(), current_world().store
    page = look(f"{served}/runs/flow-run/{run.id}")
    page.get_by_label("Level").focus()
    store.propose("flow", run.id, State(StateType.COMPLETED, message="All is well."))
    with page.expect_response("**format=live*"):
        look_again(page)
    page.get_by_label("Level").select_option("error")
    assert "Running" in page.locator(".summary").inner_text()
    page.get_by_label("Level").blur()
    look_again(page)
    page.get_by_text("All is well.").first.wait_for()


def test_why_a_run_failed_is_found_with_the_keyboard(served: str, some: None, look: Look) -> None:
    """From the list to the run, from there to the task run, and to what it was given."""
    page = look(f"{served}/runs?state=FAILED")
    for name in ("survey-lost", "fetch-Atlantis"):
        page.get_by_role("link", name=name).first.focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=name).wait_for()
    said = page.locator("main").inner_text()
    assert "LookupError: there is no Atlantis" in said
    assert '"Atlantis"' in said
    assert "attempt 2" in said


def test_a_run_is_cancelled_and_deleted_from_its_page(served: str, look: Look) -> None:
    """By forms, without JavaScript too."""
    run = begun()
    page = look(f"{served}/runs/flow-run/{run.id}", java_script_enabled=False)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Record as cancelled").click()
    page.get_by_text("Cancelled in the browser.").first.wait_for()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Nothing has been recorded yet").wait_for()


def test_the_dashboard_leads_to_what_failed(served: str, some: None, look: Look) -> None:
    """By its bar, and by its group."""
    page = look(served)
    page.locator(".over-time rect.of-FAILED").click()
    page.get_by_role("heading", name="survey-lost").wait_for()
    page.go_back()
    page.locator(".group").get_by_role("link", name="survey-lost").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="survey-lost").wait_for()


@task(task_run_name="double-{x}")
def double(x: int) -> int:
    return 2 * x


@flow(flow_run_name="inner")
def inner(x: Any) -> int:
    return double(x)


@flow(flow_run_name="outer")
def outer() -> None:
    first = double.submit(1)
    inner(2)
    double.submit(3, wait_for=[first]).wait()


@pytest.fixture
def timeline(served: str, look: Look) -> Any:
    """The page of a run with a dependency and a subflow."""
    outer()
    return look(address_of(served, "outer"))


def test_a_timeline_is_zoomed_and_moved(timeline: Any) -> None:
    """By buttons, by keys, and by choosing a part of the axis with the mouse; the axis tells what is seen."""
    page = timeline
    whole = page.locator(".ticks text").all_text_contents()
    page.get_by_role("button", name="Zoom in").click()
    assert zoom(page) == 2
    page.locator(".rows").focus()
    for key in ("+", "ArrowRight"):
        page.keyboard.press(key)
    assert zoom(page) == 4
    page.get_by_role("button", name="All").click()
    assert (zoom(page), page.locator(".ticks text").all_text_contents()) == (1, whole)
    box = page.locator(".axis").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 10)
    page.mouse.up()
    assert zoom(page) == pytest.approx(2, abs=0.02)
    assert page.locator(".ticks text").all_text_contents() != whole
    svg, bar = page.locator(".bar > svg").first.bounding_box(), page.locator(".bar").first.bounding_box()
    assert svg["width"] == pytest.approx(2 * bar["width"], rel=0.02)
    assert svg["x"] == pytest.approx(bar["x"] - bar["width"] / 2, rel=0.02)


def test_arrows_follow_what_is_folded(timeline: Any) -> None:
    """And those of the run that is pointed at are made out."""
    page = timeline
    arrow = page.locator(".arrows g")
    page.locator(".line").get_by_role("link", name="double-3").hover()
    assert arrow.get_attribute("class") == "on"
    assert arrow.locator("use").get_attribute("y") == "144"
    page.locator("details.run > summary").click(position={"x": 20, "y": 10})
    page.wait_for_function("() => document.querySelector('.arrows use').getAttribute('y') === '112'")


def test_a_timeline_is_all_there_without_javascript(served: str, look: Look) -> None:
    """Its bars, its arrows until something is folded, and the way to each run; what would do nothing is not there."""
    outer()
    page = look(address_of(served, "outer"), java_script_enabled=False)
    assert not page.get_by_role("button", name="Zoom in").is_visible()
    assert page.locator(".arrows").is_visible()
    page.locator("details.run > summary").click(position={"x": 20, "y": 10})
    assert not page.locator(".arrows").is_visible()
    page.locator(".line").get_by_role("link", name="inner").click()
    page.get_by_role("heading", name="inner").wait_for()


def test_a_log_grows_as_its_run_goes_on(served: str, look: Look) -> None:
    """Who is at its end sees what is new; who has scrolled up stays there."""
    run, world = begun(), current_world()

    def say(word: str) -> None:
        now = world.clock.now()
        world.store.append_logs([LogRecord(now, 20, f"{word} {n}", "log", run.id) for n in range(150)])

    say("first")
    page = look(f"{served}/runs/flow-run/{run.id}")
    log = page.locator("#log")
    place = "log => Math.round(log.scrollHeight - log.clientHeight - log.scrollTop)"
    assert log.evaluate(place) == 0
    say("second")
    look_again(page)
    page.get_by_text("second 149").wait_for()
    assert log.evaluate(place) == 0
    log.evaluate("log => { log.scrollTop = 100 }")
    world.store.propose("flow", run.id, State(StateType.COMPLETED, message="All is well."))
    look_again(page)
    page.get_by_text("All is well.").first.wait_for()
    assert log.evaluate("log => log.scrollTop") == 100
    assert log.locator("li").last.inner_text().endswith("second 149")


def test_runs_are_selected_and_deleted(served: str, some: None, look: Look) -> None:
    """One by one without JavaScript, and all of a list with it; what is ticked stays so while the list changes."""
    page = look(f"{served}/runs", java_script_enabled=False)
    page.get_by_label("Select survey-lost").check()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("heading", name="Delete survey-lost?").wait_for()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Select survey-north").wait_for()
    assert page.get_by_label("Select survey-lost").count() == 0
    page = look(f"{served}/runs")
    page.get_by_label("All of these").check()
    begun()
    look_again(page)
    page.get_by_label("Select going").wait_for()
    assert page.locator("input[name=id]:checked").count() == 2
    assert not page.get_by_label("Select going").is_checked()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Select going").wait_for()
    assert page.locator(".card").count() == 1


def test_a_dot_leads_to_its_run(served: str, some: None, look: Look) -> None:
    """Of the plot of runs."""
    page = look(f"{served}/runs")
    page.locator(".dots a.s-FAILED circle").click()
    page.get_by_role("heading", name="survey-lost").wait_for()


def test_a_page_on_which_nothing_runs_tells_of_a_run_that_begins(served: str, some: None, look: Look) -> None:
    """By the feed of the server, without being asked for again."""
    page = look(f"{served}/runs")
    begun("new-here")
    page.get_by_role("link", name="new-here", exact=True).wait_for()
    page.get_by_role("link", name="Running 1").wait_for()
    assert page.locator("footer time").inner_text() == page.locator("#live").get_attribute("data-now")
