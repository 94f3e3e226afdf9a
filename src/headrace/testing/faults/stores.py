"""A store that fails when it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.core.records import Run
from headrace.core.states import State
from headrace.exceptions import StoreError
from headrace.testing.conditions import checked_state, is_in
from headrace.testing.faults.checks import checked_choice, checked_count, checked_error, checked_pattern
from headrace.testing.faults.outcomes import Raises
from headrace.testing.faults.planned import Planned
from headrace.testing.faults.strikes import Note
from headrace.testing.faults.targets import names_run

#: What a store does, and which announcements of it are meant. A run's first states are a transition, too.
OPERATIONS = {
    "transition": ("create", "schedule", "transition"),
    "create": ("create", "schedule"),
    "propose": ("propose",),
    "read": ("read",),
    "slots": ("slots",),
    "logs": ("logs",),
}
_WITH_STATES = ("transition", "create", "propose")


class StoreFault(Planned):
    """An error that the store raises in the place of some operation. `times` counts how often it did."""

    def __init__(self, on: Any, nth: Any, error: Any, times: Any, run: Any, state: Any, note: Note) -> None:
        super().__init__()
        self._note = note
        self._on = checked_choice(on, "on", OPERATIONS)
        self._first = checked_count(nth, "nth")
        self._last = None if times is None else self._first + checked_count(times, "times") - 1
        self._outcome = Raises(StoreError(f"The store failed ({on}), as it was told to.") if error is None else error)
        checked_error(self._outcome.error, "'error'")
        self._run = checked_pattern(run, "run")
        self._state = None if state is None else _checked_state(self._on, state)
        if self._on == "slots" and self._run is not None:
            raise ValueError("Slots are asked for by tickets, not by runs: leave out 'run' where on='slots'.")
        self._seen = 0

    def __call__(self, what: str, run: Run | None, states: Sequence[State]) -> None:
        """Be told of an operation; raise in its place, if its time has come."""
        if not self._is_meant(what, run, states):
            return
        self._seen += 1
        if self._seen >= self._first and (self._last is None or self._seen <= self._last):
            self.times += 1
            self._note(run, f"store fails on {what}: {self._outcome}")
            self._outcome.play((), {})

    def _is_meant(self, what: str, run: Run | None, states: Sequence[State]) -> bool:
        if what not in OPERATIONS[self._on]:
            return False
        if self._run is not None and (run is None or not names_run(self._run, run)):
            return False
        return self._state is None or any(is_in(state, self._state) for state in states)

    def __repr__(self) -> str:
        return f"<the store fails on {self._on!r}, {self.times} times so far>"


def _checked_state(on: str, state: Any) -> str:
    if on not in _WITH_STATES:
        raise ValueError(f"Only {', '.join(map(repr, _WITH_STATES))} have a state: leave out 'state' where on={on!r}.")
    return checked_state(state, (), "The store can't fail at it")
