"""Traces: an HTML file for each test that ran flows, or for each of these that failed.

Imported only where they were asked for. Under xdist the workers write them, and the controller tells of them: their
paths travel with the reports, among the properties of the tests.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import replaying
from .markers import marked
from .options import TRACE, TRACE_DIR, value_of
from .scenes import Shown, all_scenes, scenes_of_failure
from .scopes import SCOPE
from .worlds import Worlds

if TYPE_CHECKING:
    from headrace.testing.tracing.results import Results

#: Under which name a test's properties hold the path of its trace.
PROPERTY = "headrace_trace"
#: Under which name they hold why there is none, though one was asked for.
UNWRITTEN = "headrace_trace_unwritten"
#: How many paths the summary lists at most.
_MOST_LISTED = 20
_LONGEST_NAME = 100
_LONGEST_ERROR = 4_000


class Tracing:
    """The part of the plugin that writes traces, and says where they are."""

    def __init__(self, config: pytest.Config, worlds: Worlds) -> None:
        self._config = config
        self._results: Results | None = None
        worlds.tell(self._begin)
        self._base = config.invocation_params.dir
        self._folder = self._base / value_of(config, TRACE_DIR)
        self._traces: dict[str, str] = {}
        self._unwritten: dict[str, str] = {}
        self._failed: set[str] = set()

    def _begin(self) -> None:
        from headrace.testing.tracing.results import Results  # headrace has just been imported by somebody else

        self._results = Results()
        self._config.add_cleanup(self._results.watch())

    def traced(self, report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> str | None:
        """Write the trace of a test where one is wanted of this phase; return its path, for people."""
        try:
            return self._traced(report, item, call)
        finally:
            if report.when == "teardown" and self._results is not None:
                self._results.forget()

    def _traced(self, report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> str | None:
        path = self._folder / file_name(item.nodeid, getattr(item, "execution_count", 1))
        if report.when == "setup":
            _forget(path)
        if not report.failed and (report.when != "call" or value_of(self._config, TRACE) != "on"):
            return None
        shown = [one for one in _scenes(report, item, call) if one.scene.trouble or one.scene.has_runs]
        if not shown:
            return None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            page = self._page(report, item, call, shown)
            path.write_text(page, encoding="utf-8", errors="backslashreplace")  # what is no character can't be written
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the test session; it is told
            _note(item, report, UNWRITTEN, f"{type(error).__name__}: {error}")
            return None
        return self._announced(path, report, item)

    def _page(
        self, report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None], shown: Sequence[Shown]
    ) -> str:
        from headrace.testing.tracing.acts import page_of  # the test has used headrace

        error = call.excinfo.exconly() if call.excinfo is not None else ""
        return page_of(
            test=item.nodeid,
            outcome="xfailed" if report.skipped and hasattr(report, "wasxfail") else report.outcome,
            error=error if len(error) <= _LONGEST_ERROR else f"{error[:_LONGEST_ERROR]}…",
            command=replaying.command(item),
            scenes=shown,
            results=self._results,
        )

    def _announced(self, path: Path, report: pytest.TestReport, item: pytest.Item) -> str:
        """Say where a trace is, in what JUnit's files and pytest-html read."""
        said = self._said(path)
        _note(item, report, PROPERTY, said)
        self._link(path, report)
        return said

    def _link(self, path: Path, report: Any) -> None:
        """Let the page of pytest-html, where one is written, lead to a trace: from the folder that it will be in."""
        html, page = self._config.pluginmanager.getplugin("html"), self._config.getoption("htmlpath", None)
        if html is not None and page:
            link = os.path.relpath(path, (self._base / page).parent).replace(os.sep, "/")
            report.extras = [*getattr(report, "extras", []), html.extras.url(link, name="headrace trace")]

    def _said(self, path: Path) -> str:
        inside = path.is_relative_to(self._base)
        return (path.relative_to(self._base) if inside else path).as_posix()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Hear of traces, from this process or from workers."""
        if report.outcome not in ("passed", "skipped"):  # failed, or, with pytest-rerunfailures, to be run again
            self._failed.add(report.nodeid)
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._traces[str(value)] = report.nodeid
            elif name == UNWRITTEN:
                self._unwritten[report.nodeid] = str(value)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the traces are: those of failed tests one by one."""
        if not self._traces and not self._unwritten:
            return
        terminalreporter.section("headrace: traces")
        for line in self._lines():
            terminalreporter.write_line(line)

    def _lines(self) -> Iterator[str]:
        failed = [(nodeid, path) for path, nodeid in self._traces.items() if nodeid in self._failed]
        for nodeid, path in failed[:_MOST_LISTED]:
            yield f"{nodeid}: {path}"
        for nodeid, why in islice(self._unwritten.items(), _MOST_LISTED):
            yield f"{nodeid}: its trace could not be written: {why}"
        if len(self._traces) > min(len(failed), _MOST_LISTED):
            yield f"{_counted(len(self._traces))} in {self._said(self._folder)}"


def _note(item: pytest.Item, report: pytest.TestReport, name: str, value: str) -> None:
    """Write a property of a test down, for this report and those that follow; once."""
    for properties in (item.user_properties, report.user_properties):
        if (name, value) not in properties:
            properties.append((name, value))


def file_name(nodeid: str, attempt: int = 1) -> str:
    """Return the name of the file for a test: safe on any file system, and no other test's."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", nodeid).strip("-.")[-_LONGEST_NAME:].strip("-.")
    once_more = f".attempt-{attempt}" if attempt > 1 else ""
    return f"{plain}-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}{once_more}.html"


def _forget(path: Path) -> None:
    """Remove what an earlier session has left of a test, at its first attempt of its later ones too."""
    later = [] if ".attempt-" in path.name else path.parent.glob(f"{path.stem}.attempt-*.html")
    with suppress(OSError):  # where nothing can be removed nothing can be written, and that is told
        for one in (path, *later):
            one.unlink(missing_ok=True)


def _scenes(report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> list[Shown]:
    """Return the scenes to show: of a failed test first those that its report shows."""
    if not report.failed:
        return all_scenes(item, call)
    first = scenes_of_failure(item, call)
    if marked(item, "explore") is not None:
        return first  # the others are schedules that it passed under
    seen = {id(one.scene) for one in first}
    return [*first, *(Shown(scene, scene.program()) for scene in item.stash[SCOPE].ended if id(scene) not in seen)]


def _counted(count: int) -> str:
    return "1 trace is" if count == 1 else f"{count} traces are"
