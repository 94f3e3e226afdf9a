"""What a flow run did, read from the store so that a test can repeat it: whom it called, and what came of it.

A test repeats what the code of a flow does. It can't repeat what came from outside: a run that was cancelled, or whose
process died, or that was run again by hand, is refused.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from logging import WARNING
from uuid import UUID

from headrace.client.as_test.source import Source, error_of_message, error_of_repr, literal
from headrace.core.again import lost
from headrace.core.kept import NOT_KEPT, Kept
from headrace.core.names import task_run_name
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import TYPE_OF_NAME, StateType
from headrace.core.states import State
from headrace.drive.fetching import fetch_plainly
from headrace.drive.world import World
from headrace.exceptions import HeadraceError, MissingResult
from headrace.store.protocol import LogFilter, RunFilter
from headrace.store.story import descendants

#: Runs that have more task runs than this, with those of their subflows, are refused.
MOST = 2000
_FROM_OUTSIDE = (StateType.CRASHED, StateType.CANCELLED, StateType.CANCELLING)
#: States that depend on what else went on at the time: limits, schedules.
_OF_THE_TIME = ("AwaitingConcurrencySlot", "Scheduled", "Late")
_FAILED = re.compile(
    r"Task run failed with exception: (?P<error>.*?)(?: - Retry \d+/\d+ will start .*| - Retries are exhausted.*"
    r"|\nTraceback .*)?$",
    re.DOTALL,
)
_ENCOUNTERED = re.compile(r"Task run encountered an exception: (?P<error>.*)", re.DOTALL)


class NotATest(HeadraceError, ValueError):
    """A flow run can't be copied as a test; the message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call of a task's function; `source` is None where it is not known what it returned.

    `takes` is how long the call is to last, in seconds, where that matters.
    """

    began: datetime
    source: Source | None
    takes: float = 0.0


@dataclass(frozen=True, slots=True)
class Called:
    """A task run whose function was called, and what came of each call. `named`: its name was not drawn."""

    task: str
    run: str
    named: bool
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A flow run: what it was given, what its tasks did, and how often runs went through which states.

    `lost` are parameters of which only a text for people was recorded.
    """

    run: FlowRun
    entrypoint: str
    lost: Sequence[str]
    called: Sequence[Called]
    histories: Mapping[tuple[str, str], int] = field(default_factory=dict)


def recorded(world: World, run_id: UUID) -> Recorded:
    """Return what a flow run did. Raises ObjectNotFound, and NotATest for what a test can't repeat."""
    store = world.store
    run = store.flow_run(run_id)
    entrypoint = _checked(run)
    flow_runs = [run, *descendants(store, run)]
    if sum(store.count("task", RunFilter(flow_run_id=one.id)) for one in flow_runs) > MOST:
        raise NotATest(f"{run.name!r} has more than {MOST} task runs: copy a smaller run.")
    tasks = [task for one in flow_runs for task in store.task_runs(RunFilter(flow_run_id=one.id))]
    states = store.histories([one.id for one in (*flow_runs, *tasks)])
    for one in (*flow_runs, *tasks):
        _check_from_within(one, states.get(one.id, []))
    world.logs.flush()
    errors = _errors(world, flow_runs)
    ran = {one.cache_key for one in tasks if one.state_name == "Completed"}
    histories: dict[tuple[str, str], int] = defaultdict(int)
    for one in (*flow_runs, *tasks):
        assert isinstance(one, FlowRun | TaskRun)
        told = " ".join(_replayed(one, states.get(one.id, []), ran))
        histories[one.flow_name if isinstance(one, FlowRun) else one.task_name, told] += 1
    return Recorded(
        run=run,
        entrypoint=entrypoint,
        lost=lost(run.parameters, ()),
        called=[
            _called(world, task, states.get(task.id, []), errors.get(task.id, []))
            for task in tasks
            if task.child_flow_run_id is None and not _is_cached_here(task, ran)
        ],
        histories=dict(histories),
    )


