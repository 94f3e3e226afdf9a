"""What the report of a failed test says about its runs."""

from __future__ import annotations

import sys

import pytest

from .worlds import Scope


def add_runs(report: pytest.TestReport, scope: Scope) -> None:
    """Add the timelines of a test's runs, and the seed to repeat it with, where there are any."""
    lines = [*_simulated(), *_recorded(scope)]
    if lines:
        said = f"seed {scope.seed}: repeat with --headrace-seed={scope.seed}"
        report.sections.append(("headrace", "\n".join([said, *lines])))


def _recorded(scope: Scope) -> list[str]:
    if scope.world is None or not scope.world.has_open_store:
        return []
    from headrace.testing.timelines import drawn

    return list(drawn(scope.world))


def _simulated() -> list[str]:
    """Return the timelines of simulations that are still open: those of fixtures."""
    simulating = sys.modules.get("headrace.testing.simulation")
    return simulating.drawn_open() if simulating is not None else []
