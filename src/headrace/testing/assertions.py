"""Assertions about one run; each failure shows the run's timeline."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headrace.core.states import exception_of
from headrace.testing.comparing import difference
from headrace.testing.views import RunView


def assert_states(run: RunView, states: Sequence[str]) -> None:
    """Assert that the run went through states of these names, in this order, and no others."""
    __tracebackhide__ = True
    if run.states != list(states):
        _fail(
            run,
            "went through other states ('+' is what happened, '-' what was expected):",
            *difference(states, run.states),
        )


def assert_retries(run: RunView, count: int, delays: Sequence[float] | None = None) -> None:
    """Assert how often the run was tried again and, with `delays`, after how many seconds each time."""
    __tracebackhide__ = True
    retries = max(run.run_count - 1, 0)
    if retries != count:
        _fail(run, f"was retried {retries} times, not {count}.")
    if delays is not None and run.retry_delays != list(delays):
        _fail(run, f"waited {list(run.retry_delays)} seconds before its retries, not {list(delays)}.")


def assert_run_name(run: RunView, name: str) -> None:
    """Assert that the run has this name."""
    __tracebackhide__ = True
    if run.name != name:
        _fail(run, f"is named {run.name!r}, not {name!r}.")


def assert_completed(run: RunView) -> None:
    """Assert that the run ended in a COMPLETED state."""
    __tracebackhide__ = True
    if run.state is None or not run.state.is_completed():
        _fail(run, f"did not complete; its state is {run.state}.")


def assert_failed(
    run: RunView,
    exception: type[BaseException] | tuple[type[BaseException], ...] | None = None,
    match: str | None = None,
) -> None:
    """Assert that the run ended in a FAILED state.

    `exception` is what it must have raised; `match` a regular expression to be found in that exception's text.
    """
    __tracebackhide__ = True
    state = run.state
    if state is None or not state.is_failed():
        _fail(run, f"did not fail; its state is {state}.")
        return
    error = exception_of(state)
    if exception is not None and not isinstance(error, exception):
        _fail(run, f"failed with {error!r}, not with {_names(exception)}.")
    if match is not None and not re.search(match, str(error)):
        _fail(run, f"failed with {error!r}, whose text does not match {match!r}.")


def _names(exception: type[BaseException] | tuple[type[BaseException], ...]) -> str:
    kinds = exception if isinstance(exception, tuple) else (exception,)
    return " or ".join(kind.__name__ for kind in kinds)


def _fail(run: RunView, *lines: str) -> None:
    __tracebackhide__ = True
    said = "\n".join(lines)
    raise AssertionError(f"{run} {said}\n\n{run.timeline}")
