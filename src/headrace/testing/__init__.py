"""Testing flows: the runs of a test, and assertions about them. Needs no pytest; `pytest_headrace` builds on it."""

from headrace.testing.assertions import (
    assert_completed,
    assert_failed,
    assert_retries,
    assert_run_name,
    assert_states,
)
from headrace.testing.runs import Runs, recorded_runs
from headrace.testing.views import RunView

__all__ = [
    "RunView",
    "Runs",
    "assert_completed",
    "assert_failed",
    "assert_retries",
    "assert_run_name",
    "assert_states",
    "recorded_runs",
]
