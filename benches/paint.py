"""The first paint of the dashboard, from a warm server: what somebody waits for who opens it.

Beside the browser's own figure, where there is a Chromium, how long the server takes for the page alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.ui.many import FLOW_RUNS, TASK_RUNS, fill

from benches.measure import Contestant, Table, clock, interleaved
from benches.servers import serving
from benches.worlds import folder

#: In milliseconds.
GOAL = 200.0
_ALONE, _PAINTED = "the page alone", "first paint in Chromium"


def measure(*, quick: bool = False) -> list[Table]:
    """Measure with few runs and with a hundred thousand."""
    rounds = 5 if quick else 20
    with _browser() as browser:
        return [_table(few, rounds, browser) for few in (True, False)]


def _table(few: bool, rounds: int, browser: Any) -> Table:
    with folder() as place:
        path = Path(place) / "headrace.db"
        fill(path, datetime.now(UTC), *((10, 40) if few else (FLOW_RUNS, TASK_RUNS)))
        with serving(path.parent, f"sqlite:///{path}", ui=True) as api:
            address = api.removesuffix("/api")
            contestants = {_ALONE: _asking(f"{address}/")}
            if browser is not None:
                contestants[_PAINTED] = _painting(browser, f"{address}/")
            for contestant in contestants.values():
                contestant()  # warm
            measured = interleaved(contestants, rounds)
    table = Table("paint", f"the dashboard, of {50 if few else FLOW_RUNS + TASK_RUNS:,} runs", "ms", _ALONE)
    table.fill(measured, {_ALONE: (GOAL, None), _PAINTED: (GOAL, None)})
    if browser is None:
        table.notes.append("first paint was not measured: there is no Chromium, or no Playwright.")
    return table


def _asking(url: str) -> Contestant:
    def ask() -> float:
        start = clock()
        with urlopen(url) as answer:
            answer.read()
        return (clock() - start) * 1e3

    return ask


def _painting(browser: Any, url: str) -> Contestant:
    def paint() -> float:
        page = browser.new_page()
        page.goto(url)
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
        at: float = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        page.close()
        return at

    return paint


@contextmanager
def _browser() -> Iterator[Any]:
    found = os.environ.get("HEADRACE_TEST_CHROMIUM") or shutil.which("chromium")
    start: Callable[[], Any] | None = None
    try:
        from playwright.sync_api import sync_playwright as start
    except ImportError:
        found = None
    if found is None or start is None:
        yield None
        return
    with start() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
