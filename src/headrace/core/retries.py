"""When a failed run is tried again: how often, after which delay, and with how much jitter.

A policy is a value. It never draws a random number itself: whoever needs a jittered delay draws from the
run's seeded source and passes the draw in, so that one seed gives the exact delays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from headrace.core.wording import kind_of

#: More delays than this in one policy are taken for a mistake.
MOST_DELAYS = 50

#: A hundred years: no delay is longer. `exponential_backoff` doubles past what a datetime can hold.
LONGEST_DELAY = 100 * 365.25 * 86_400.0

#: From this multiple of the mean on, the lower bound of the jitter is 0: 1 - 2^-50 is hardly less than 1.
_NO_LOWER_BOUND = 50

Backoff = Callable[[int], "list[float]"]


class RetryPolicy(NamedTuple):
    """How often to try again, and how long to wait before each attempt.

    `retries` counts the further attempts after the first. `delays` are seconds, one per retry, the last
    repeated. `backoff` is the callable that `delays` came from, if one was given; it is kept for display
    only.
    """

    retries: int = 0
    delays: tuple[float, ...] = ()
    jitter_factor: float | None = None
    backoff: Backoff | None = None

    @classmethod
    def make(
        cls,
        retries: int | None = None,
        retry_delay_seconds: object = None,
        jitter_factor: float | None = None,
        kind: str = "task",
    ) -> RetryPolicy:
        """Check what a decorator was given, and make a policy of it.

        `retry_delay_seconds` is a number, a list of numbers, or a callable that is given `retries`
        and returns such a list; it is called here, once. Raises TypeError for what is of the wrong kind,
        ValueError for numbers that can't be; each says what to write instead.
        """
        count = _checked_retries(retries, kind)
        backoff = retry_delay_seconds if callable(retry_delay_seconds) else None
        given = _called(backoff, count, kind) if backoff is not None else retry_delay_seconds
        return cls(count, _checked_delays(given, kind), _checked_jitter(jitter_factor, kind), backoff)

    def remaining(self, attempts_made: int) -> bool:
        """Say whether another attempt is allowed after this many."""
        return attempts_made <= self.retries

    def delay(self, attempt: int) -> float:
        """Return the seconds before retry `attempt` (from 0), without jitter; 0.0 is at once."""
        delays = self.delays
        if not delays:
            return 0.0
        return min(delays[attempt] if attempt < len(delays) else delays[-1], LONGEST_DELAY)

    def needs_draw(self, delay: float) -> bool:
        """Say whether `jittered` makes anything of its draw."""
        return bool(self.jitter_factor) and delay > 0

    def jittered(self, delay: float, draw: float) -> float:
        """Return the delay with jitter, for a draw that is uniform in [0, 1).

        The inverse distribution function of an exponential of mean `delay` that is cut to `_bounds`: with the
        survival function S(x) = exp(-x/delay), that is S⁻¹ of a point between S(low) and S(high) (inverse
        transform sampling: Devroye, "Non-Uniform Random Variate Generation", 1986, II.2). The bounds are
        chosen so that the mean of the cut distribution stays within a fiftieth of `delay`. A higher draw
        gives a longer delay.
        """
        if not self.needs_draw(delay):
            return delay
        low, high = self._bounds(delay)
        at_low, at_high = math.exp(-low / delay), math.exp(-high / delay)
        survival = at_low - draw * (at_low - at_high)
        longest = min(high, LONGEST_DELAY)
        return min(max(-delay * math.log(survival), low), longest) if survival > 0.0 else longest

    def possible_delays(self, attempt: int) -> tuple[float, float]:
        """Return the shortest and the longest delay that retry `attempt` (from 0) may wait."""
        delay = self.delay(attempt)
        if not self.needs_draw(delay):
            return delay, delay
        low, high = self._bounds(delay)
        return low, min(high, LONGEST_DELAY)

    def _bounds(self, delay: float) -> tuple[float, float]:
        """Return delay·log2(2^k / (2^k - 1)) and delay·k, where k = 1 + jitter factor."""
        k = 1.0 + (self.jitter_factor or 0.0)
        low = 0.0 if k >= _NO_LOWER_BOUND else -math.log2(1.0 - 2.0**-k)
        return delay * low, delay * k


class _ExponentialBackoff:
    """Delays that double: the callable that `exponential_backoff` returns."""

    __slots__ = ("factor",)

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ExponentialBackoff) and self.factor == other.factor

    def __hash__(self) -> int:
        return hash(self.factor)

    @property
    def __name__(self) -> str:
        return repr(self)

    def __call__(self, retries: int) -> list[float]:
        return [self.factor * 2**retry for retry in range(min(retries, MOST_DELAYS))]

    def __repr__(self) -> str:
        return f"exponential_backoff({self.factor!r})"


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """Wait `backoff_factor` seconds before the first retry, and twice as long before each that follows.

    For `retry_delay_seconds`. Raises TypeError or ValueError if the factor is no number of seconds.
    """
    _seconds(backoff_factor, "the factor of exponential_backoff")
    return _ExponentialBackoff(backoff_factor)


def _checked_retries(retries: object, kind: str) -> int:
    if retries is None:
        return 0
    if isinstance(retries, bool) or not isinstance(retries, int):
        raise TypeError(
            f"The retries of a {kind} are how often to try again, a whole number; {retries!r} is a "
            f"{type(retries).__name__}. Write retries=3, or retries=0 for none."
        )
    if retries < 0:
        raise ValueError(f"A {kind} can't be retried {retries} times. Write retries=0 for no retry.")
    return retries


def _called(backoff: Callable[[int], object], retries: int, kind: str) -> list[object]:
    delays = backoff(retries)
    if isinstance(delays, list | tuple):
        return list(delays)
    raise TypeError(
        f"A callable retry_delay_seconds is given the number of retries and returns a list of seconds; for "
        f"this {kind} {backoff!r} returned {delays!r}, {kind_of(delays)}. Write for example "
        "lambda retries: [10.0] * retries."
    )


def _checked_delays(given: object, kind: str) -> tuple[float, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        return (_seconds(given, f"The retry_delay_seconds of a {kind}"),)
    if len(given) > MOST_DELAYS:
        raise ValueError(
            f"The retry_delay_seconds of a {kind} may list at most {MOST_DELAYS} delays, not {len(given)}. "
            "The last one is repeated: leave out what follows it."
        )
    return tuple(
        [_seconds(item, f"Entry {at} of the retry_delay_seconds of a {kind}") for at, item in enumerate(given)]
    )


def _seconds(value: object, what: str) -> float:
    what = what[0].upper() + what[1:]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} must be a number of seconds, not {value!r}, {kind_of(value)}. {_advice(value)}")
    if not 0 <= value < math.inf:  # nan compares false
        raise ValueError(f"{what} must be a number of seconds from 0 up, not {value!r}. Write 0 to try again at once.")
    return value


def _advice(value: object) -> str:
    if callable(getattr(value, "total_seconds", None)):
        return "Write its .total_seconds()."
    return "Write a number such as 10, a list such as [1, 10, 60], or a callable: exponential_backoff(10)."


def _checked_jitter(factor: object, kind: str) -> float | None:
    if factor is None:
        return None
    if isinstance(factor, bool) or not isinstance(factor, int | float):
        raise TypeError(
            f"The retry_jitter_factor of a {kind} must be a number, not {factor!r}, "
            f"{kind_of(factor)}. Write 0.5 to wait up to half as long again, or None for no jitter."
        )
    if not 0 <= factor < math.inf:
        raise ValueError(
            f"The retry_jitter_factor of a {kind} must be a number from 0 up, not {factor!r}. "
            "Write 0.5 to wait up to half as long again, or None for no jitter."
        )
    return factor
