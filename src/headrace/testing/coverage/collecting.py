"""Looking at worlds as they end, and counting what their runs did.

Which flow or task a run is of is not in its record, whose names several may share; so each new run is witnessed. Runs
that were made out of sight, by a task in another process, are known by their names where only one can be meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.drive.world import World
from headrace.exceptions import StoreError
from headrace.testing import isolation
from headrace.testing.coverage.arcs import possible
from headrace.testing.coverage.exercised import exercised, transitions
from headrace.testing.coverage.findings import Finding
from headrace.testing.coverage.subjects import Project, Subject, imported, subject_of

if TYPE_CHECKING:
    from headrace.core.records import Run
    from headrace.runs.context import RunContext


class Collector:
    """While open: counts what the runs of all worlds that tests and simulations leave behind have reached.

    `sources` are files, folders or modules; without any, all below `roots` counts that was not installed there.
    """

    def __init__(self, roots: Sequence[Path], sources: Sequence[str] = ()) -> None:
        self._project = Project(roots, sources)
        self._made: dict[UUID, Any] = {}
        self._found: dict[str, Finding] = {}
        self._named: dict[tuple[str, str], tuple[Subject, Any] | None] = {}
        self._before: Any = None
        #: Worlds whose stores could not be read.
        self.unread = 0

    def __enter__(self) -> Collector:
        self._before = World.witness
        World.witness = self._witness
        isolation.last_looks.append(self.look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        World.witness = self._before
        isolation.last_looks.remove(self.look)

    def _witness(self, context: RunContext) -> None:
        self._made[context.run.id] = context.definition

    def look(self, world: World) -> None:
        """Count what the runs of a world have reached. To be called once for each, before it is closed."""
        try:
            for run in [*world.store.flow_runs(), *world.store.task_runs()]:
                if getattr(run, "child_flow_run_id", None) is None:  # else it only mirrors a subflow
                    self._count(world, run)
        except StoreError:
            self.unread += 1

    def _count(self, world: World, run: Run) -> None:
        subject, definition = self._known(run)
        if subject is None or not self._project.has(subject.module, subject.file):
            return
        states = world.store.history(run.id)
        finding = self._finding(subject, definition)
        finding.runs += 1
        finding.counts.update(exercised(states, definition, lambda: _has_timed_out(world, run)))
        finding.transitions.update(transitions(states))

    def _finding(self, subject: Subject, definition: Any) -> Finding:
        if subject.key not in self._found:
            self._found[subject.key] = Finding(subject, possible(definition))
        return self._found[subject.key]

    def _known(self, run: Run) -> tuple[Subject | None, Any]:
        """Return what a run is of."""
        definition = self._made.pop(run.id, None)
        if definition is None:
            return self._guessed(run) or (None, None)
        return subject_of(run.kind, definition), definition

    def _guessed(self, run: Any) -> tuple[Subject, Any] | None:
        """Return what a run is of that nobody saw being made; None where several may be meant, or none."""
        name = (run.kind, run.flow_name if run.kind == "flow" else run.task_key)
        if name not in self._named:
            fitting = [
                (subject, one) for subject, one in imported(self._project).values() if _name(subject, one) == name
            ]
            self._named[name] = fitting[0] if len(fitting) == 1 else None
        return self._named[name]

    def findings(self) -> Iterator[Finding]:
        """Yield what is known of each flow and task that was imported, or has run; files as seen from the root."""
        declared = imported(self._project)
        for subject, definition in declared.values():
            self._finding(subject, definition).arcs = possible(definition)  # not what a variant of it may do
        for finding in self._found.values():
            shown = self._project.shown(finding.subject.file)
            yield Finding(
                finding.subject._replace(file=shown),
                finding.arcs,
                finding.runs,
                Counter(finding.counts),
                Counter(finding.transitions),
            )


def _name(subject: Subject, definition: Any) -> tuple[str, str]:
    return subject.kind, definition.name if subject.kind == "flow" else definition.task_key


def _has_timed_out(world: World, run: Run) -> bool:
    from headrace.testing.transitions import steps  # few runs are tried again or time out

    return any(step.cause.startswith("timed out after") for step in steps(world, run))
