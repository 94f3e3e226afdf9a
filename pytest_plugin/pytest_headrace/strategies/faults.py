"""Plans of faults: which tasks fail, or are slow, at which attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from headrace import Flow, Task
from headrace.testing import Simulation

from .checking import Choice, check_error, check_range, check_seconds, checked_by, choice, quarters, refuse
from .scripts import Error


@dataclass(frozen=True)
class Fault:
    """What happens to one attempt (from 1) of each run of a task: after `slow` seconds `error`, if any, is raised."""

    task: str
    attempt: int
    error: Error | None = None
    slow: float = 0


@dataclass(frozen=True)
class FaultPlan:
    """Faults that are to happen in one simulation."""

    faults: tuple[Fault, ...] = ()

    def apply(self, simulation: Simulation) -> None:
        """Let the faults happen in a simulation."""
        for fault in self.faults:
            if fault.error is not None:
                simulation.fail(fault.task, fault.error, fault.attempt)
            if fault.slow:
                simulation.slow(fault.task, fault.slow, fault.attempt)


_ERRORS = st.sampled_from([ConnectionError, ValueError, TimeoutError])


def _check(
    tasks: Any, errors: Any, durations: Any, min_faults: object, max_faults: object, max_attempt: object
) -> None:
    if isinstance(tasks, str) or not isinstance(tasks, Sequence) or not tasks:
        refuse(f"tasks={tasks!r} must be a list of tasks, flows or names of them; write fault_plans([fetch]).")
    for at, one in enumerate(tasks):
        if not isinstance(one, str | Task | Flow):
            refuse(f"tasks[{at}]={one!r} must be a task, a flow or the name of one.")
    choice("errors", errors, check_error, _ERRORS)
    choice("durations", durations, check_seconds, quarters(3600))
    check_range("min_faults", min_faults, "max_faults", max_faults)
    check_range("1", 1, "max_attempt", max_attempt, least=1)


@checked_by(_check)
@st.composite
def fault_plans(
    draw: st.DrawFn,
    tasks: Sequence[str | Task[..., Any] | Flow[..., Any]],
    *,
    errors: Choice[Error] = None,
    durations: Choice[float] = None,
    min_faults: int = 0,
    max_faults: int = 3,
    max_attempt: int = 3,
) -> FaultPlan:
    """Draw plans of faults for these tasks and flows: attempts that fail, are slow, or both; see `FaultPlan`.

    `errors` are instances or classes of Exception, `durations` seconds (default: quarters up to an hour); each is a
    strategy or a list of values. At most one fault is planned for an attempt of a task. Shrinks to none, then to first
    attempts that fail at once. Raises InvalidArgument at once.
    """
    names = st.sampled_from([one if isinstance(one, str) else one.name for one in tasks])
    attempts = st.integers(1, max_attempt)
    seconds = choice("durations", durations, check_seconds, quarters(3600))
    raised = choice("errors", errors, check_error, _ERRORS)
    fault = st.builds(_fault, names, attempts, raised, seconds, st.booleans())
    return FaultPlan(tuple(draw(st.lists(fault, min_size=min_faults, max_size=max_faults, unique_by=_place))))


def _fault(task: str, attempt: int, error: Error, seconds: float, slow_alone: bool) -> Fault:
    """An error is always drawn: so one that fails is as small as one that is only slow, and comes first."""
    return Fault(task, attempt, None if slow_alone and seconds else error, seconds)


def _place(fault: Fault) -> tuple[str, int]:
    return fault.task, fault.attempt
