"""Retry policies as values: what to give a task or a flow, and what it then promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from headrace import Flow, Task
from headrace.states import State
from headrace.tasks import exponential_backoff

from .checking import Choice, check_choices, check_range, check_seconds, checked_by, choice, quarters, refuse

D = TypeVar("D", Task[..., Any], Flow[..., Any])
Delays = float | list[float] | Callable[[int], list[float]] | None
Form = Literal["none", "number", "list", "backoff"]

_FORMS: tuple[Form, ...] = ("none", "number", "list", "backoff")
#: From this multiple of the mean on, jitter has no lower bound.
_NO_LOWER_BOUND = 50
#: Histories tell delays to the millisecond.
_MILLISECOND = 0.001


class RetryOn:
    """A retry condition: try again after these errors (instances of these classes) and no others."""

    def __init__(self, *errors: type[BaseException]) -> None:
        for error in errors:
            if not (isinstance(error, type) and issubclass(error, BaseException)):
                raise TypeError(f"RetryOn takes classes of exceptions, not {error!r}.")
        self.errors = errors

    def accepts(self, error: BaseException) -> bool:
        """Say whether this error is worth another attempt."""
        return isinstance(error, self.errors)

    def __call__(self, task: Any, task_run: Any, state: State) -> bool:
        """Answer as `retry_condition_fn` is to."""
        error = state.result(raise_on_failure=False)
        return isinstance(error, BaseException) and self.accepts(error)

    def __eq__(self, other: object) -> bool:
        return self.errors == other.errors if isinstance(other, RetryOn) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.errors)

    def __repr__(self) -> str:
        return f"RetryOn({', '.join(error.__name__ for error in self.errors)})"


@dataclass(frozen=True, repr=False)
class Policy:
    """How a task, or a flow (`of`), is tried again; the fields are the decorator's arguments.

    The methods tell what the arguments promise. They are worked out from the documented rules, not by asking the
    engine, so that a test can hold the one against the other.
    """

    retries: int = 0
    retry_delay_seconds: Delays = None
    retry_jitter_factor: float | None = None
    retry_condition_fn: RetryOn | None = None
    of: Literal["task", "flow"] = "task"

    def __post_init__(self) -> None:
        if self.of == "flow" and (self.retry_jitter_factor is not None or self.retry_condition_fn is not None):
            raise ValueError("A flow has neither a jitter factor nor a retry condition: leave them out of its policy.")

    @property
    def options(self) -> dict[str, Any]:
        """The arguments, for ``with_options`` or a decorator."""
        taken = ("retries", "retry_delay_seconds", "retry_jitter_factor", "retry_condition_fn")
        return {name: getattr(self, name) for name in taken[: 2 if self.of == "flow" else 4]}

    def apply(self, definition: D) -> D:
        """Return the task or flow with this policy in the place of its own."""
        kind = "flow" if isinstance(definition, Flow) else "task"
        if kind != self.of:
            raise TypeError(f"This policy is of a {self.of}, not of a {kind}; draw from retry_policies(of={kind!r}).")
        return definition.with_options(**self.options)

    def delay(self, retry: int) -> float:
        """Return the seconds before the retry of this number, from 0, without jitter."""
        given = self.retry_delay_seconds
        delays = given(self.retries) if callable(given) else given
        if isinstance(delays, list | tuple):
            return delays[min(retry, len(delays) - 1)] if delays else 0
        return delays or 0

    def bounds(self, retry: int) -> tuple[float, float]:
        """Return the least and the most seconds before the retry of this number, from 0, with jitter."""
        delay, k = self.delay(retry), 1 + (self.retry_jitter_factor or 0)
        if k == 1 or not delay:
            return delay, delay
        low = 0 if k >= _NO_LOWER_BOUND else -math.log2(1 - 2**-k)
        return delay * low, delay * k

    def allows(self, retry: int, seconds: float) -> bool:
        """Say whether a delay of so many seconds, told to the millisecond, is within the bounds."""
        low, high = self.bounds(retry)
        return low - _MILLISECOND <= seconds <= high + _MILLISECOND

    def retries_after(self, error: BaseException) -> bool:
        """Say whether an attempt that failed so is worth another, as far as the condition goes."""
        return self.retry_condition_fn is None or self.retry_condition_fn.accepts(error)

    def __repr__(self) -> str:
        given = [(field.name, getattr(self, field.name)) for field in fields(self)]
        said = [f"{name}={value!r}" for name, value in given if value != getattr(Policy, name)]
        return f"Policy({', '.join(said)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # as in programs: Hypothesis would print every field


_DEFAULT_DELAYS = quarters(3600)
_DEFAULT_JITTER = st.none() | st.sampled_from([0, 0.1, 0.25, 0.5, 1, 2])
_DEFAULT_CONDITIONS = st.none() | st.sampled_from([RetryOn(ConnectionError), RetryOn(ConnectionError, TimeoutError)])


def _check(
    min_retries: object, max_retries: object, delays: Any, forms: object, jitter_factors: Any, conditions: Any, of: str
) -> None:
    check_range("min_retries", min_retries, "max_retries", max_retries)
    check_choices("forms", forms, _FORMS)
    if of not in ("task", "flow"):
        refuse(f"of={of!r} must be 'task' or 'flow'.")
    if of == "flow" and (jitter_factors is not None or conditions is not None):
        refuse("A flow has neither a jitter factor nor a retry condition: leave out jitter_factors and conditions.")
    choice("delays", delays, check_seconds, _DEFAULT_DELAYS)
    choice("jitter_factors", jitter_factors, _check_factor, _DEFAULT_JITTER)
    choice("conditions", conditions, _check_condition, _DEFAULT_CONDITIONS)


def _check_factor(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9):
        refuse(f"{name}={value!r} must be a number from 0 up, or None for no jitter.")


def _check_condition(name: str, value: object) -> None:
    if value is not None and not isinstance(value, RetryOn):
        refuse(f"{name}={value!r} must be RetryOn(...) with classes of exceptions, or None for no condition.")


@checked_by(_check)
@st.composite
def retry_policies(
    draw: st.DrawFn,
    *,
    min_retries: int = 0,
    max_retries: int = 5,
    delays: Choice[float] = None,
    forms: Sequence[Form] = _FORMS,
    jitter_factors: Choice[float | None] = None,
    conditions: Choice[RetryOn | None] = None,
    of: Literal["task", "flow"] = "task",
) -> Policy:
    """Draw retry policies; see `Policy` for what one can do.

    `delays` are seconds (default: quarters up to an hour), `forms` how they are given: not at all, as a number, as a
    list, as `exponential_backoff`. `jitter_factors` (from 0 up, or None) and `conditions` (`RetryOn(...)`, or None) are
    for tasks alone. Each is a strategy or a list of values; None is all that is valid. Shrinks to few retries and
    short delays. Raises InvalidArgument at once.
    """
    retries = draw(st.integers(min_retries, max_retries))
    form = draw(st.sampled_from([form for form in _FORMS if form in forms]))
    seconds = draw(_delays(form, choice("delays", delays, check_seconds, _DEFAULT_DELAYS), retries))
    if of == "flow":
        return Policy(retries, seconds, of="flow")
    factor = draw(choice("jitter_factors", jitter_factors, _check_factor, _DEFAULT_JITTER))
    condition = draw(choice("conditions", conditions, _check_condition, _DEFAULT_CONDITIONS))
    return Policy(retries, seconds, factor, condition)


def _delays(form: Form, seconds: SearchStrategy[float], retries: int) -> SearchStrategy[Delays]:
    if form == "none":
        return st.none()
    if form == "list":
        return st.lists(seconds, min_size=1, max_size=max(retries, 1) + 1)  # shorter and longer than it need be
    return seconds if form == "number" else seconds.map(exponential_backoff)
