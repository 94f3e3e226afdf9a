"""What holds for every run at any time, whatever it does: the laws that its record and its history obey."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise, takewhile

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.transitions import allowed
from headrace.testing.views import RunView


def assert_lawful(run: RunView) -> None:
    """Assert that a run's states follow the table of transitions, and that what is counted of them is so.

    Each state may follow the one before, timestamps strictly increase, and `run_count`, `start_time`, `end_time`,
    `total_run_time` and the standing state are those that the history gives.
    """
    __tracebackhide__ = True
    record = run.record
    broken = list(broken_laws(record, [step.state for step in run.transitions]))
    if broken:
        said = "\n".join(f"  {law}" for law in broken)
        raise AssertionError(f"{run} breaks what holds for every run:\n{said}\n\n{run.timeline}")


def broken_laws(record: Run, history: Sequence[State]) -> Iterator[str]:
    """Yield what does not hold, one sentence each."""
    if not history:
        yield "it has no history"
        return
    for before, after in pairwise([None, *history]):
        assert after is not None
        yield from _broken_steps(record, before, after)
    for name, counted in _counted(history).items():
        found = getattr(record, name)
        if found != counted:
            yield f"its {name} is {found}, and its history gives {counted}"


def _broken_steps(record: Run, before: State | None, after: State) -> Iterator[str]:
    if not allowed(before, after, record.kind):
        yield f"{after} may not follow {before if before is not None else 'nothing'}"
    if before is not None and _at(after) <= _at(before):
        yield f"{after} is stamped {_at(after)}, and {before} before it {_at(before)}"


def _counted(history: Sequence[State]) -> dict[str, object]:
    running = [state for state in history if state.type is StateType.RUNNING]
    ends = list(takewhile(State.is_final, reversed(history)))[::-1]  # a run may have ended before, and been run again
    spans = (_at(after) - _at(before) for before, after in pairwise(history) if before.type is StateType.RUNNING)
    return {
        "state_id": history[-1].id,
        "state_name": history[-1].name,
        "history_length": len(history),
        "run_count": len(running),
        "start_time": _at(running[0]) if running else None,
        "end_time": _at(ends[0]) if ends else None,
        "total_run_time": sum(spans, timedelta(0)),
    }


def _at(state: State) -> datetime:
    assert state.timestamp is not None, "a recorded state has its moment"
    return state.timestamp
