"""When a process is to die."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headrace.core.records import Run
from headrace.core.states import State
from headrace.testing.conditions import checked_state, is_in
from headrace.testing.faults.checks import checked_count, checked_pattern
from headrace.testing.faults.planned import Planned
from headrace.testing.faults.strikes import Note
from headrace.testing.faults.targets import names_run
from headrace.testing.wording import ordinal

#: Says of each write of states whether it is the one.
_Comes = Callable[[Run, Sequence[State]], bool]


class Crash(Planned):
    """The death of a process, planned for a transition of a run of its. It comes once; `times` is 1 from then on."""

    def __init__(self, at: Any, before: bool, note: Note) -> None:
        super().__init__()
        self._note = note
        if not isinstance(before, bool):
            raise TypeError(f"'before' says whether the process dies before the transition is written: not {before!r}.")
        self.before = before
        self._words, self._comes = _understood(at, before)

    def comes(self, run: Run, states: Sequence[State]) -> bool:
        """Say whether this write of states, made or about to be, is the one."""
        return not self.times and self._comes(run, states)

    def strike(self, run: Run) -> None:
        """Come."""
        self.times += 1
        self._note(run, f"its process dies {'before' if self.before else 'when'} {self._words}")

    def told(self, run: Run) -> str:
        """Say in a sentence what happened."""
        when = "before" if self.before else "when"
        return f"The process of {run.kind} run {run.name!r} died {when} {self._words}, as the simulation was told."

    def __repr__(self) -> str:
        when = "before" if self.before else "when"
        return f"<crash {when} {self._words}{', which has come' if self.times else ''}>"


def _understood(at: Any, before: bool) -> tuple[str, _Comes]:
    """Return in words, and as a function, when somebody means. Raises TypeError and ValueError."""
    if isinstance(at, int) and not isinstance(at, bool):
        nth = checked_count(at, "at")
        return f"states were written for the {ordinal(nth)} time", _counted(nth, lambda run, states: 1)
    if isinstance(at, tuple) and len(at) in (2, 3):
        return _reaching(*at)
    if callable(at):
        if before:
            raise ValueError(
                "That a condition comes true is known after the transition only: write before=False, or say which "
                "transition is meant, such as at=('load-1', 'Running')."
            )
        described = getattr(at, "describe", None)
        return str(described() if callable(described) else at), lambda run, states: bool(at())
    raise TypeError(
        f"A process dies at a transition, and {at!r} is none: write ('load-1', 'Running') for a run (or task, or flow, "
        "or a pattern) and a state, ('load-1', 'Retrying', 2) for the second time, a condition such as "
        "runs.task('load-1').reaches('Running'), or a number: the n-th time that states are written."
    )


def _reaching(name: Any, state: Any, times: Any = 1) -> tuple[str, _Comes]:
    pattern = checked_pattern(name, "at")
    if pattern is None:
        raise TypeError("'at' is the name of a run and that of a state, such as ('load-1', 'Running'), not None.")
    wanted, nth = checked_state(state, (), "A process can't die at it"), checked_count(times, "at")

    def hits(run: Run, states: Sequence[State]) -> int:
        return sum(is_in(state, wanted) for state in states) if names_run(pattern, run) else 0

    often = "" if nth == 1 else f" for the {ordinal(nth)} time"
    return f"{pattern!r} entered {wanted}{often}", _counted(nth, hits)


def _counted(nth: int, hits: Callable[[Run, Sequence[State]], int]) -> _Comes:
    seen = 0

    def comes(run: Run, states: Sequence[State]) -> bool:
        nonlocal seen
        before, seen = seen, seen + hits(run, states)
        return before < nth <= seen

    return comes
