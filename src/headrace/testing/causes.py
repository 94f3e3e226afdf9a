"""What brought a transition about, in words.

The store keeps states, not reasons. Most reasons follow from a state's message and data and from the state before it;
why an attempt failed that was tried again stands only in the run's log, and which limit a run waited for in its tags.
What none of these tell is "unknown".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.core import messages
from headrace.core.records import Run
from headrace.core.state_types import TYPE_OF_NAME, StateType
from headrace.core.states import State

UNKNOWN = "unknown"

_RAISED = re.compile(r"(?:Task|Flow) run encountered an exception: (?P<error>.*)")
_EXCEEDED = re.compile(r"(?:Task|Flow) run exceeded timeout of (?P<time>[\d.]+?)(?:\.0)? second\(s\)")
_UPSTREAM = re.compile(r"Upstream task run '(?P<name>.*)' did not reach")
_RETRY = re.compile(r"(?:Task|Flow) run (?P<failure>.*) - Retry (?P<n>\d+)/(?P<of>\d+) will start ", re.DOTALL)
_EXHAUSTED = " - Retries are exhausted"
_WHAT_FAILED = (
    (
        re.compile(r"failed with exception: \w*Error\(.*exceeded timeout of ([\d.]+?)(?:\.0)? second\(s\).*\)"),
        r"timed out after \1 s",
    ),
    (re.compile(r"failed with exception: (.*)", re.DOTALL), r"raised \1"),
    (re.compile(r"returned a failed state: (.*)", re.DOTALL), r"returned \1"),
)
_HOW_IT_STANDS = {
    StateType.FAILED: "failed",
    StateType.CRASHED: "crashed",
    StateType.CANCELLED: "was cancelled",
    StateType.PENDING: "was never begun",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where to look for what states do not say; each is asked only where it is needed.

    `logs` are the run's own lines, `upstream` the states of the runs that it waited for, by name, and `limits` the
    names of the limits that hold for it.
    """

    run: Run
    logs: Callable[[], Sequence[str]]
    upstream: Callable[[], Mapping[str, State | None]]
    limits: Callable[[], Sequence[str]]

    def retry(self, n: int) -> tuple[str, str]:
        """Return why there was an `n`-th retry (from 1), and ``retry 1 of 3``."""
        for line in self.logs():
            told = _RETRY.match(line)
            if told and int(told["n"]) == n:
                return _what_failed(told["failure"]), f"retry {n} of {told['of']}"
        return "failed", f"retry {n}"

    def retries_are_exhausted(self) -> bool:
        """Say whether the log tells that no retry is left."""
        return self.run.run_count > 1 and any(_EXHAUSTED in line for line in self.logs())

    def slots(self) -> str:
        """Return ``slot of 'db'``, or as much of that as is known."""
        names = [repr(name.removeprefix("tag:")) for name in self.limits()]
        return f"slot of {' and '.join(names)}" if names else "slot"


def causes(states: Sequence[State], evidence: Evidence) -> Iterator[str]:
    """Yield what brought each of a run's states about."""
    before: State | None = None
    retries = 0
    for state in states:
        retries += state.name == "Retrying" and state.type is StateType.RUNNING
        coming = retries + (state.name == "AwaitingRetry")
        yield _cause(_Step(before, state, coming, evidence))
        before = state


@dataclass(frozen=True, slots=True)
class _Step:
    """One transition; `retry` is the number of the retry that it leads to, or that has begun."""

    before: State | None
    state: State
    retry: int
    evidence: Evidence

    @property
    def message(self) -> str:
        return self.state.message or ""

    def comes_from(self, *names: str) -> bool:
        return self.before is not None and self.before.name in names

    def has_begun(self) -> bool:
        return self.evidence.run.run_count > 0


def _cause(step: _Step) -> str:
    name, type_ = step.state.name, step.state.type
    named = _BY_NAME.get(name) if TYPE_OF_NAME.get(name) is type_ else None
    return (named or _BY_TYPE[type_])(step)


def _pending(step: _Step) -> str:
    if step.evidence.run.kind == "flow" and step.comes_from("Scheduled", "Late"):
        return "its time has come"
    if step.comes_from("Scheduled", "Pending"):
        return "claimed by a task worker"
    if step.before is not None:
        return UNKNOWN
    return "called" if step.evidence.run.kind == "flow" else "called or submitted"


