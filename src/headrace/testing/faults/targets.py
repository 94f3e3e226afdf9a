"""Which calls a stub or a fault is meant for."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from headrace.core.records import Run
from headrace.definitions import underlying
from headrace.runs.context import RunContext
from headrace.testing.faults.checks import checked_attempts, checked_pattern
from headrace.testing.lookups import definition_name

#: A module, a name in it, and a line.
Place = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Target:
    """The runs of a task or flow, told by its function, or of a name; of those perhaps only some, or some attempts.

    Variants that `with_options` made have the same function, and so do methods, of whichever instance.
    """

    called: str
    function: Any
    pattern: str | None
    run: str | None
    attempts: frozenset[int] | None

    def fits(self, context: RunContext) -> bool:
        """Say whether the attempt that a run is at is meant."""
        name, definition = context.run.name, context.definition
        if self.pattern is not None:
            is_meant = fits(self.pattern, name) or fits(self.pattern, definition.name)
        else:
            is_meant = self._is_of(definition)
        is_meant = is_meant and (self.run is None or fits(self.run, name))
        return is_meant and (self.attempts is None or context.run.run_count in self.attempts)

    def _is_of(self, definition: Any) -> bool:
        far = getattr(definition, "place", None)  # of one that a worker process calls
        return function_of(definition) is self.function if far is None else bool(far == place_of(self.function))

    def __str__(self) -> str:
        return self.called if self.run is None else f"{self.called} (run {self.run!r})"


def target_of(given: Any, run: Any = None, attempts: Any = None) -> Target:
    """Return what is meant by a task, a flow or a pattern of names. Raises TypeError and ValueError."""
    run, attempts = checked_pattern(run, "run"), checked_attempts(attempts)
    if isinstance(given, str):
        pattern = checked_pattern(given, "task")
        return Target(repr(given), None, pattern, run, attempts)
    kind = kind_of(given)
    if kind is None:
        raise TypeError(
            f"Only tasks and flows have stubs and faults, and {given!r} is neither: give what @task or @flow made, or "
            "a name or pattern of tasks or runs, such as 'load-*'."
        )
    return Target(f"the {kind} {given.name!r}", function_of(given), None, run, attempts)


def kind_of(given: Any) -> str | None:
    """Say whether this is a task or a flow; None: neither."""
    if not hasattr(type(given), "story"):  # what its class is, import by import, does not matter
        return None
    return "flow" if hasattr(given, "flow_run_name") else "task"


def function_of(definition: Any) -> Any:
    """Return the function of a task or flow, the same for all its variants and all instances of its class."""
    fn = underlying(definition.fn)
    return fn.__func__ if inspect.ismethod(fn) else fn


def place_of(function: Any) -> Place:
    """Return where a function is written, by which other processes know it: lambdas have one name between them."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return function.__module__, name, getattr(getattr(function, "__code__", None), "co_firstlineno", 0)


def names_run(pattern: str, run: Run) -> bool:
    """Say whether this is the name, or a pattern of the name, of a run or of the flow or task it is a run of."""
    return fits(pattern, run.name) or fits(pattern, definition_name(run))


def fits(pattern: str, name: str) -> bool:
    """Say whether a name is this one, or fits this pattern."""
    return name == pattern or fnmatchcase(name, pattern)
