"""The pages of the server, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace import flow, get_run_logger, tags, task

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


def fits(page: Any) -> bool:
    """Say whether nothing has to be scrolled to the side."""
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return bool(width <= page.viewport_size["width"])


def test_every_page_of_an_empty_store_fits_a_narrow_screen(served: str, look: Look) -> None:
    """And says what to do."""
    page = look(f"{served}/runs", width=400)
    page.get_by_text("Nothing has been recorded yet").wait_for()
    assert fits(page)


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


def test_the_list_of_runs_fits_a_narrow_screen(served: str, some: None, look: Look) -> None:
    """Whatever runs are called."""
    for kind in ("flow", "task"):
        assert fits(look(f"{served}/runs?kind={kind}", width=400))


def test_the_list_of_runs_works_without_javascript(served: str, some: None, look: Look) -> None:
    """Filters too."""
    page = look(f"{served}/runs", java_script_enabled=False)
    page.get_by_role("searchbox", name="Name").fill("lost")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/runs?*name=lost*")
    assert page.locator(".card .names a").all_text_contents() == ["survey-lost"]
