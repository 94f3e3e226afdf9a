"""State-transition coverage of a test session: measured where tests run, added up and told in one place.

Registered only where it was asked for. Under xdist the workers measure, and send the controller what they found.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .options import (
    COVERAGE,
    COVERAGE_FAIL_UNDER,
    COVERAGE_HTML,
    COVERAGE_JSON,
    COVERAGE_SOURCE,
    is_flagged,
    value_of,
)
from .worlds import Worlds

if TYPE_CHECKING:
    from headrace.testing.coverage.collecting import Collector
    from headrace.testing.coverage.findings import Findings

#: What a worker sends its findings under.
_SENT = "headrace_coverage"


def covers(config: pytest.Config) -> bool:
    """Say whether coverage is to be measured: asked for, or implied by a flag that makes no sense without."""
    if config.getoption("collectonly", False):
        return False
    implied = any(is_flagged(config, one) for one in (COVERAGE_FAIL_UNDER, COVERAGE_JSON, COVERAGE_HTML))
    return value_of(config, COVERAGE) or (implied and not is_flagged(config, COVERAGE))


class Covering:
    """The part of the plugin that measures coverage."""

    def __init__(self, config: pytest.Config, worlds: Worlds) -> None:
        self._config = config
        self._worlds = worlds
        self._collectors: list[Collector] = []
        self._stack = ExitStack()
        self._sent: list[str] = []
        self._lost: list[str] = []
        self._findings: Findings | None = None
        config.add_cleanup(self._stack.close)
        worlds.tell(self._begin)

    def _begin(self) -> None:
        from headrace.testing.coverage.collecting import Collector  # headrace has just been imported by somebody else

        # Without an ini file pytest takes the folder of the tests for its root, and the code may lie beside it.
        roots = (self._config.rootpath, self._config.invocation_params.dir)
        collector = Collector(roots, value_of(self._config, COVERAGE_SOURCE))
        self._collectors.append(self._stack.enter_context(collector))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Add up; a worker sends that, everybody else writes reports and says whether it is enough."""
        findings = self._found()
        output: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_SENT] = findings.to_json()
            return
        self._findings = findings
        self._write()
        if self._is_too_little() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _found(self) -> Findings:
        from headrace.testing.coverage.findings import Findings  # only now: a session may never have used headrace

        findings = Findings()
        for world in self._worlds.open_worlds():
            self._collectors[-1].look(world)
        for collector in self._collectors:
            findings.add(collector.findings())
        for text in self._sent:
            findings.add(Findings.from_json(text))
        self._stack.close()
        return findings

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take what a worker of xdist has found; one that crashed sends nothing."""
        sent = getattr(node, "workeroutput", {}).get(_SENT)
        if sent is not None:
            self._sent.append(sent)
        else:
            self._lost.append(node.gateway.id)

    def _write(self) -> None:
        from headrace.testing.coverage.page import page  # as above

        assert self._findings is not None, "written at the end"
        reports = ((COVERAGE_JSON, self._findings.to_json), (COVERAGE_HTML, lambda: page(self._findings)))
        for option, text in reports:
            path: Path | None = value_of(self._config, option)
            if path is not None:
                path = self._config.invocation_params.dir / path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text(), encoding="utf-8")

    def _is_too_little(self) -> bool:
        wanted: float | None = value_of(self._config, COVERAGE_FAIL_UNDER)
        if wanted is None or self._findings is None:
            return False
        return not self._findings.reaches(wanted)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table."""
        from headrace.testing.coverage.table import table  # as above

        if self._findings is None:
            return
        terminalreporter.section("headrace: state-transition coverage")
        for line in [*table(self._findings), *self._notes()]:
            terminalreporter.write_line(line)
        wanted = value_of(self._config, COVERAGE_FAIL_UNDER)
        if wanted is not None:
            failed = self._is_too_little()
            said = f"Required state-transition coverage of {wanted:g}% {'not ' * failed}reached: "
            line = f"{'FAIL ' * failed}{said}{self._findings.percent:g}%"
            terminalreporter.write_line(line, red=failed, green=not failed, bold=failed)

    def _notes(self) -> list[str]:
        lost = [f"Worker {name} crashed: what its tests reached is not counted." for name in self._lost]
        unread = sum(collector.unread for collector in self._collectors)
        if unread:
            which, where = ("1 store", "it") if unread == 1 else (f"{unread} stores", "them")
            lost.append(f"{which} could not be read at the end of a test: what was in {where} is not counted.")
        written = ((COVERAGE_JSON, "JSON"), (COVERAGE_HTML, "HTML"))
        paths = [(kind, value_of(self._config, option)) for option, kind in written]
        return lost + [f"{kind} report: {path}" for kind, path in paths if path is not None]
