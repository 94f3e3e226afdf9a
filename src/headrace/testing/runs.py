"""Finding runs by name, with an answer that helps where there is none, or more than one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.drive.world import World, current_world
from headrace.store.protocol import RunKind, Store
from headrace.testing.lookups import definition_name
from headrace.testing.views import ExpectedRun, RunView

if TYPE_CHECKING:
    from headrace.testing.history import History

__tracebackhide__ = True  # in reports of pytest: who looks for a run that is not there is shown the line that looks


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
        """Return the one flow run of that name. Raises AssertionError where there is none, or more than one.

        Where there is none yet but something goes on that may still begin it, a view is returned that fails when it is
        looked at; `reaches` can be asked of it at once.
        """
        return self._one("flow", name)

    def task(self, name: str = "*") -> RunView:
        """Return the one task run of that name. Raises AssertionError, or not yet, as `flow` does."""
        return self._one("task", name)

    def flows(self, name: str = "*") -> RunList:
        """Return the flow runs of that name, in order of creation; an empty list tells near misses in its repr."""
        return self._search("flow", name).all()

    def tasks(self, name: str = "*") -> RunList:
        """Return the task runs of that name, in order of creation; an empty list tells near misses in its repr."""
        return self._search("task", name).all()

    def all(self, state: str | StateType | None = None) -> list[RunView]:
        """Return all runs in order of creation; `state` restricts to those in a state of that name or type.

        Raises UnknownStateName for a name that is misspelled.
        """
        store = self._world.store
        records = sorted([*store.flow_runs(), *store.task_runs()], key=lambda run: (run.created, run.id))
        if state is not None:
            from headrace.testing.conditions import checked_state, is_in  # most tests never ask for these

            wanted = checked_state(state, {run.state_name or "" for run in records}, "There is no such run")
            records = [run for run in records if run.state is not None and is_in(run.state, wanted)]
        return [RunView(self._world, run) for run in records]

    def history(self) -> History:
        """Return what all runs went through so far, as a value that can be compared, printed and kept."""
        from headrace.testing.history import history_of  # as above

        return history_of(self._world)

    def __len__(self) -> int:
        return len(self._world.store.flow_runs()) + len(self._world.store.task_runs())

    def __repr__(self) -> str:
        return f"<Runs: {', '.join(map(str, self.all())) or 'none'}>"

    def _one(self, kind: RunKind, name: str) -> RunView:
        search = self._search(kind, name)
        found = search.all()
        if not found and self._more_may_come():
            return ExpectedRun(self._world, kind, name, search)
        return search.only(found)

    def _search(self, kind: RunKind, name: str) -> _Search:
        return _Search(self._world, kind, name)

    def _more_may_come(self) -> bool:
        """Say whether runs may begin without any doing of the test: some go on, or the world knows of others."""
        expects: Callable[[], bool] | None = getattr(self._world, "expects_runs", None)
        if expects is not None and expects():
            return True
        store = self._world.store
        alone = [run for run in store.task_runs() if run.flow_run_id is None]
        return any(_goes_on(run) for run in [*store.flow_runs(), *alone])


def _goes_on(run: Run) -> bool:
    return run.state is not None and not run.state.is_final() and run.state.name != "NotReady"


class RunList(list[RunView]):
    """A list of runs in every way; where it is empty, its repr says what was looked for, and what comes near."""

    def __init__(self, views: Iterable[RunView], instead: Callable[[], str]) -> None:
        super().__init__(views)
        self._instead = instead

    def __repr__(self) -> str:
        return super().__repr__() if self else f"[] ({self._instead()})"


class _Search:
    """A search by name among the runs of one kind, made again at each call."""

    def __init__(self, world: World, kind: RunKind, name: str) -> None:
        self._world = world
        self._kind: RunKind = kind
        self._name = name

    def _records(self) -> Sequence[Run]:
        store = self._world.store
        return store.flow_runs() if self._kind == "flow" else store.task_runs()

    def _everything(self) -> list[RunView]:
        return [RunView(self._world, run) for run in self._records()]

    def all(self) -> RunList:
        """Return the runs that fit."""
        fitting = _named(self._records(), self._name)
        return RunList((RunView(self._world, run) for run in fitting), self._nothing)

    def only(self, found: RunList | None = None) -> RunView:
        """Return the one that fits. Raises AssertionError where there is none, or more than one."""
        found = self.all() if found is None else found
        if len(found) == 1:
            return found[0]
        if found:
            one = f"{len(found)} {self._kind} runs fit {self._name!r}; name one of them"
            raise AssertionError(f"{one}:\n{_listed(found)}")
        raise AssertionError(
            f"No {self._kind} run fits {self._name!r}. {_near(self._everything(), self._name, self._kind)}"
        )

    def _nothing(self) -> str:
        """Say in one line that there is nothing, and what comes near."""
        everything = self._everything()
        near = [view.name for view in _likely(everything, self._name)]
        if near:
            return f"no {self._kind} run fits {self._name!r}; did you mean {', '.join(near)}?"
        return f"no {self._kind} run fits {self._name!r}, of {len(everything)}"


def _named(runs: Sequence[Run], name: str) -> Sequence[Run]:
    """Return those that have the name; else those whose flow or task has it; else those that the pattern fits."""
    if name == "*":
        return runs
    names = [(run, run.name, definition_name(run)) for run in runs]
    exact = [run for run, own, _ in names if own == name] or [run for run, _, of in names if of == name]
    return exact or [run for run, own, of in names if fnmatchcase(own, name) or fnmatchcase(of, name)]


def _near(views: list[RunView], name: str, kind: str) -> str:
    if not views:
        return f"There are no {kind} runs at all: none was started, or not in this test."
    likely = _likely(views, name)
    return f"Did you mean one of these?\n{_listed(likely)}" if likely else f"There are:\n{_listed(views)}"


def _likely(views: list[RunView], name: str) -> list[RunView]:
    """Return the runs whose name, or whose definition's, comes near, the nearest first."""
    import difflib  # only who fails needs it

    names = {view.name: [view] for view in views}
    for view in views:
        names.setdefault(view.definition_name, []).append(view)
    close = difflib.get_close_matches(name, names, n=3)
    return list(dict.fromkeys(view for near in close for view in names[near]))


def _listed(views: Sequence[RunView], most: int = 10) -> str:
    lines = [f"  {view.name} (of {view.definition_name}): {view.state}" for view in views[:most]]
    return "\n".join([*lines, f"  … and {len(views) - most} more"] if len(views) > most else lines)
