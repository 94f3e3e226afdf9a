"""Tests that want a process of their own."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Callable

_INSIDE = "TEST_IS_IN_FRESH_PROCESS"  # the plugin takes what begins with HEADRACE_ away


def in_fresh_process(test: Callable[[], None]) -> Callable[[], None]:
    """Run a test by itself, in a pytest of its own.

    Hypothesis' `find` has stood still for minutes, at full speed, in processes that had run thousands of tests, and
    never in a new one. Why is not known: docs/violations.md.
    """

    @functools.wraps(test)
    def alone() -> None:
        if _INSIDE in os.environ:
            test()
            return
        node = f"{test.__code__.co_filename}::{test.__name__}"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", node]
        ended = subprocess.run(
            command, env={**os.environ, _INSIDE: "1"}, capture_output=True, text=True, check=False, timeout=110
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "1 passed" in ended.stdout

    return alone