def _not_ready(step: _Step) -> str:
    told = _UPSTREAM.match(step.message)
    if told is None:
        return step.message or UNKNOWN
    state = step.evidence.upstream().get(told["name"])
    how = _HOW_IT_STANDS.get(state.type, "did not complete") if state else "did not complete"
    return f"upstream {told['name']!r} {how}"


def _running(step: _Step) -> str:
    if step.comes_from("AwaitingConcurrencySlot"):
        return f"{step.evidence.slots()} free"
    if step.before is None or step.before.is_pending():
        return "started"
    if step.before.is_paused() or step.comes_from("Resuming"):
        return "resumed"
    return "its time has come" if step.before.is_scheduled() else UNKNOWN


def _retrying(step: _Step) -> str:
    failure, which = step.evidence.retry(step.retry)
    if step.comes_from("AwaitingRetry"):
        return which
    if step.comes_from("AwaitingConcurrencySlot"):
        return f"{step.evidence.slots()} free; {which}"
    return f"{failure}; {which}"


def _awaiting_retry(step: _Step) -> str:
    failure, which = step.evidence.retry(step.retry)
    until, since = step.state.state_details.scheduled_time, step.state.timestamp
    seconds = f" in {round((until - since).total_seconds(), 3):g} s" if until and since else ""
    return f"{failure}; {which}{seconds}"


def _timed_out(step: _Step) -> str:
    told = _EXCEEDED.match(step.message)
    return _finally(step, f"timed out after {told['time']} s" if told else _failure(step.state))


def _failed(step: _Step) -> str:
    failure = _failure(step.state)
    if not step.has_begun():
        return f"{failure} before it started"
    return _finally(step, failure)


def _finally(step: _Step, failure: str) -> str:
    return f"{failure}; retries are exhausted" if step.evidence.retries_are_exhausted() else failure


def _failure(state: State) -> str:
    told = _RAISED.match(state.message or "")
    if told is not None:
        return f"raised {_one_line(messages.shown(state.data)) if isinstance(state.data, Exception) else told['error']}"
    if isinstance(state.data, Exception) and state.message == str(state.data):
        return f"met {_one_line(messages.shown(state.data))}"
    return f"returned {_one_line(str(state))}"


def _completed(step: _Step) -> str:
    plain = step.state.name == "Completed" and not step.state.message
    return "returned" if plain else f"returned {_one_line(str(step.state))}"


def _cancelled(step: _Step) -> str:
    if step.comes_from("Cancelling") or step.message == messages.cancelled_by_request:
        return "cancelled"
    told = (messages.not_begun, messages.deployment_is_full, messages.server_is_gone)
    return step.message if step.message in told else f"returned {_one_line(str(step.state))}"


def _what_failed(told: str) -> str:
    for pattern, words in _WHAT_FAILED:
        if pattern.fullmatch(told):
            return _one_line(pattern.sub(words, told))
    return _one_line(told)


def _one_line(text: str, most: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _says(words: str) -> Callable[[_Step], str]:
    return lambda step: words


def _its_message(step: _Step) -> str:
    return _one_line(step.message).rstrip(".") or UNKNOWN


_BY_NAME: Mapping[str, Callable[[_Step], str]] = {
    "NotReady": _not_ready,
    "Submitting": _says("picked up"),
    "Retrying": _retrying,
    "AwaitingRetry": _awaiting_retry,
    "AwaitingConcurrencySlot": lambda step: f"no {step.evidence.slots()} free",
    "Late": _says("its time has passed"),
    "Resuming": _says("resumed"),
    "Suspended": _says("suspended"),
    "TimedOut": _timed_out,
    "Cached": _says("found in the cache"),
    "RolledBack": _says("rolled back"),
}
_BY_TYPE: Mapping[StateType, Callable[[_Step], str]] = {
    StateType.SCHEDULED: _says("scheduled"),
    StateType.PENDING: _pending,
    StateType.RUNNING: _running,
    StateType.PAUSED: _says("paused"),
    StateType.CANCELLING: _says("somebody asked to cancel it"),
    StateType.COMPLETED: _completed,
    StateType.FAILED: _failed,
    StateType.CRASHED: _its_message,
    StateType.CANCELLED: _cancelled,
}
