"""Stubs: what stands in for the bodies of a task's or flow's runs, and what is known of how it was called."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, TypeVar

from headrace.core.records import Run
from headrace.drive.world import World
from headrace.exceptions import StubError
from headrace.runs.context import RunContext
from headrace.testing.faults.checks import checked_seconds
from headrace.testing.faults.outcomes import Calls, Outcome
from headrace.testing.faults.planned import Planned
from headrace.testing.faults.targets import Target
from headrace.testing.lookups import definition_name
from headrace.testing.views import RunView

T = TypeVar("T")

__raises_as_asked__ = True  # see headrace.core.tracebacks

EXHAUSTED = ("raise", "last", "real")
UNUSED = ("raise", "ignore")


class Stub(Planned):
    """What stands in for the bodies of some runs, and what it was called with.

    `calls` are the parameters of each call, `attempts` the number of the attempt that each was, `runs` the runs that
    it stood in for, each once; all in order. `times_called` is how often it was called: once for each attempt.
    """

    def __init__(
        self,
        world: World,
        target: Target,
        outcomes: Sequence[Outcome],
        takes: Sequence[float],
        exhausted: str | None,
        unused: str,
    ) -> None:
        super().__init__()
        self._world = world
        self.target = target
        self._outcomes, self._takes = outcomes, takes
        #: What comes when the outcomes have come; None: they never have, the one comes at every call.
        self._exhausted = exhausted
        self._unused = unused
        self._runs: dict[Any, Run] = {}
        self.calls: list[dict[str, Any]] = []
        self.attempts: list[int] = []
        #: The errors of calls for which no outcome was left, and the runs that met them.
        self.refused: list[tuple[StubError, RunContext]] = []

    @property
    def times_called(self) -> int:
        """How often it was called: once for each attempt."""
        return len(self.calls)

    @property
    def runs(self) -> list[RunView]:
        """The runs that it stood in for, in the order of their first calls."""
        return [RunView(self._world, run) for run in self._runs.values()]

    @property
    def left(self) -> int | None:
        """How many outcomes have not come yet; None for one that comes at every call."""
        return None if self._exhausted is None else max(len(self._outcomes) - len(self.calls), 0)

    def begin(self, context: RunContext, fn: Any) -> tuple[float, Outcome]:
        """Be called for a run; return the seconds to wait and what comes then. Raises StubError if nothing is left."""
        position = len(self.calls)
        self.times += 1
        self.calls.append(dict(context.parameters))
        self.attempts.append(context.run.run_count)
        self._runs.setdefault(context.run.id, context.run)
        if position >= len(self._outcomes):
            if self._exhausted == "real":
                return 0, Calls(fn)
            if self._exhausted == "raise":
                raise self._refusal(context)
        return _at(self._takes, position), _at(self._outcomes, position)

    def _refusal(self, context: RunContext) -> StubError:
        had = f"{len(self._outcomes)} outcome{'s' if len(self._outcomes) > 1 else ''}"
        error = StubError(
            f"The stub of {self.target} has {had}, and {context.run.kind} run {context.run.name!r} (attempt "
            f"{context.run.run_count}) made call {len(self.calls)}. Give it more outcomes, or say what comes then: "
            "exhausted='last' (the last again) or exhausted='real' (the body)."
        )
        self.refused.append((error, context))
        return error

    def check_used(self) -> None:
        """Raise AssertionError where it was never called, and that matters."""
        if self._unused == "raise" and not self.calls:
            left = f", and its {self.left} outcomes are left" if self.left else ""
            raise AssertionError(
                f"The stub of {self.target} was never called{left}. {self._who_ran()} Remove the stub, or write "
                "unused='ignore'."
            )

    def _who_ran(self) -> str:
        store = self._world.store
        names = dict.fromkeys([definition_name(run) for run in [*store.flow_runs(), *store.task_runs()]])
        return f"What ran: {', '.join(names)}." if names else "Nothing ran."

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()
        if error is None:
            self.check_used()

    def __repr__(self) -> str:
        left = "" if self.left is None else f", {self.left} outcomes left"
        return f"<stub of {self.target}, called {self.times_called} times{left}>"


def _at(items: Sequence[T], position: int) -> T:
    """Return the item at a place; the last at all that come after it."""
    return items[min(position, len(items) - 1)]


def takes_of(given: Any) -> Sequence[float]:
    """Return how long each call takes; the last counts for all that come after. Raises TypeError, ValueError."""
    listed = given if isinstance(given, list) else [given]
    if not listed:
        raise ValueError("'takes' can't be an empty list: write seconds, or a list with those of each call.")
    return tuple(checked_seconds(seconds, "'takes'") for seconds in listed)
