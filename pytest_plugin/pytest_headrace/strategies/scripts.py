"""What a function does at each attempt, as a value: the body of a task whose failures a test knows beforehand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from headrace import Flow, Task, flow, runtime, task
from headrace.clock import Clock, SystemClock
from headrace.drive.world import current_world

from .checking import (
    Choice,
    anything,
    check_error,
    check_range,
    check_seconds,
    checked_by,
    choice,
    quarters,
    refuse,
)
from .policies import Policy

Error = Exception | type[Exception]


@dataclass(frozen=True, repr=False)
class Outcome:
    """What one attempt does after `takes` seconds: it returns `value`, or raises `error` (a class is made anew)."""

    value: Any = None
    error: Error | None = None
    takes: float = 0

    @classmethod
    def returns(cls, value: Any = None, takes: float = 0) -> Outcome:
        """Return an outcome that returns a value."""
        return cls(value=value, takes=takes)

    @classmethod
    def raises(cls, error: Error, takes: float = 0) -> Outcome:
        """Return an outcome that raises an error."""
        return cls(error=error, takes=takes)

    @property
    def fails(self) -> bool:
        """Say whether it raises."""
        return self.error is not None

    def made_error(self) -> Exception:
        """Return the error to be raised."""
        if isinstance(self.error, type):
            return self.error("as the script says")
        assert self.error is not None, "asked of an outcome that fails"
        return self.error

    def reach(self) -> Any:
        """Return the value, or raise the error."""
        if self.fails:
            raise self.made_error().with_traceback(None)
        return self.value

    def __repr__(self) -> str:
        error = self.error.__name__ if isinstance(self.error, type) else repr(self.error)
        said = f"raises({error}" if self.fails else f"returns({self.value!r}"
        return f"Outcome.{said}, takes={self.takes!r})" if self.takes else f"Outcome.{said})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # as in programs: Hypothesis would print every field


@dataclass(frozen=True, repr=False)
class Script:
    """The outcomes of a function's attempts, in order; the last is repeated.

    Called within a run it does what the script has for the attempt that the run is in, after as many virtual seconds
    as that takes. So one script serves any number of runs, each of which begins at its beginning.
    """

    outcomes: tuple[Outcome, ...]

    def __post_init__(self) -> None:
        if not self.outcomes:
            raise ValueError("A script needs at least one outcome; write Script((Outcome.returns(1),)).")

    def at(self, attempt: int) -> Outcome:
        """Return the outcome of an attempt, counted from 1."""
        return self.outcomes[min(attempt, len(self.outcomes)) - 1]

    @property
    def succeeds(self) -> bool:
        """Say whether there is an attempt that returns."""
        return any(not outcome.fails for outcome in self.outcomes)

    def performed(self, policy: Policy) -> tuple[Outcome, ...]:
        """Return the outcomes that a run under this policy comes to: all up to the one that ends it."""
        performed: list[Outcome] = []
        while len(performed) <= policy.retries:
            performed.append(outcome := self.at(len(performed) + 1))
            if not outcome.fails or not policy.retries_after(outcome.made_error()):
                break
        return tuple(performed)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do what the script has for the attempt of the run around this call."""
        outcome = self.at(_attempt())
        if outcome.takes:
            _virtual_clock().sleep(outcome.takes)
        return outcome.reach()

    async def perform(self, *args: Any, **kwargs: Any) -> Any:
        """Do as a call does, in async code."""
        outcome = self.at(_attempt())
        if outcome.takes and _virtual_clock():
            await asyncio.sleep(outcome.takes)
        return outcome.reach()

    def as_task(self, name: str = "scripted", *, asynchronous: bool = False, **options: Any) -> Task[..., Any]:
        """Return a task that does what the script says, whatever it is called with; `options` are those of `task`."""
        return task(name=name, **options)(self._body(asynchronous))

    def as_flow(self, name: str = "scripted", *, asynchronous: bool = False, **options: Any) -> Flow[..., Any]:
        """Return a flow that does what the script says, whatever it is called with; `options` are those of `flow`."""
        return flow(name=name, **options)(self._body(asynchronous))

    def _body(self, asynchronous: bool) -> Any:
        def scripted(*args: Any, **kwargs: Any) -> Any:
            return self(*args, **kwargs)

        async def scripted_async(*args: Any, **kwargs: Any) -> Any:
            return await self.perform(*args, **kwargs)

        return scripted_async if asynchronous else scripted

    def __repr__(self) -> str:
        return f"Script({self.outcomes!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


def _attempt() -> int:
    count: int = runtime.task_run.run_count or runtime.flow_run.run_count
    if not count:
        raise RuntimeError("A script does what it has for an attempt of a run, and there is no run around this call.")
    return count


def _virtual_clock() -> Clock:
    """Return the clock of this world; an hour of a script is not to be waited for."""
    clock = current_world().clock
    if isinstance(clock, SystemClock):
        raise RuntimeError(
            "What a script's attempts take is virtual time, and here time is real: run it in a simulation."
        )
    return clock


_DEFAULT_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
_DEFAULT_ERRORS = st.sampled_from([ConnectionError, ValueError, TimeoutError])
_DEFAULT_DURATIONS = quarters(3600)


def _check(
    values: Any, errors: Any, durations: Any, min_attempts: object, max_attempts: object, succeeds: object
) -> None:
    choice("values", values, anything, _DEFAULT_VALUES)
    choice("errors", errors, check_error, _DEFAULT_ERRORS)
    choice("durations", durations, check_seconds, _DEFAULT_DURATIONS)
    check_range("min_attempts", min_attempts, "max_attempts", max_attempts, least=1)
    if succeeds is not None and not isinstance(succeeds, bool):
        refuse(f"succeeds={succeeds!r} must be True (the last outcome returns), False (none does), or None for either.")


@checked_by(_check)
@st.composite
def outcomes(
    draw: st.DrawFn,
    *,
    values: Choice[Any] = None,
    errors: Choice[Error] = None,
    durations: Choice[float] = None,
    min_attempts: int = 1,
    max_attempts: int = 5,
    succeeds: bool | None = None,
) -> Script:
    """Draw scripts of attempts: failures, and a success at the end unless none comes; see `Script`.

    `values` are what the success returns, `errors` what failures raise (instances or classes of Exception; default:
    ConnectionError, ValueError, TimeoutError), `durations` how many seconds each attempt takes (default: quarters up to
    an hour). Each is a strategy or a list of values; None is all that is valid. `succeeds` restricts to scripts whose
    last outcome returns, or fails. Shrinks to an immediate success. Raises InvalidArgument at once.
    """
    for_error = choice("errors", errors, check_error, _DEFAULT_ERRORS)
    for_duration = choice("durations", durations, check_seconds, _DEFAULT_DURATIONS)
    failure = st.builds(Outcome.raises, for_error, for_duration)
    success = st.builds(Outcome.returns, choice("values", values, anything, _DEFAULT_VALUES), for_duration)
    last = success if succeeds else failure if succeeds is False else success | failure
    failures = draw(st.lists(failure, min_size=min_attempts - 1, max_size=max_attempts - 1))
    return Script((*failures, draw(last)))
