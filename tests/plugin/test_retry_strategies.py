"""Retry policies and scripts of attempts as Hypothesis draws them, held against what the engine does with them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from headrace import flow, task
from headrace.tasks import exponential_backoff
from pytest_headrace.strategies import Outcome, Policy, RetryOn, Script, outcomes, retry_policies

from .finding import finding
from .worlds import own_world

_SOME = settings(max_examples=40, deadline=None)

# what the engine makes of them --------------------------------------------------------------------------------


@_SOME
@given(script=outcomes(), policy=retry_policies(), asynchronous=st.booleans())
def test_a_task_run_does_what_script_and_policy_say(script: Script, policy: Policy, asynchronous: bool) -> None:
    """Attempts, ends, delays and durations follow from the two values alone."""
    with own_world() as (runs, clock):
        scripted = policy.apply(script.as_task(asynchronous=asynchronous))
        called = scripted(return_state=True)
        state = asyncio.run(called) if asynchronous else called
        performed = script.performed(policy)
        run = runs.task("scripted")
        assert run.attempts == len(performed) <= policy.retries + 1
        assert state.is_completed() is not performed[-1].fails
        delays = list(run.retry_delays)
        waits = [retry for retry in range(len(performed) - 1) if policy.delay(retry)]
        assert len(delays) == len(waits)
        assert all(policy.allows(retry, delay) for retry, delay in zip(waits, delays, strict=True))
        total = sum(outcome.takes for outcome in performed) + sum(delays)
        assert clock.elapsed == pytest.approx(total, abs=0.001 * (len(performed) + 1))


@_SOME
@given(script=outcomes(durations=[0, 1.5]), policy=retry_policies(of="flow"))
def test_a_flow_run_does_what_script_and_policy_say(script: Script, policy: Policy) -> None:
    """Flows are tried again by the same rule, without jitter and conditions."""
    with own_world() as (runs, clock):
        state = policy.apply(script.as_flow())(return_state=True)
        performed = script.performed(policy)
        assert runs.flow().attempts == len(performed)
        assert state.is_completed() is not performed[-1].fails
        total = sum(outcome.takes for outcome in performed) + sum(map(policy.delay, range(len(performed) - 1)))
        assert clock.elapsed == pytest.approx(total, abs=0.001)


@_SOME
@given(script=outcomes(max_attempts=3, durations=[0, 1]))
def test_one_script_serves_many_runs(script: Script) -> None:
    """Each run begins at the script's beginning, also side by side."""
    scripted = script.as_task(retries=2)

    @flow
    def many() -> list[Any]:
        return scripted.map([1, 2, 3], return_state=True)

    with own_world() as (runs, _):
        many(return_state=True)
        attempts = {run.attempts for run in runs.tasks("scripted")}
        assert attempts == {len(script.performed(Policy(retries=2)))}


def test_a_script_outside_a_run_says_what_is_missing() -> None:
    """There is no attempt to look up."""
    with pytest.raises(RuntimeError, match="no run around"):
        Script((Outcome.returns(1),))()


def test_an_error_given_as_an_instance_is_raised_as_it_is() -> None:
    """Whoever gives an instance wants to find it again."""
    error = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught:
        Script((Outcome.raises(error),)).as_task()()
    assert caught.value is error


# values -------------------------------------------------------------------------------------------------------


def test_bounds_of_a_delay_follow_the_documented_formula() -> None:
    """With a jitter factor of 1 a delay of 10 s becomes 4.15 to 20; without, and from 49 on, see the rules."""
    low, high = Policy(1, 10, 1.0).bounds(0)
    assert (round(low, 2), high) == (4.15, 20)
    assert Policy(1, 10).bounds(0) == (10, 10)
    assert Policy(1, 10, 49).bounds(0) == (0, 500)
    assert Policy(1, None, 1.0).bounds(0) == (0, 0)


@pytest.mark.parametrize(
    ("delays", "expected"),
    [(None, [0, 0, 0]), (5, [5, 5, 5]), ([1, 2], [1, 2, 2]), (exponential_backoff(10), [10, 20, 40])],
)
def test_a_policy_tells_its_delays(delays: Any, expected: list[float]) -> None:
    """In each of the forms that the decorator takes."""
    policy = Policy(3, delays)
    assert [policy.delay(retry) for retry in range(3)] == expected


@given(policy=retry_policies())
def test_the_engine_promises_the_same_bounds(policy: Policy) -> None:
    """Two independent readings of one formula."""
    engine = policy.apply(task(lambda: 1, name="one")).policy
    for retry in range(policy.retries):
        assert engine.possible_delays(retry) == pytest.approx(policy.bounds(retry))


def test_applying_a_policy_replaces_the_whole_of_the_other() -> None:
    """What the policy has not, the task has not afterwards."""
    eager = task(lambda: 1, name="one", retries=9, retry_jitter_factor=1, retry_delay_seconds=[3])
    plain = Policy(retries=1).apply(eager)
    assert (plain.retries, plain.retry_jitter_factor, plain.policy.delay(0)) == (1, None, 0)


def test_a_policy_of_one_kind_is_not_applied_to_the_other() -> None:
    """Flows have neither jitter nor conditions."""
    with pytest.raises(TypeError, match=r"of='flow'"):
        Policy().apply(flow(lambda: 1, name="one"))
    with pytest.raises(ValueError, match="neither a jitter factor"):
        Policy(retry_jitter_factor=1, of="flow")


@given(policy=retry_policies(), script=outcomes(values=st.integers()))
def test_what_is_drawn_can_be_pasted_back(policy: Policy, script: Script) -> None:
    """The reprs that a falsifying example prints are programs."""
    names = {name: value for name, value in globals().items() if isinstance(value, type)}
    assert eval(repr(policy), {**names, "exponential_backoff": exponential_backoff}) == policy
    assert eval(repr(script), {**names, "ConnectionError": ConnectionError}) == script


# strategies -----------------------------------------------------------------------------------------------------


@given(
    policy=retry_policies(
        min_retries=1, max_retries=2, delays=[3], forms=["list"], jitter_factors=[0.5], conditions=[None]
    )
)
def test_arguments_restrict_what_policies_are_drawn(policy: Policy) -> None:
    """They say what is valid."""
    assert 1 <= policy.retries <= 2
    assert isinstance(policy.retry_delay_seconds, list)
    assert set(policy.retry_delay_seconds) == {3}
    assert (policy.retry_jitter_factor, policy.retry_condition_fn) == (0.5, None)


@given(script=outcomes(values=[7], errors=[KeyError], durations=[2], min_attempts=2, max_attempts=3))
def test_arguments_restrict_what_scripts_are_drawn(script: Script) -> None:
    """They say what is valid."""
    assert 2 <= len(script.outcomes) <= 3
    assert {outcome.error for outcome in script.outcomes} <= {KeyError, None}
    assert all(outcome.takes == 2 for outcome in script.outcomes)
    assert script.outcomes[-1].value in (7, None)


@pytest.mark.parametrize("succeeds", [True, False])
@given(data=st.data())
def test_scripts_can_be_asked_to_end_one_way(succeeds: bool, data: st.DataObject) -> None:
    """With a success, or with none at all."""
    assert data.draw(outcomes(succeeds=succeeds)).succeeds is succeeds


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: retry_policies(max_retries=-1), "max_retries=-1 must be a whole number from 0 up"),
        (lambda: retry_policies(min_retries=7), "min_retries=7 can't be above max_retries=5"),
        (lambda: retry_policies(delays=3), "delays=3 must be a strategy, or a list"),  # type: ignore[arg-type]
        (lambda: retry_policies(delays=[1, -2]), r"delays\[1\]=-2 must be a number of seconds"),
        (lambda: retry_policies(forms=["never"]), "names 'never', and must be a list of some of 'none'"),  # type: ignore[list-item]
        (lambda: retry_policies(conditions=[len]), "must be RetryOn"),  # type: ignore[list-item]
        (lambda: retry_policies(of="flow", jitter_factors=[1]), "A flow has neither"),
        (lambda: outcomes(errors=[KeyboardInterrupt]), "must be an Exception"),  # type: ignore[list-item]
        (lambda: outcomes(errors=[UnicodeDecodeError]), "give an instance of it"),
        (lambda: outcomes(min_attempts=0), "from 1 up"),
        (lambda: outcomes(values=[]), "at least one value"),
    ],
)
def test_wrong_arguments_are_refused_at_once(make: Any, message: str) -> None:
    """Not with the first example, which comes when the test runs."""
    with pytest.raises(InvalidArgument, match=message):
        make()


def test_a_strategy_says_how_it_was_made() -> None:
    """As those of Hypothesis do."""
    assert repr(retry_policies(max_retries=2, delays=[1])) == "retry_policies(max_retries=2, delays=[1])"
    assert repr(outcomes(succeeds=True)) == "outcomes(succeeds=True)"


_FINDING = finding(max_examples=300)


def test_what_fails_shrinks_to_the_least() -> None:
    """Few retries, no delay, an immediate success; and the least that shows the fault otherwise."""
    assert find(retry_policies(), lambda policy: True, settings=_FINDING) == Policy()
    assert find(outcomes(), lambda script: True, settings=_FINDING) == Script((Outcome.returns(None),))
    twice = find(outcomes(), lambda script: len(script.outcomes) > 2, settings=_FINDING)
    assert twice == Script((Outcome.raises(ConnectionError), Outcome.raises(ConnectionError), Outcome.returns(None)))
    long = find(retry_policies(), lambda policy: policy.retries > 1 and policy.delay(1) > 60, settings=_FINDING)
    assert (long.retries, long.delay(1)) == (2, 60.25)
    assert RetryOn(ConnectionError) == RetryOn(ConnectionError)
