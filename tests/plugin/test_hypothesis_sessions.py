"""Virtual time and Hypothesis in one session: deadlines, health checks, falsifying examples."""

from __future__ import annotations

import pytest

HEAD = """
from hypothesis import Phase, given, settings, strategies as st
from headrace import flow, task
from headrace.testing import simulate
from pytest_headrace.strategies import Outcome, Policy, Script, outcomes, retry_policies
"""


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with the plugin of Hypothesis, whose warnings are errors."""
    pytester.makeini("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def test_virtual_time_does_not_count_against_the_deadline(session: pytest.Pytester) -> None:
    """Each example takes hours of virtual time, and the deadline is two seconds; no health check complains."""
    session.makepyfile(
        HEAD
        + """
@settings(max_examples=30, deadline=2000)
@given(script=outcomes(durations=[3600]), policy=retry_policies(delays=[7200], forms=["number"]))
def test_hours(script, policy):
    with simulate() as simulation:
        policy.apply(script.as_task())(return_state=True)
        assert simulation.elapsed >= 3600
"""
    )
    session.runpytest_subprocess("-q").assert_outcomes(passed=1)


def test_a_falsifying_example_is_the_least_and_can_be_pasted(session: pytest.Pytester) -> None:
    """A planted fault, a policy that gives up too early, is shown by the smallest script that meets it."""
    session.makepyfile(
        HEAD
        + """
@settings(deadline=None, derandomize=True, database=None, phases=[Phase.generate, Phase.shrink])
@given(script=outcomes(succeeds=True))
def test_survives(script):
    with simulate():
        assert script.as_task(retries=1)(return_state=True).is_completed()
"""
    )
    result = session.runpytest_subprocess("-q")
    result.assert_outcomes(failed=1)
    least = "Script((Outcome.raises(ConnectionError), Outcome.raises(ConnectionError), Outcome.returns(None)))"
    result.stdout.fnmatch_lines([f"*script={least},*"])


def test_examples_do_not_see_the_runs_of_one_another(session: pytest.Pytester) -> None:
    """Nor does the test around them."""
    session.makepyfile(
        HEAD
        + """
def test_alone(runs):
    @settings(max_examples=10)
    @given(st.integers())
    def examples(number):
        with simulate() as simulation:
            task(lambda: number, name="one")()
            assert len(simulation.runs) == 1
    examples()
    assert len(runs) == 0
"""
    )
    session.runpytest_subprocess("-q").assert_outcomes(passed=1)
