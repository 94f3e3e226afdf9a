"""The assertions pass on what is so, and show the run's timeline where it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace import flow, task
from headrace.clock.virtual import VirtualClock
from headrace.testing import Runs, RunView
from pytest_headrace import assert_completed, assert_failed, assert_retries, assert_run_name, assert_states

STORY = ["Pending", "Running", "AwaitingRetry", "Retrying", "Failed"]


@task(retries=1, retry_delay_seconds=10, task_run_name="fetch")
def fetch() -> None:
    raise ConnectionError("no route to host")


@flow(flow_run_name="calm")
def calm() -> None: ...


@pytest.fixture
def failed(fake_clock: VirtualClock, runs: Runs) -> RunView:
    @flow
    def tries() -> None:
        fetch(return_state=True)

    tries()
    return runs.task("fetch")


@pytest.fixture
def completed(runs: Runs) -> RunView:
    calm()
    return runs.flow("calm")


def test_what_is_so_passes(failed: RunView, completed: RunView) -> None:
    """Each helper accepts the run as it was."""
    assert_states(failed, STORY)
    assert_retries(failed, 1)
    assert_retries(failed, 1, delays=[10])
    assert_retries(completed, 0, delays=[])
    assert_run_name(failed, "fetch")
    assert_completed(completed)
    assert_failed(failed)
    assert_failed(failed, ConnectionError, match="no route")
    assert_failed(failed, (ValueError, OSError))


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda run: assert_states(run, STORY[:-1]), r"\+ 'Failed'"),
        (lambda run: assert_states(run, [*STORY, "Completed"]), "- 'Completed'"),
        (lambda run: assert_retries(run, 2), "was retried 1 times, not 2"),
        (lambda run: assert_retries(run, 1, delays=[20]), r"waited \[10\] seconds before its retries, not \[20\]"),
        (lambda run: assert_run_name(run, "fetch-a"), "is named 'fetch', not 'fetch-a'"),
        (lambda run: assert_completed(run), "did not complete; its state is Failed"),
        (
            lambda run: assert_failed(run, ValueError),
            r"failed with ConnectionError\('no route to host'\), not with ValueError",
        ),
        (lambda run: assert_failed(run, (ValueError, KeyError)), "not with ValueError or KeyError"),
        (lambda run: assert_failed(run, match="refused"), "whose text does not match 'refused'"),
    ],
)
def test_what_is_not_so_is_told_with_the_timeline(
    failed: RunView, check: Callable[[RunView], None], message: str
) -> None:
    """The message names the run and what is wrong; below it is what happened."""
    with pytest.raises(AssertionError, match=message) as raised:
        check(failed)
    assert str(raised.value).startswith("task run 'fetch' ")
    assert "fetch  ✗ Failed      2    0 s  10 s" in str(raised.value)


def test_a_completed_run_did_not_fail(completed: RunView) -> None:
    """Its state is in the message."""
    with pytest.raises(AssertionError, match=r"flow run 'calm' did not fail; its state is Completed\(\)"):
        assert_failed(completed)
