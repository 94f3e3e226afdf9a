"""Histories as values: all that a world's runs went through, to compare, to print and to keep.

A history is taken at a moment and never changes. `normalised` makes it independent of ids, drawn names and the time of
day; `to_json` gives the same bytes for the same history, in any process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

from headrace.core.codec import to_json
from headrace.core.names import task_run_name
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.words import ADJECTIVES, ANIMALS
from headrace.drive.world import World
from headrace.testing import lookups, normalising
from headrace.testing.entries import RunEntry, StateEntry
from headrace.testing.siblings import ordered_siblings
from headrace.testing.transitions import Transition, steps

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class History:
    """Runs with all that they went through, each followed by what it started. Equal if all that is told is equal."""

    runs: tuple[RunEntry, ...] = ()

    def normalised(self) -> History:
        """Return it with seconds since its first state, ids such as ``task-1.2``, and without names that were drawn.

        Seconds are to the millisecond. ``task-1.2`` is the second run that ``flow-1`` started. A run whose name was
        drawn is named after its flow or task. Two tellings of one story are then equal, whatever the seed and the date.
        """
        return History(normalising.normalised(self.runs))

    def unordered(self) -> History:
        """Return it normalised, and without the order in which runs started others: siblings are sorted."""
        return History(ordered_siblings(self.normalised().runs))

    def to_json(self) -> str:
        """Return JSON, the same bytes for the same history: a line for each field and for each state."""
        runs = ",\n".join(_run_as_json(run) for run in self.runs)
        return f'{{"runs": [\n{runs}\n]}}\n'

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the history that `to_json` was asked of."""
        return cls(tuple(map(RunEntry.from_json, json.loads(text)["runs"])))

    def __iter__(self) -> Iterator[RunEntry]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    def __str__(self) -> str:
        return "\n".join(line for run in self.runs for line in run.lines())


def same_up_to_siblings(one: History, other: History) -> bool:
    """Say whether two histories tell the same story, but for the order in which runs started others."""
    return one.unordered() == other.unordered()


def _run_as_json(run: RunEntry) -> str:
    fields = run.as_json()
    states = ",\n".join(f"   {_json(state)}" for state in fields["states"])
    lines = [
        f"  {_json(name)}: " + (f"[\n{states}\n  ]" if name == "states" else _json(fields[name])) for name in fields
    ]
    return " {\n" + ",\n".join(lines) + "\n }"


_json = json.JSONEncoder(ensure_ascii=False).encode


# taking --------------------------------------------------------------------------------------------------------


def history_of(world: World, root: Run | None = None) -> History:
    """Take the history of a run with all that it started; None is all that the world's store holds."""
    store = world.store
    runs: list[Run] = [*store.flow_runs(), *store.task_runs()]
    subflows = {run.parent_task_run_id: run.id for run in runs if isinstance(run, FlowRun)}
    stand_ins = {run.id: subflows[run.id] for run in runs if run.id in subflows}
    told = sorted((run for run in runs if run.id not in stand_ins), key=lambda run: (run.created, run.id))
    entries = normalising.in_order([_entry(world, run) for run in told])
    return History(entries if root is None else _below(entries, str(stand_ins.get(root.id, root.id))))


def _below(entries: Iterable[RunEntry], root: str) -> tuple[RunEntry, ...]:
    """Return one entry, as one that nobody started, and those below it; the entries are in order."""
    kept: dict[str, RunEntry] = {}
    for entry in entries:
        if entry.id == root:
            kept[root] = replace(entry, parent=None)
        elif entry.parent in kept:
            kept[entry.id] = entry
    return tuple(kept.values())


def _entry(world: World, run: Run) -> RunEntry:
    assert isinstance(run, FlowRun | TaskRun)
    told = steps(world, run)
    parent = lookups.parent(run)
    return RunEntry(
        id=str(run.id),
        kind=run.kind,
        name=run.name,
        drawn=_is_drawn(run),
        definition=lookups.definition_name(run),
        parent=str(parent) if parent else None,
        upstream=tuple(str(one.id) for one in lookups.upstream(world, run)),
        parameters=json.loads(_ADDRESS.sub("", to_json(run.parameters))),
        tags=tuple(sorted(run.tags)),
        attempts=run.run_count,
        retry_delays=tuple(lookups.planned_delays([step.state for step in told])),
        states=tuple(map(_state, told)),
        logs=tuple(_ADDRESS.sub("", lookups.without_traceback(line.message)) for line in lookups.log_lines(world, run)),
    )


def _state(step: Transition) -> StateEntry:
    message = _ADDRESS.sub("", step.state.message) if step.state.message else None
    return StateEntry(step.to.name, step.state.type.value, step.at, message, _ADDRESS.sub("", step.cause))


def _is_drawn(run: FlowRun | TaskRun) -> bool:
    if isinstance(run, TaskRun):
        return run.name == task_run_name(run.task_name, run.id)
    adjective, _, animal = run.name.partition("-")
    return adjective in ADJECTIVES and animal in ANIMALS
