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

from headrace.drive.world import World, current_world
from headrace.server.app import create_app
from headrace.server.serving import listening, url_of
from headrace.store.memory import MemoryStore

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


# Not for the session: while Playwright runs, its event loop is that of the thread, and async tests can't be run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """One browser for the tests of this folder."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield launched
        launched.close()


class Windows:
    """Windows of one browser. Who is done with one gives it back, for the next test: a new one takes half a second."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: dict[str, Any] = {}
        self._free: dict[str, list[Any]] = {}

    def take(self, **options: Any) -> Any:
        """Return an empty window with these options; those with the same share what browsers keep: nothing, here."""
        key = repr(options)
        if key not in self._contexts:
            self._contexts[key] = self._browser.new_context(**options)
        free = self._free.setdefault(key, [])
        return free.pop() if free else self._contexts[key].new_page()

    def give_back(self, page: Any, **options: Any) -> None:
        """Leave what was looked at."""
        page.goto("about:blank")
        page.emulate_media(color_scheme="null")
        self._free[repr(options)].append(page)


@pytest.fixture(scope="package")
def windows(browser: Any) -> Windows:
    """The windows of all tests."""
    return Windows(browser)


def _is_of(url: str, place: Path | str) -> bool:
    if isinstance(place, Path):
        return url == place.as_uri()
    return urlsplit(url).netloc == urlsplit(place).netloc


@pytest.fixture(scope="package")
def serve() -> Iterator[Callable[[World], str]]:
    """Return what lets one server serve the store of a world from now on, and tells its address."""
    listener = listening("127.0.0.1", 0)
    app = create_app(World(MemoryStore()))
    config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()

    def serves(world: World) -> str:
        app.state.world = world
        return url_of(listener)

    yield serves
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def served(serve: Callable[[World], str]) -> str:
    """The address of a server of the test's own store."""
    return serve(current_world())


@pytest.fixture
def look(windows: Windows) -> Iterator[Callable[..., Any]]:
    """Return what opens a file, or an address, in a window of its own.

    What goes wrong in it fails the test, and so does a request for anything but the file, or another than the server.
    """
    wrong: list[str] = []
    taken: list[tuple[Any, dict[str, Any], dict[str, Callable[[Any], None]]]] = []

    def opened(place: Path | str, *, width: int = 1440, **options: Any) -> Any:
        address = place.as_uri() if isinstance(place, Path) else place
        page = windows.take(**options)
        heard: dict[str, Callable[[Any], None]] = {
            "console": lambda said: wrong.append(f"console: {said.text}"),
            "pageerror": lambda error: wrong.append(f"error: {error}"),
            "request": lambda asked: None if _is_of(asked.url, place) else wrong.append(f"request: {asked.url}"),
        }
        taken.append((page, options, heard))
        page.set_viewport_size({"width": width, "height": 900})
        page.set_default_timeout(10_000)
        for event, hear in heard.items():
            page.on(event, hear)
        page.goto(address)
        return page

    yield opened
    for page, options, heard in taken:
        for event, hear in heard.items():
            page.remove_listener(event, hear)
        windows.give_back(page, **options)
    assert wrong == []