def _checked(run: FlowRun) -> str:
    if run.parent_flow_run_id is not None:
        raise NotATest(f"{run.name!r} is the run of a subflow: copy the flow run {run.parent_flow_run_id} around it.")
    if run.state is None or not run.state.is_final():
        raise NotATest(f"{run.name!r} has not ended: how a test of it should end is not known yet.")
    if run.entrypoint is None:
        raise NotATest(
            f"Where the flow {run.flow_name!r} is was not recorded: it was made within another function or in a "
            "console, or by an older version. A flow at the top of a module can be imported by a test."
        )
    return run.entrypoint


def _check_from_within(run: Run, states: Sequence[State]) -> None:
    for state in states:
        if state.type in _FROM_OUTSIDE:
            raise NotATest(f"{run.name!r} was {state.name}: that came from outside, and no test repeats it.")
    if any(state.is_final() for state in states[:-1] if state.name != "Completed"):
        raise NotATest(f"{run.name!r} was run again after it had ended, which a test of the code does not repeat.")


def _is_cached_here(run: Run, ran: Collection[str | None]) -> bool:
    """Say whether a run took over the result of another one that a test repeats as well."""
    return isinstance(run, TaskRun) and run.state_name == "Cached" and run.cache_key in ran


def _replayed(run: Run, states: Sequence[State], ran: Collection[str | None]) -> Iterator[str]:
    """Yield the names of the states that the run will go through again; what others had cached is not in a test."""
    for state in states:
        if state.name == "Cached" and not _is_cached_here(run, ran):
            yield "Completed"
        elif state.name not in _OF_THE_TIME:
            yield state.name


def _errors(world: World, flow_runs: Sequence[FlowRun]) -> dict[UUID, list[str]]:
    """Return the reprs of errors that attempts failed with, in order, by task run: they stand in the log alone."""
    found: dict[UUID, list[str]] = defaultdict(list)
    for run in flow_runs:
        for line in world.store.logs(LogFilter(flow_run_id=run.id, min_level=WARNING)):
            told = _FAILED.match(line.message)
            if told and line.task_run_id is not None:
                found[line.task_run_id].append(told["error"])
    return found


def _called(world: World, run: TaskRun, states: Sequence[State], errors: Sequence[str]) -> Called:
    named = run.name != task_run_name(run.task_name, run.id)
    return Called(run.task_name, run.name, named, list(_outcomes(world, states, iter(errors))))


def _outcomes(world: World, states: Sequence[State], errors: Iterator[str]) -> Iterator[Outcome]:
    for state, after in zip(states, [*states[1:], None], strict=True):
        if state.is_running() and after is not None:
            yield _outcome(world, state, after, errors)


def _outcome(world: World, state: State, after: State, errors: Iterator[str]) -> Outcome:
    assert state.timestamp is not None
    assert after.timestamp is not None
    if after.type is StateType.COMPLETED:
        return Outcome(state.timestamp, _named(after, _value(world, after)))
    shown, told = next(errors, None), _ENCOUNTERED.match(after.message or "")
    if "exceeded timeout" in f"{shown} {after.message}":
        return Outcome(state.timestamp, Source("None"), (after.timestamp - state.timestamp).total_seconds() + 1)
    if shown is None and told is None:
        return Outcome(state.timestamp, _named(after, literal(None)))
    known = error_of_repr(shown) if shown is not None else None
    return Outcome(state.timestamp, known or error_of_message(told["error"] if told else shown or "Exception"))


def _value(world: World, state: State) -> Source | None:
    if state.data is NOT_KEPT:
        return None
    try:
        return literal(fetch_plainly(state.data, world) if isinstance(state.data, Kept) else state.data)
    except MissingResult:
        return None


def _named(state: State, value: Source | None) -> Source | None:
    """Return what a function returned that named its state itself: the state, with its value."""
    if state.name in TYPE_OF_NAME:
        return value
    kind = state.type.capitalize()
    data = f", data={value.text}" if value is not None and state.type is StateType.COMPLETED else ""
    text = f"{kind}(name={state.name!r}, message={state.message!r}{data})"
    imports = value.imports if value is not None else frozenset()
    return Source(text, imports | {f"from headrace.states import {kind}"})
