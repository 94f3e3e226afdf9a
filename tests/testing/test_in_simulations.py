"""Histories, conditions and assertions in a simulation: what they are made for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace import flow, task
from headrace.testing import (
    History,
    assert_never_overlapped,
    assert_ran_before,
    assert_same_history,
    same_up_to_siblings,
    simulate,
)


@task(retries=2, retry_delay_seconds=[10, 20], task_run_name="load")
def load() -> None:
    raise ConnectionError("down")


@task(task_run_name="audit-{n}")
def audit(n: int) -> None:
    time.sleep(3)


@flow(flow_run_name="nightly")
def nightly() -> None:
    load.submit()
    for n in range(3):
        audit.submit(n)


def told(seed: int) -> History:
    with simulate(seed=seed) as simulation:
        nightly(return_state=True)
        return simulation.runs.history()


def test_the_world_is_stopped_where_a_run_that_was_to_come_has_come_to() -> None:
    """Before anything has run, and again on the way."""
    with simulate() as simulation:
        runs = simulation.runs
        simulation.start(nightly, return_state=True)
        simulation.run_until(runs.task("load").reaches("AwaitingRetry"))
        assert runs.task("load").states == ["Pending", "Running", "AwaitingRetry"]
        assert simulation.elapsed == 0
        again = runs.task("load").reaches("AwaitingRetry", times=2)
        simulation.run_until(again & runs.task("audit-2").reaches("Completed"))
        assert simulation.elapsed == 10
        simulation.run_until(runs.flow("nightly").reaches("Failed") | runs.flow("nightly").reaches("Completed"))
        assert simulation.elapsed == 30
        with pytest.raises(AssertionError, match="Did you mean one of these"):
            runs.task("laod").states  # noqa: B018 - what was started has not yet come to its end


def test_a_seed_gives_one_history_and_the_story_is_that_of_every_seed() -> None:
    """Byte for byte, ids and drawn names included; normalised, seeds make no difference here."""
    first, again, other = told(1), told(1), told(2)
    assert first.to_json() == again.to_json()
    assert first != other
    assert_same_history(first, other)
    assert same_up_to_siblings(first, other)


def test_a_history_is_the_same_in_every_process() -> None:
    """Whatever the hashes of strings are."""
    code = "from tests.testing.test_in_simulations import told; print(told(7).to_json(), end='')"
    here = Path(__file__).parents[2]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            cwd=here,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        ).stdout.decode()
        for hash_seed in ("1", "2")
    }
    assert outputs == {told(7).to_json()}


def test_a_race_is_found_and_told() -> None:
    """Two that were to take turns, and did not."""
    with simulate() as simulation:
        nightly(return_state=True)
        runs = simulation.runs
        with pytest.raises(AssertionError, match=r"were running at the same time, for 3 s, from 0 s to 3 s"):
            assert_never_overlapped(runs.tasks("audit"))
        with pytest.raises(AssertionError, match=r"began to run at 0 s, before task run 'audit-0' ended at 3 s"):
            assert_ran_before(runs.task("audit-0"), runs.task("load"))
        with pytest.raises(AssertionError, match="did you mean audit-"):
            assert_never_overlapped(runs.tasks("audit-8"))


def test_turns_that_take_no_time_are_told_apart() -> None:
    """The order of recording is known in a simulation too."""

    @flow
    def in_turn() -> None:
        for _ in range(3):
            load.with_options(retries=0)(return_state=True)

    with simulate() as simulation:
        in_turn()
        assert simulation.elapsed == 0
        assert_never_overlapped(simulation.runs.tasks("load"))
