"""Log lines of runs reach caplog and pytest's report, and nothing else."""

from __future__ import annotations

import logging

import pytest

from headrace import flow, get_run_logger
from headrace.testing import Runs


@flow(flow_run_name="talkative")
def talks() -> None:
    get_run_logger().info("halfway")
    get_run_logger().debug("detail")


def test_lines_reach_caplog(caplog: pytest.LogCaptureFixture) -> None:
    """The engine's own and those of `get_run_logger`, from INFO upwards."""
    talks()
    assert caplog.messages == [
        "Beginning flow run 'talkative' for flow 'talks'",
        "halfway",
        "Finished in state Completed()",
    ]
    assert {record.name for record in caplog.records} == {"headrace.flow_runs"}
    assert {record.flow_run_name for record in caplog.records} == {"talkative"}  # type: ignore[attr-defined]


def test_caplog_can_ask_for_more(caplog: pytest.LogCaptureFixture) -> None:
    """By the name of the logger, as for any library."""
    with caplog.at_level(logging.DEBUG, logger="headrace"):
        talks()
    assert "detail" in caplog.messages


def test_lines_reach_the_store(runs: Runs) -> None:
    """As they do outside of tests."""
    talks()
    assert "halfway" in runs.flow("talkative").logs


def test_the_console_is_left_to_user_code(capsys: pytest.CaptureFixture[str]) -> None:
    """What a test captures is what its flow printed."""

    @flow
    def prints() -> None:
        print("hello")

    prints()
    assert capsys.readouterr() == ("hello\n", "")


def test_a_failed_test_shows_lines_among_pytests_and_beside_the_timeline(project: pytest.Pytester) -> None:
    """Once in the section for captured logs, once in our own with the run and its time, and not on stderr as well."""
    project.makepyfile(
        """
        from pipelines import greet

        def test_fails():
            greet()
            raise LookupError
        """
    )
    result = project.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        [
            "*- Captured log call -*",
            "INFO *headrace.flow_runs:*Finished in state Completed()",
            "*- headrace -*",
            "log of all runs",
            "* INFO  *-*  Finished in state Completed()",
        ]
    )
    lines = [*result.stdout.lines, *result.stderr.lines]
    assert len([line for line in lines if "Finished in state" in line]) == 2
    result.stdout.no_fnmatch_line("*Captured stderr*")


def test_the_loggers_are_put_back(project: pytest.Pytester) -> None:
    """A program that calls pytest logs to its console again afterwards."""
    root = logging.getLogger("headrace")
    before = (list(root.handlers), root.propagate, root.level)
    project.makepyfile("from pipelines import greet\ndef test_greets(): greet()")
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert (list(root.handlers), root.propagate, root.level) == before
