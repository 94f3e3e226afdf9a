"""What holds for every run is checked of its record and its history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace import flow, task
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import current_world
from headrace.testing import Runs, assert_lawful
from headrace.testing.laws import broken_laws


@task(retries=1, retry_delay_seconds=5)
def fetch() -> int:
    raise ConnectionError("down")


@flow
def ingest() -> Any:
    return fetch(return_state=True)


def test_runs_of_the_engine_are_lawful(runs: Runs, fake_clock: Any) -> None:
    """Those that wait, are tried again and fail among them."""
    ingest(return_state=True)
    for run in runs.all():
        assert_lawful(run)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("run_count", 7, "its run_count is 7, and its history gives 2"),
        ("start_time", None, "its start_time is None, and its history gives"),
        ("end_time", None, "its end_time is None"),
        ("total_run_time", timedelta(9), "its total_run_time is 9 days"),
        ("history_length", 1, "its history_length is 1, and its history gives 5"),
    ],
)
def test_a_count_that_does_not_follow_from_the_history_is_told(
    name: str, wrong: Any, said: str, runs: Runs, fake_clock: Any
) -> None:
    """Each counter for itself."""
    ingest(return_state=True)
    run = runs.task("fetch")
    record, history = run.record, current_world().store.history(run.id)
    setattr(record, name, wrong)
    (broken,) = broken_laws(record, history)
    assert broken.startswith(said)


def test_steps_that_the_table_forbids_are_told(runs: Runs, fake_clock: Any) -> None:
    """Also where the timestamps are as they should be."""
    ingest(return_state=True)
    run = runs.task("fetch")
    history = current_world().store.history(run.id)
    wrong = [*history[1:], State(StateType.RUNNING, timestamp=history[-1].timestamp)]
    broken = list(broken_laws(run.record, wrong))
    assert broken[0] == "Running() may not follow nothing"
    assert any(law.startswith("Running() may not follow Failed(") for law in broken)
    assert any("is stamped" in law for law in broken)
    assert list(broken_laws(run.record, [])) == ["it has no history"]


def test_a_broken_law_is_shown_with_the_timeline(runs: Runs, fake_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one sees what the run did."""
    monkeypatch.setattr("headrace.core.records.Run.enter", _careless(6))
    ingest(return_state=True)
    with pytest.raises(AssertionError, match="breaks what holds for every run:\n  its run_count is 6") as raised:
        assert_lawful(runs.flow())
    assert "✗ Failed" in str(raised.value)


def _careless(count: int) -> Any:
    from headrace.core.records import Run

    enter = Run.enter

    def entering(self: Run, *given: Any) -> State:
        state = enter(self, *given)
        self.run_count = count
        return state

    return entering
