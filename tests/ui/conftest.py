"""A real browser, for tests that look at pages as somebody would."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

#: No network beyond what the page asks for, and no sandbox: tests may run as root, in a container.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """Return where a Chromium is. Skips the test where there is none, or fails it in CI, where it must run."""
    found = os.environ.get("HEADRACE_TEST_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        lacking = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        lacking("there is no Chromium to look at pages with: apt-get install chromium, or see CONTRIBUTING.md")
    return found


# For a module only: while Playwright runs, its event loop is that of the thread, and async tests can't be run.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for the tests of a module."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return what opens a file in a window of its own; what goes wrong in it, or leaves it, fails the test."""
    wrong: list[str] = []
    contexts = []

    def opened(path: Path, *, width: int = 1440, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: wrong.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda asked: wrong.append(f"request: {asked.url}") if asked.url != path.as_uri() else None)
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
