"""Finding runs by name, with an answer that helps where there is none, or more than one."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from fnmatch import fnmatchcase

from headrace.core.records import Run
from headrace.core.states import StateType
from headrace.drive.world import World, current_world
from headrace.store.protocol import Store
from headrace.testing.views import RunView, definition_name


def recorded_runs() -> Runs:
    """Return the runs of the world that this code is in: of the current test, under the pytest plugin."""
    return Runs(current_world())


class Runs:
    """The runs that a world's store holds.

    A name is that of a run, or of the flow or task that it is a run of; ``*``, ``?`` and ``[…]`` make it a pattern.
    """

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def store(self) -> Store:
        """The store itself."""
        return self._world.store

    def flow(self, name: str = "*") -> RunView:
        """Return the one flow run of that name. Raises AssertionError where there is none, or more than one."""
        __tracebackhide__ = True
        return _only(self._views(self._world.store.flow_runs()), name, "flow")

    def task(self, name: str = "*") -> RunView:
        """Return the one task run of that name. Raises AssertionError where there is none, or more than one."""
        __tracebackhide__ = True
        return _only(self._views(self._world.store.task_runs()), name, "task")

    def flows(self, name: str = "*") -> list[RunView]:
        """Return the flow runs of that name, in order of creation."""
        return _named(self._views(self._world.store.flow_runs()), name)

    def tasks(self, name: str = "*") -> list[RunView]:
        """Return the task runs of that name, in order of creation."""
        return _named(self._views(self._world.store.task_runs()), name)

    def all(self, state: str | StateType | None = None) -> list[RunView]:
        """Return all runs in order of creation; `state` restricts to those in a state of that name or type."""
        views = sorted([*self.flows(), *self.tasks()], key=lambda view: (view.record.created, view.id))
        return views if state is None else [view for view in views if _is_in(view, str(state))]

    def __len__(self) -> int:
        return len(self._world.store.flow_runs()) + len(self._world.store.task_runs())

    def __repr__(self) -> str:
        return f"<Runs: {', '.join(map(str, self.all())) or 'none'}>"

    def _views(self, records: Sequence[Run]) -> list[RunView]:
        return [RunView(self._world, record) for record in records]


def _is_in(view: RunView, state: str) -> bool:
    standing = view.state
    return standing is not None and state in (standing.name, standing.type.value)


def _named(views: list[RunView], name: str) -> list[RunView]:
    """Return those whose run has the name; else those whose flow or task has it; else those that the pattern fits."""
    if name == "*":
        return views
    names = [(view, record.name, definition_name(record)) for view in views for record in [view.record]]
    exact = [view for view, run, _ in names if run == name] or [view for view, _, of in names if of == name]
    return exact or [view for view, run, of in names if fnmatchcase(run, name) or fnmatchcase(of, name)]


def _only(views: list[RunView], name: str, kind: str) -> RunView:
    __tracebackhide__ = True
    found = _named(views, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise AssertionError(f"{len(found)} {kind} runs fit {name!r}; name one of them:\n{_listed(found)}")
    raise AssertionError(f"No {kind} run fits {name!r}. {_near(views, name, kind)}")


def _near(views: list[RunView], name: str, kind: str) -> str:
    if not views:
        return f"There are no {kind} runs at all: none was started, or not in this test."
    names = [*(view.name for view in views), *(view.definition_name for view in views)]
    close = difflib.get_close_matches(name, names, n=3)
    likely = [view for view in views if view.name in close or view.definition_name in close]
    return f"Did you mean one of these?\n{_listed(likely)}" if likely else f"There are:\n{_listed(views)}"


def _listed(views: Sequence[RunView], most: int = 10) -> str:
    lines = [f"  {view.name} (of {view.definition_name}): {view.state}" for view in views[:most]]
    return "\n".join([*lines, f"  … and {len(views) - most} more"] if len(views) > most else lines)
