"""A real browser, for tests that look at pages as somebody would."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn

from headrace.drive.world import current_world
from headrace.server.app import create_app
from headrace.server.serving import listening, url_of

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


def _is_of(url: str, place: Path | str) -> bool:
    if isinstance(place, Path):
        return url == place.as_uri()
    return urlsplit(url).netloc == urlsplit(place).netloc


@pytest.fixture
def served() -> Iterator[str]:
    """The address of a server of the test's own store."""
    listener = listening("127.0.0.1", 0)
    config = uvicorn.Config(create_app(current_world()), log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    yield url_of(listener)
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Any]]:
    """Return what opens a file, or an address, in a window of its own.

    What goes wrong in it fails the test, and so does a request for anything but the file, or another than the server.
    """
    wrong: list[str] = []
    contexts = []

    def opened(place: Path | str, *, width: int = 1440, **options: Any) -> Any:
        address = place.as_uri() if isinstance(place, Path) else place
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: wrong.append(f"console: {said.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("request", lambda asked: None if _is_of(asked.url, place) else wrong.append(f"request: {asked.url}"))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []
