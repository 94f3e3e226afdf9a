"""Retry policies: what they accept, how long they wait, how far jitter may go."""

from __future__ import annotations

import math
import pickle
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.retries import LONGEST_DELAY, MOST_DELAYS, RetryPolicy, exponential_backoff

delays = st.floats(min_value=1e-3, max_value=1e6)
draws = st.floats(min_value=0, max_value=1, exclude_max=True)
factors = st.floats(min_value=0.01, max_value=200)


class TestDelays:
    def test_nothing_given_means_no_retry_and_no_delay(self) -> None:
        """The default policy tries once."""
        policy = RetryPolicy.make(None, None, None)
        assert policy == RetryPolicy()
        assert not policy.remaining(1)
        assert policy.delay(0) == 0.0

    def test_a_number_is_the_delay_of_every_retry(self) -> None:
        """One number holds for all."""
        policy = RetryPolicy.make(5, 10)
        assert [policy.delay(n) for n in range(3)] == [10, 10, 10]

    @given(st.lists(delays, min_size=1, max_size=MOST_DELAYS), st.integers(0, 100))
    def test_the_last_of_a_list_is_repeated(self, listed: list[float], attempt: int) -> None:
        """A list shorter than the retries goes on with its last entry."""
        policy = RetryPolicy.make(100, listed)
        assert policy.delay(attempt) == listed[min(attempt, len(listed) - 1)]

    def test_an_empty_list_waits_for_nothing(self) -> None:
        """No entries, no delay."""
        assert RetryPolicy.make(1, []).delay(0) == 0.0

    def test_a_callable_is_given_the_retries_and_called_once(self) -> None:
        """It is evaluated when the policy is made, never again."""
        calls: list[int] = []

        def backoff(retries: int) -> list[float]:
            calls.append(retries)
            return [1.0, 2.0]

        policy = RetryPolicy.make(3, backoff)
        assert [policy.delay(n) for n in range(3)] == [1, 2, 2]
        assert calls == [3]

    @given(st.integers(0, 20), st.integers(0, 30))
    def test_as_many_attempts_remain_as_retries_are_left(self, retries: int, made: int) -> None:
        """`retries` further attempts follow the first."""
        assert RetryPolicy.make(retries).remaining(made) == (made < retries + 1)


class TestExponentialBackoff:
    @given(st.integers(0, 80), st.integers(1, 1000))
    def test_it_doubles_and_stops_at_fifty_entries(self, retries: int, factor: int) -> None:
        """The list is factor·2^r, and never too long for a policy."""
        listed = exponential_backoff(factor)(retries)
        assert listed == [factor * 2**r for r in range(min(retries, 50))]
        RetryPolicy.make(retries, exponential_backoff(factor))

    def test_it_says_what_it_is(self) -> None:
        """Its name and its repr are the call that made it."""
        backoff = exponential_backoff(10)
        assert repr(backoff) == "exponential_backoff(10)"
        assert backoff.__name__ == "exponential_backoff(10)"

    def test_it_can_be_pickled(self) -> None:
        """A task that uses it may go to another process."""
        assert pickle.loads(pickle.dumps(exponential_backoff(2)))(3) == [2, 4, 8]

    def test_no_delay_is_longer_than_a_datetime_can_hold(self) -> None:
        """A far retry of a doubling policy waits a hundred years, and overflows nothing."""
        policy = RetryPolicy.make(50, exponential_backoff(10), 1)
        assert policy.delay(49) == LONGEST_DELAY
        assert policy.jittered(policy.delay(49), 0.999) <= LONGEST_DELAY
        assert timedelta(seconds=policy.possible_delays(49)[1])

    @pytest.mark.parametrize(("factor", "error"), [("2", TypeError), (True, TypeError), (-1, ValueError)])
    def test_a_factor_that_is_no_number_of_seconds_is_refused(self, factor: Any, error: type) -> None:
        """The mistake shows where it was made."""
        with pytest.raises(error, match="factor of exponential_backoff"):
            exponential_backoff(factor)


class TestJitter:
    @given(delays, draws, factors)
    def test_a_jittered_delay_stays_within_its_bounds(self, delay: float, draw: float, factor: float) -> None:
        """Whatever is drawn, the delay is one of the possible ones."""
        policy = RetryPolicy.make(1, delay, factor)
        low, high = policy.possible_delays(0)
        assert low <= policy.jittered(delay, draw) <= high
        assert low <= delay <= high

    @given(delays, draws, draws, factors)
    def test_a_higher_draw_gives_no_shorter_delay(self, delay: float, draw: float, other: float, factor: float) -> None:
        """The inverse distribution function is monotone."""
        policy = RetryPolicy.make(1, delay, factor)
        low, high = sorted([draw, other])
        assert policy.jittered(delay, low) <= policy.jittered(delay, high)

    @given(delays, draws, st.floats(0.05, 10))
    def test_a_draw_is_the_quantile_of_the_delay_that_it_gives(self, delay: float, draw: float, factor: float) -> None:
        """The distribution function of the cut exponential takes the delay back to the draw."""
        policy = RetryPolicy.make(1, delay, factor)
        low, high = policy.possible_delays(0)

        def survival(x: float) -> float:
            return math.exp(-x / delay)

        given_ = policy.jittered(delay, draw)
        quantile = (survival(low) - survival(given_)) / (survival(low) - survival(high))
        assert quantile == pytest.approx(draw, abs=1e-9)

    @given(st.floats(0.01, 100))
    def test_the_mean_stays_within_a_fiftieth_of_the_delay(self, factor: float) -> None:
        """By the closed form of the mean of a cut exponential: low + d - width·e^-w/(1 - e^-w)."""
        low, high = RetryPolicy.make(1, 1.0, factor).possible_delays(0)
        width = high - low
        mean = low + 1 - width / math.expm1(width)
        assert mean == pytest.approx(1, abs=0.02)

    @given(delays, st.floats(49, 1e300))
    def test_from_fifty_times_the_mean_on_there_is_no_lower_bound(self, delay: float, factor: float) -> None:
        """Beyond that a float can't tell the bound from 0."""
        assert RetryPolicy.make(1, delay, factor).possible_delays(0)[0] == 0

    @pytest.mark.parametrize("factor", [None, 0])
    def test_without_a_factor_no_draw_is_needed(self, factor: float | None) -> None:
        """The delay is exact, and the random source is left alone."""
        policy = RetryPolicy.make(1, 10, factor)
        assert not policy.needs_draw(10)
        assert policy.jittered(10, 0.7) == 10
        assert policy.possible_delays(0) == (10, 10)

    def test_no_delay_is_not_jittered(self) -> None:
        """At once stays at once."""
        policy = RetryPolicy.make(1, 0, 0.5)
        assert not policy.needs_draw(0)
        assert policy.jittered(0, 0.7) == 0

    def test_the_highest_draw_of_a_wide_jitter_is_finite(self) -> None:
        """Where the survival function underflows, the upper bound is what is left."""
        policy = RetryPolicy.make(1, 1.0, 1e6)
        assert math.isfinite(policy.jittered(1.0, math.nextafter(1, 0)))
        assert policy.jittered(1.0, 1.0) == policy.possible_delays(0)[1]


class TestRefusals:
    @pytest.mark.parametrize("retries", ["3", 1.0, True, [1]])
    def test_retries_that_are_no_whole_number_are_refused(self, retries: Any) -> None:
        """The message shows what was given."""
        with pytest.raises(TypeError, match="retries of a flow are how often") as caught:
            RetryPolicy.make(retries, kind="flow")
        assert repr(retries) in str(caught.value)

    def test_negative_retries_are_refused(self) -> None:
        """Less than none can't be."""
        with pytest.raises(ValueError, match=r"-1 times. Write retries=0"):
            RetryPolicy.make(-1)

    @pytest.mark.parametrize("given_", ["10", True, {1: 2}, {1, 2}, object(), [1, "2"], [True], (None,), (1, 2)])
    def test_delays_that_are_no_numbers_are_refused(self, given_: Any) -> None:
        """Strings, truth values, sets, tuples and dicts are no delays, alone or in a list."""
        with pytest.raises(TypeError, match="number of seconds"):
            RetryPolicy.make(1, given_)

    def test_a_timedelta_is_told_to_give_its_seconds(self) -> None:
        """The message says what to write instead."""
        with pytest.raises(TypeError, match=r"\.total_seconds\(\)"):
            RetryPolicy.make(1, timedelta(seconds=3))

    @pytest.mark.parametrize("given_", [-1, math.nan, math.inf, [1, -0.5], [math.nan]])
    def test_delays_that_can_not_be_waited_for_are_refused(self, given_: Any) -> None:
        """Negative, endless and undefined times."""
        with pytest.raises(ValueError, match="from 0 up"):
            RetryPolicy.make(1, given_)

    @pytest.mark.parametrize("wrap", [lambda listed: listed, lambda listed: lambda retries: listed])
    def test_more_than_fifty_delays_are_refused(self, wrap: Any) -> None:
        """As a list, or from a callable."""
        with pytest.raises(ValueError, match="at most 50 delays, not 51"):
            RetryPolicy.make(51, wrap([1] * 51))

    @pytest.mark.parametrize("returned", [3, None, "12", iter([1])])
    def test_a_callable_that_returns_no_list_is_refused(self, returned: Any) -> None:
        """Its return value is named."""
        with pytest.raises(TypeError, match="returns a list of seconds"):
            RetryPolicy.make(1, lambda retries: returned)

    def test_an_error_of_a_callable_travels_unchanged(self) -> None:
        """It is the user's own."""

        def broken(retries: int) -> list[float]:
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            RetryPolicy.make(1, broken)

    @pytest.mark.parametrize(
        ("factor", "error"),
        [
            ("1", TypeError),
            (False, TypeError),
            (-0.1, ValueError),
            (math.nan, ValueError),
            (math.inf, ValueError),
        ],
    )
    def test_jitter_that_is_no_number_from_0_up_is_refused(self, factor: Any, error: type[Exception]) -> None:
        """The message says what a factor means."""
        with pytest.raises(error, match="retry_jitter_factor of a task"):
            RetryPolicy.make(1, 1, factor)

    @given(st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.booleans(), st.binary()))
    def test_whatever_is_accepted_can_be_waited_for(self, given_: Any) -> None:
        """No value slips through that gives no finite delay."""
        try:
            policy = RetryPolicy.make(2, given_)
        except (TypeError, ValueError):
            return  # most is: that is told by the tests above
        assert 0 <= policy.delay(1) <= LONGEST_DELAY
