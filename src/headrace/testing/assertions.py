"""Assertions about runs; each failure shows the timelines and the stories of the runs concerned.

Where one run is asked for, a list of them will do: the assertion then holds for each. An empty list is a failure, for
nothing would be asserted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from headrace.core.timeline import seconds_text
from headrace.testing.difference import difference
from headrace.testing.differing import history_difference
from headrace.testing.failures import Failure
from headrace.testing.history import History
from headrace.testing.ordering import Course, course, overlaps
from headrace.testing.patterns import Pattern
from headrace.testing.timelines import common_timeline
from headrace.testing.views import RunView

__tracebackhide__ = True  # in reports of pytest: a failure is shown where the assertion was called

#: One run, or several.
OneOrMore = RunView | Sequence[RunView]


def assert_states(run: OneOrMore, states: Sequence[str] | Pattern) -> None:
    """Assert that the run went through states of these names, in this order, and no others.

    A string is a pattern: ``"Pending Running (AwaitingRetry Retrying){2} Completed"``; see `StatesOfRun.match`.
    """
    for one in _each(run):
        if isinstance(states, str | Pattern):
            match = one.states.match(states)
            if not match:
                _fail(one, f"does not fit {match.pattern!r}: {match.explanation}.")
        elif one.states != list(states):
            what = "went through other states ('+' is what happened, '-' what was expected):"
            _fail(one, what, *difference(states, one.states))


def assert_retries(run: OneOrMore, count: int, delays: object = None) -> None:
    """Assert how often the run was tried again and, with `delays`, after how many seconds each time.

    `delays` is a list of seconds, or anything that compares with one: ``pytest.approx([10, 20], rel=0.5)`` for delays
    with jitter, or a list of such values. Retries without a delay are not in it.
    """
    for one in _each(run):
        retries = max(one.run_count - 1, 0)
        if retries != count:
            _fail(one, f"was retried {_times(retries)}, not {_times(count)}.")
        wanted = list(delays) if isinstance(delays, tuple) else delays
        if delays is not None and not one.retry_delays == wanted:  # noqa: SIM201 - approx knows == best
            _fail(one, f"waited {list(one.retry_delays)} seconds before its retries, not {wanted}.")


def assert_run_name(run: RunView, name: str) -> None:
    """Assert that the run has this name."""
    if run.name != name:
        _fail(run, f"is named {run.name!r}, not {name!r}.")


def assert_completed(run: OneOrMore) -> None:
    """Assert that the run ended in a COMPLETED state."""
    for one in _each(run):
        if one.state is None or not one.state.is_completed():
            _fail(one, f"did not complete; its state is {one.state}.")


def assert_failed(
    run: OneOrMore,
    exception: type[BaseException] | tuple[type[BaseException], ...] | None = None,
    match: str | None = None,
) -> None:
    """Assert that the run ended in a FAILED state.

    `exception` is what it must have raised; `match` a regular expression to be found in that exception's text.
    """
    for one in _each(run):
        state = one.state
        if state is None or not state.is_failed():
            _fail(one, f"did not fail; its state is {state}.")
            continue
        failure = Failure.of(state)
        if exception is not None and not failure.is_one_of(_kinds(exception)):
            _fail(one, f"failed with {failure}, not with {' or '.join(kind.__name__ for kind in _kinds(exception))}.")
        if match is not None and not re.search(match, failure.text):
            _fail(one, f"failed with {failure}, whose text does not match {match!r}.")


def assert_ran_before(first: OneOrMore, second: OneOrMore) -> None:
    """Assert that the first run had ended before the second began to run; of lists, all before any."""
    begins = [(run, _course(run).begin) for run in _each(second)]
    for before in _each(first):
        end = _course(before).end
        if end is None:
            _fail_together([before], f"{before} has not ended; its state is {before.state}.")
            return
        for after, begin in begins:
            if begin is None:
                _fail_together([before, after], f"{after} never ran; its state is {after.state}.")
            elif not end.precedes(begin):
                zero = _begin([before, after])
                when = f"{after} began to run at {_at(begin.at, zero)}, before {before} ended at {_at(end.at, zero)}."
                _fail_together([before, after], when)


def assert_never_overlapped(*runs: OneOrMore) -> None:
    """Assert that no two of these runs were running at the same time: in a RUNNING state, that is.

    Of several lists, no run of one may have overlapped with a run of another; of a single list, no two runs in it.
    """
    groups = [_each(group) for group in runs]
    if len(groups) == 1:
        groups = [[run] for run in groups[0]]
    if len(groups) < 2:
        raise AssertionError("A single run overlaps with none. Give assert_never_overlapped two runs, or a list.")
    for one, other, since, until in overlaps([[(run, _course(run)) for run in group] for group in groups]):
        when = _during(since, until, [one, other])
        _fail_together([one, other], f"{one} and {other} were running at the same time, {when}.")


def assert_same_history(found: History, expected: History, *, siblings_in_any_order: bool = False) -> None:
    """Assert that two histories tell the same story, ids, drawn names and the date apart; else show what differs.

    With `siblings_in_any_order` the order in which runs started others does not count.
    """
    mine, other = found.normalised(), expected.normalised()
    if siblings_in_any_order:
        mine, other = mine.unordered(), other.unordered()
    if mine != other:
        lines = history_difference(other, mine)
        raise AssertionError("\n".join(["histories differ ('+' is what happened, '-' what was expected):", *lines]))


def _course(run: RunView) -> Course:
    return course(run._world, run.record)


def _during(since: datetime, until: datetime | None, runs: list[RunView]) -> str:
    zero = _begin(runs)
    if until is None:
        return f"from {_at(since, zero)} on"
    lasted = (until - since).total_seconds()
    return f"for {seconds_text(lasted)}, from {_at(since, zero)} to {_at(until, zero)}"


def _at(moment: datetime, zero: datetime) -> str:
    return seconds_text((moment - zero).total_seconds())


def _begin(runs: Iterable[RunView]) -> datetime:
    return min(run.record.created for run in runs)


def _each(runs: OneOrMore) -> Sequence[RunView]:
    if isinstance(runs, RunView):
        return [runs]
    if not runs:
        raise AssertionError(f"There is no run to assert anything of: {runs!r}")
    return runs


def _kinds(exception: type[BaseException] | tuple[type[BaseException], ...]) -> tuple[type[BaseException], ...]:
    return exception if isinstance(exception, tuple) else (exception,)


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"


def _fail(run: RunView, *lines: str) -> None:
    said = "\n".join(lines)
    raise AssertionError(f"{run} {said}\n\n{run.timeline}\n\n{run.story}")


def _fail_together(runs: list[RunView], said: str) -> None:
    drawn = common_timeline(runs[0]._world.store, [run.record for run in runs])
    raise AssertionError(f"{said}\n\n{drawn}")
