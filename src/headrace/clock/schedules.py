"""Who goes next, where several could: the choice that a schedule makes.

A participant passes *steps*: it records a transition, takes or gives back a slot, waits, goes on after that; so does
each task of an event loop. At each step, and whenever nobody runs, the schedule is asked where there is a choice. It
may answer the same again, any other that is ready, and nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

__all__ = ["FirstCome", "Hold", "Holds", "Schedule", "Seeded", "as_schedule", "seed"]


class Ready(Protocol):
    """What a schedule may know of a participant: its name, and how many steps it has passed."""

    @property
    def name(self) -> str:
        """The name of the run, coroutine, loop or thread; unique in its simulation."""
        ...

    @property
    def steps(self) -> int:
        """The number of the step that it is about to make, from 1."""
        ...


class Schedule(Protocol):
    """Choose who goes next."""

    def choose(self, ready: Sequence[Ready], at_step: bool) -> int:
        """Return an index into `ready`, which is in order of becoming ready.

        There are at least two. `at_step`: the first of them is running, and asks whether it may go on.
        """
        ...

    def fresh(self) -> Schedule:
        """Return the same schedule at its beginning: one serves one simulation."""
        ...


class FirstCome:
    """Who runs goes on until it waits; then who has been ready for the longest time."""

    def choose(self, ready: Sequence[Ready], at_step: bool) -> int:
        """Return the first."""
        return 0

    def fresh(self) -> FirstCome:
        """Return itself: it remembers nothing."""
        return self

    def __repr__(self) -> str:
        return "None"


class Seeded:
    """Toss a coin at each step, and where nobody runs draw anybody: the same seed gives the same order.

    At a step the running participant goes on with a probability of one half: enough to cut short what should not be,
    and not so often that everything is cut short everywhere.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = Random(seed)

    def choose(self, ready: Sequence[Ready], at_step: bool) -> int:
        """Draw one."""
        if len(ready) == 1 or (at_step and self._random.random() < 0.5):
            return 0
        return self._random.randrange(1 if at_step else 0, len(ready))

    def fresh(self) -> Seeded:
        """Return one that draws from the beginning."""
        return Seeded(self.seed)

    def __repr__(self) -> str:
        return f"seed({self.seed})"


def seed(n: int) -> Seeded:
    """Return a schedule that draws who goes next from a source with this seed."""
    return Seeded(n)


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold a participant, or coroutine, back before its `step`-th step (from 1) until others have made `for_steps`.

    It is let go earlier where nobody else can go on: time never passes because of a hold. Raises ValueError below 1.
    """

    participant: str
    step: int
    for_steps: int

    def __post_init__(self) -> None:
        for name in ("step", "for_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"Hold({name}={getattr(self, name)}): steps are counted from 1.")

    def __repr__(self) -> str:
        return f"Hold({self.participant!r}, step={self.step}, for_steps={self.for_steps})"

    def __str__(self) -> str:
        return f"hold {self.participant} before its step {self.step} for {self.for_steps} steps"


class Holds:
    """First come, first served, but for those who are held back."""

    def __init__(self, *holds: Hold) -> None:
        self.holds = holds
        self._by_step = {(hold.participant, hold.step): hold for hold in holds}
        self._held: dict[str, int] = {}
        self._begun: set[tuple[str, int]] = set()

    def choose(self, ready: Sequence[Ready], at_step: bool) -> int:
        """Return the first that is not held; where all are, the first."""
        for participant in ready:
            self._begin(participant)
        chosen = next((i for i, one in enumerate(ready) if one.name not in self._held), 0)
        self._count(ready[chosen].name)
        return chosen

    def _begin(self, participant: Ready) -> None:
        place = participant.name, participant.steps
        hold = self._by_step.get(place)
        if hold is not None and place not in self._begun:
            self._begun.add(place)
            self._held[participant.name] = hold.for_steps

    def _count(self, chosen: str) -> None:
        self._held.pop(chosen, None)
        for name in list(self._held):
            self._held[name] -= 1
            if not self._held[name]:
                del self._held[name]

    def fresh(self) -> Holds:
        """Return one in which nobody has been held yet."""
        return Holds(*self.holds)

    def __repr__(self) -> str:
        return repr(self.holds[0]) if len(self.holds) == 1 else repr(list(self.holds))


def as_schedule(given: object) -> Schedule:
    """Return the schedule that somebody means: None, a schedule, one Hold or several. Raises TypeError."""
    if given is None:
        return FirstCome()
    if isinstance(given, Hold):
        return Holds(given)
    if isinstance(given, list | tuple) and all(isinstance(one, Hold) for one in given):
        return Holds(*given)
    if callable(getattr(given, "choose", None)) and callable(getattr(given, "fresh", None)):
        fresh: Schedule = given.fresh()  # type: ignore[attr-defined]
        return fresh
    raise TypeError(
        f"A schedule can't be {given!r}: write None for first come, first served; seed(7) for one drawn by a seed; "
        "Hold('name', step=2, for_steps=3), or a list of them."
    )
