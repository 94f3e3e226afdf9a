"""Runs, states and filters to put to stores, made without a clock; and what of them must be the same in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_details import StateDetails
from headrace.core.state_types import NAMES, TYPE_OF_NAME, StateType
from headrace.core.states import State, unstamped
from headrace.core.transitions import allowed
from headrace.ids import IdSource
from headrace.store import conditions as c
from headrace.store.conditions import FIELDS, Condition, Kind
from headrace.store.protocol import SORTABLE, SORTABLE_THINGS, Order, RunFilter, RunKind, ThingKind

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
FLOW_ID = UUID(int=7)
#: The id of no run.
NEVER = UUID(int=0)
words = st.sampled_from(["", "a", "A", "ab", "aB%", "b_", "c\\d", "é", "x y", "ünf*", "?"])
patterns = words | st.sampled_from(["*", "a*", "?b", "*_", "%", "\\", "*\\*", "É"])
state_names = st.sampled_from(sorted(TYPE_OF_NAME))
messages = st.none() | words
details = st.builds(
    StateDetails,
    scheduled_time=st.none() | st.just(T0),
    cache_key=st.none() | words,
    retriable=st.none() | st.booleans(),
    pause_reschedule=st.booleans(),
)
seconds = st.integers(0, 5) | st.sampled_from([0.1, 1 / 3, 60.0])
limit_names = st.sampled_from(["x", "y", "z"])
queues = st.sampled_from(["a", "b"])
filters = st.builds(
    RunFilter,
    state_types=st.frozensets(st.sampled_from(StateType), max_size=2),
    state_names=st.frozensets(state_names | words, max_size=2),
    name=st.none() | patterns,
    flow_name=st.none() | patterns,
    task_name=st.none() | patterns,
    tags=st.frozensets(words, max_size=2),
    after=st.none() | st.just(T0 + timedelta(seconds=3)),
    before=st.none() | st.just(T0 + timedelta(seconds=6)),
)

orders = st.builds(Order, field=st.sampled_from(SORTABLE), descending=st.booleans())
#: What artifacts and variables hold.
values = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, -1, 0.5]) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=3,
)


def thing_orders(kind: ThingKind) -> st.SearchStrategy[Order]:
    """Draw an order for artifacts, or for variables."""
    return st.builds(Order, field=st.sampled_from(SORTABLE_THINGS[kind]), descending=st.booleans())


def conditions(kind: Kind, ids: Sequence[UUID], depth: int = 2) -> st.SearchStrategy[Condition]:
    """Draw whatever can be asked of runs, log lines, artifacts or variables; ids are among these."""
    plain = st.sampled_from(sorted(FIELDS[kind].items(), key=lambda item: item[0])).flatmap(
        lambda item: _on_field(*item, ids)
    )
    if "tags" in FIELDS[kind]:
        plain |= st.builds(c.Tagged, words)
    if kind == "artifact":
        plain |= st.just(c.NewestOfKey())
    if depth == 0:
        return plain
    inner = conditions(kind, ids, depth - 1)
    several = st.lists(inner, max_size=3).map(tuple)
    joined = st.builds(c.AllOf, several) | st.builds(c.AnyOf, several) | st.builds(c.Not, inner)
    if kind == "flow":
        return plain | joined | st.builds(c.WithTaskRun, conditions("task", ids, depth - 1))
    if kind == "variable":
        return plain | joined
    return plain | joined | st.builds(c.OfFlowRun, conditions("flow", ids, depth - 1))


def _on_field(field: str, type_: type, ids: Sequence[UUID]) -> st.SearchStrategy[Condition]:
    values: st.SearchStrategy[Any] = {
        UUID: st.sampled_from(ids),
        datetime: seconds.map(lambda passed: T0 + timedelta(seconds=passed)),
        timedelta: seconds.map(lambda passed: timedelta(seconds=passed)),
        int: st.sampled_from([0, 1, 2, 20]),
    }.get(type_, words | st.sampled_from([*StateType, "Cached", "log.20"]))
    if field == "tags":  # they are several: what can be asked is whether there are any, and of single ones
        return st.just(c.Known(field))
    asked = st.builds(c.OneOf, st.just(field), st.frozensets(values, max_size=3)) | st.just(c.Known(field))
    if type_ is str:
        return asked | st.builds(c.Like, st.just(field), patterns, st.booleans())
    bounds = [st.none() | values] * 3
    return asked | st.builds(c.Between, st.just(field), *bounds)


@st.composite
def states(draw: st.DrawFn, before: State | None, kind: RunKind, most: int = 3) -> list[State]:
    """Draw states that may follow one another, of names that are ours or somebody's."""
    path: list[State] = []
    for _ in range(draw(st.integers(1, most))):
        types = [t for t in StateType if any(allowed(before, unstamped(t, name), kind) for name in NAMES[t])]
        if not types:
            break
        type_ = draw(st.sampled_from(types))
        name = draw(st.sampled_from(NAMES[type_]) | st.just("Odd"))
        after = unstamped(type_, name, message=draw(messages), state_details=draw(details), data="kept by one alone")
        if allowed(before, after, kind):
            path.append(after)
            before = after
    return path


def ids_from(seed: int) -> IdSource:
    """Return a source of ids of its own."""
    return IdSource(lambda: int(T0.timestamp()) * 1_000_000_000, Random(seed))


def flow_run(name: str, flow_name: str, **given: Any) -> FlowRun:
    """Return a flow run that has entered no state."""
    return FlowRun(name=name, flow_name=flow_name, flow_id=FLOW_ID, **{"created": T0, **given})


def task_run(name: str, task_name: str, **given: Any) -> TaskRun:
    """Return a task run that has entered no state."""
    return TaskRun(name=name, task_name=task_name, task_key="flows.fetch", **{"created": T0, **given})


def told(run: Run) -> dict[str, Any]:
    """Return all that is stored of a run, in a form in which back ends can be compared: data left out."""
    assert run.state is not None
    fields = {field.name: getattr(run, field.name) for field in dataclasses.fields(run) if field.compare}
    inputs = {name: list(ids) for name, ids in fields.pop("task_inputs", {}).items()}
    return fields | {"state": told_state(run.state), "task_inputs": inputs}


def told_state(state: State) -> tuple[Any, ...]:
    """Return all that is stored of a state: everything but its data."""
    return (state.type, state.name, state.timestamp, state.message, state.state_details, state.id)


def run_ids(runs: Sequence[Run]) -> list[UUID]:
    """Return the ids of runs."""
    return [run.id for run in runs]
