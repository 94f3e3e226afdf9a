"""Conditions to wait for: `simulation.run_until(runs.task("load").reaches("AwaitingRetry"))`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Sequence

from headrace.core.state_types import TYPE_OF_NAME, StateType
from headrace.core.states import State
from headrace.testing.patterns import UnknownStateName

_TYPES = frozenset(type_.value for type_ in StateType)
#: A name that resembles one of ours as much as this is taken for a mistake, not for a name of the user's own.
_RESEMBLES = 0.7


class Condition:
    """Something that comes to pass in a world. Called, or as a truth value, it says whether it has.

    ``a & b`` and ``a | b`` combine conditions (``and`` and ``or`` would choose one of them on the spot).
    """

    def __init__(self, holds: Callable[[], bool], words: str) -> None:
        self._holds = holds
        self._words = words

    def __call__(self) -> bool:
        """Say whether it has come to pass."""
        return self._holds()

    def describe(self) -> str:
        """Return what is waited for, in words."""
        return self._words

    def __bool__(self) -> bool:
        return self()

    def __and__(self, other: Condition) -> Condition:
        return Condition(lambda: self() and other(), f"({self.describe()} and {other.describe()})")

    def __or__(self, other: Condition) -> Condition:
        return Condition(lambda: self() or other(), f"({self.describe()} or {other.describe()})")

    def __repr__(self) -> str:
        return f"<condition: {self.describe()}>"


class Reached(Condition):
    """That a run has been in a state for the `times`-th time. `histories` returns those of the runs it may be."""

    def __init__(self, who: str, state: str, times: int, histories: Callable[[], Sequence[Sequence[State]]]) -> None:
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise ValueError(f"A state is reached once, twice, …: times={times!r} is no whole number from 1 up.")
        often = "" if times == 1 else f" {times} times"
        super().__init__(self._has_come, f"{who} reaches {state}{often}")
        self.state = state
        self.times = times
        self._histories = histories

    def _has_come(self) -> bool:
        return any(sum(is_in(state, self.state) for state in states) >= self.times for states in self._histories())


def is_in(state: State, wanted: str) -> bool:
    """Say whether a state has this name, or is of this type."""
    return wanted in (state.name, state.type.value)


def checked_state(wanted: object, seen: Collection[str], where: str) -> str:
    """Return the name or type of a state.

    Raises UnknownStateName for one that nothing recorded has (`seen`) and that resembles a known one too closely to be
    a name of the user's own.
    """
    name = str(wanted)
    if name in TYPE_OF_NAME or name in _TYPES or name in seen:
        return name
    near = _near(name, {*TYPE_OF_NAME, *seen}) or _near(name, _TYPES)
    if near:
        raise UnknownStateName(f"{where}: no state is named {name!r}. Did you mean {' or '.join(near)}?")
    return name


def _near(name: str, known: Collection[str]) -> list[str]:
    begun = sorted(one for one in known if one.lower().startswith(name.lower()))
    return begun or difflib.get_close_matches(name, sorted(known), n=3, cutoff=_RESEMBLES)
