"""Running a test under one schedule after another, and noting what each led to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.clock.participants import Actor
from headrace.clock.schedules import Hold, Ready, Schedule
from headrace.testing.bodies import call_body
from headrace.testing.rewinding import rewinding
from headrace.testing.simulation import simulate

#: A step of a participant, or of a task of an event loop: its name, and the how-manieth it is.
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a simulation: of whom, the how-manieth of it, and what it was."""

    who: str
    number: int
    what: str

    @property
    def is_line(self) -> bool:
        """Say whether it is a line of a function that was about to run."""
        return self.what.startswith("line ")


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the test under one schedule. `noted` is what that schedule had to choose from."""

    schedule: Schedule
    steps: tuple[Step, ...]
    noted: Noting
    error: BaseException | None

    @property
    def places(self) -> list[Place]:
        """The steps before which others could have gone on, in order."""
        chosen = self.noted.choices
        return [(step.who, step.number) for step in self.steps if (step.who, step.number) in chosen]


class Noting:
    """A schedule that notes how another chooses."""

    def __init__(self, inner: Schedule) -> None:
        self.inner = inner
        #: For each place the number of the choice at which it was first ready.
        self.choices: dict[Place, int] = {}
        self._passed: dict[Place, Hold] = {}
        self._count = 0

    def choose(self, ready: Sequence[Ready], at_step: bool) -> int:
        """Return what the other does."""
        chosen = self.inner.choose(ready, at_step)
        self._count += 1
        for position, one in enumerate(ready):
            place = one.name, one.steps
            first = self.choices.setdefault(place, self._count)
            if position < chosen or (position == chosen and place in self._passed):
                self._passed[place] = Hold(*place, for_steps=self._count - first + (position < chosen))
        return chosen

    @property
    def holds(self) -> list[Hold]:
        """Who was passed by, where and for how long: what makes first come, first served choose the same."""
        return list(self._passed.values())

    def fresh(self) -> Noting:
        """Return one that has noted nothing."""
        return Noting(self.inner.fresh())

    def __repr__(self) -> str:
        return repr(self.inner)


class Trials:
    """The trials of one test. `tried` counts them; `last` is the last."""

    def __init__(self, fn: Callable[..., Any], seed: int, options: dict[str, Any]) -> None:
        self._fn = fn
        self._seed = seed
        self._given = options
        self.tried = 0
        #: Whether threads are interrupted in the lines of their functions, too.
        self.lines = bool(options.get("lines"))
        self.last: Trial | None = None
        self._rewind = rewinding()

    @property
    def options(self) -> dict[str, Any]:
        """What `simulate` is given beside the seed and the schedule."""
        return {**self._given, "lines": True} if self.lines else self._given

    def run(self, schedule: Schedule) -> Trial:
        """Run the test once."""
        self.tried += 1
        self._rewind()
        steps: list[Step] = []
        noting = Noting(schedule)

        def note(actor: Actor, what: str) -> None:
            steps.append(Step(actor.name, actor.steps, what))

        error: BaseException | None = None
        try:
            with simulate(schedule=noting, seed=self._seed, **self.options) as simulation:
                assert isinstance(simulation.schedule, Noting), "a simulation has a fresh one of what it was given"
                noting = simulation.schedule
                simulation.clock.turns.on_step = note
                call_body(self._fn, simulation)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is what is looked for
            error = failure
        self.last = Trial(schedule, tuple(steps), noting, error)
        return self.last
