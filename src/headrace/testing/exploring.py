"""Trying many schedules, to find the one under which a test fails, and to say it in a sentence.

A schedule is first come, first served, but for a few *holds*: "hold P before its n-th step until others have made k
steps" (delay-bounded scheduling; Emmi, Qadeer and Rakamarić, 2011, found that most races need one or two delays). All
schedules with one hold are tried first, then such with two and three, drawn at random. The first that fails is made
smaller: holds are dropped and shortened as long as it still fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from random import Random
from typing import Any

from headrace.clock.participants import Participant
from headrace.clock.schedules import Hold, Holds
from headrace.testing import replaying
from headrace.testing.bodies import call_body, takes_one
from headrace.testing.simulation import simulate
from headrace.testing.wording import ordinal

__all__ = ["Exploration", "ScheduleFailure", "explore"]
__raises_as_asked__ = True  # see headrace.core.tracebacks

#: For how many steps of others to hold, at first: one is enough for most races, the last is as good as for ever.
_LENGTHS = (1, 3, 1_000, 2, 5, 8, 13, 21)


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was explored without a failure: how many schedules, and how many different orders of steps they led to."""

    schedules: int
    orders: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a simulation: of whom, the how-manieth of it, and what it was."""

    who: str
    number: int
    what: str


@dataclass(frozen=True, slots=True)
class _Trial:
    """One run of the test under one schedule."""

    holds: tuple[Hold, ...]
    steps: tuple[_Step, ...]
    error: BaseException | None


class ScheduleFailure(AssertionError):
    """A test fails under a schedule. The error it failed with is the cause.

    `schedule` are the holds that it takes (none: it fails without any), `sentence` says them in words, `program`
    repeats the failure, `tried` is the number of schedules that were tried.
    """

    def __init__(self, schedule: tuple[Hold, ...], sentence: str, program: str, tried: int, error: BaseException):
        self.schedule = schedule
        self.sentence = sentence
        self.program = program
        self.tried = tried
        said = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        super().__init__(f"{sentence}\n{said}\n\nTo repeat it:\n\n{_indented(program)}")


def explore(fn: Callable[..., Any], schedules: int = 200, *, seed: int = 0, **options: Any) -> Exploration:
    """Run a test under up to `schedules` different schedules, each in a simulation of its own.

    `fn` is called without arguments, or with the simulation if it takes one; it may be async. It must be repeatable:
    what it uses it makes anew. `seed` is that of the simulations and of what is drawn here; `options` are further ones
    of `simulate`. Raises ScheduleFailure with the smallest schedule that was found to make it fail. Raises ValueError
    for fewer than one schedule.
    """
    if isinstance(schedules, bool) or not isinstance(schedules, int) or schedules < 1:
        raise ValueError(f"explore(schedules={schedules!r}): try at least one schedule.")
    return _Explorer(fn, schedules, seed, options).explored()


class _Explorer:
    """One exploration."""

    def __init__(self, fn: Callable[..., Any], schedules: int, seed: int, options: dict[str, Any]) -> None:
        self._fn = fn
        self._schedules = schedules
        self._seed = seed
        self._options = options
        self._random = Random(seed)
        self._tried = 0

    def explored(self) -> Exploration:
        """Try schedules until one fails, or there are no more to try."""
        first = self._trial(())
        if first.error is not None:
            raise self._failure(first) from first.error
        orders = {first.steps}
        for holds in islice(self._candidates(first), self._schedules - 1):
            trial = self._trial(holds)
            if trial.error is not None:
                smallest = self._smaller(trial)
                raise self._failure(smallest) from smallest.error
            orders.add(trial.steps)
        return Exploration(self._tried, len(orders))

    def _candidates(self, first: _Trial) -> Iterator[tuple[Hold, ...]]:
        """Yield holds to try: single ones, the most promising lengths first, then two or three together."""
        singles = [_single(step, length) for length in _LENGTHS for step in _places(first)]
        share = len(singles) if len(singles) < self._schedules * 3 // 4 else self._schedules * 3 // 4
        chosen = singles if share == len(singles) else self._sample(singles, share)
        return chain(((hold,) for hold in chosen), self._several(singles))

    def _sample(self, singles: list[Hold], share: int) -> list[Hold]:
        return [singles[i] for i in sorted(self._random.sample(range(len(singles)), share))]

    def _several(self, singles: list[Hold]) -> Iterator[tuple[Hold, ...]]:
        seen: set[frozenset[Hold]] = set()
        misses = 0
        while len(singles) > 1 and misses < 100:
            holds = tuple(self._random.sample(singles, min(self._random.choice((2, 2, 3)), len(singles))))
            if frozenset(holds) in seen or len({(hold.participant, hold.step) for hold in holds}) < len(holds):
                misses += 1
                continue
            seen.add(frozenset(holds))
            yield holds

    def _trial(self, holds: tuple[Hold, ...]) -> _Trial:
        """Run the test once."""
        self._tried += 1
        steps: list[_Step] = []

        def note(participant: Participant, what: str) -> None:
            steps.append(_Step(participant.name, participant.steps, what))

        error: BaseException | None = None
        try:
            with simulate(schedule=Holds(*holds), seed=self._seed, **self._options) as simulation:
                simulation.clock.turns.on_step = note
                call_body(self._fn, simulation)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is what is looked for
            error = failure
        return _Trial(holds, tuple(steps), error)

    def _smaller(self, trial: _Trial) -> _Trial:
        """Drop holds, then shorten those that are left, while the test still fails."""
        for hold in trial.holds:
            rest = tuple(other for other in trial.holds if other != hold)
            if rest:
                trial = self._if_it_fails(rest, trial)
        for hold in trial.holds:
            trial = self._shortened(trial, hold)
        return trial

    def _shortened(self, trial: _Trial, hold: Hold) -> _Trial:
        """Find the fewest steps for which one hold still makes the test fail, by bisection."""
        low, high = 1, min(hold.for_steps, len(trial.steps))
        while low < high:
            middle = (low + high) // 2
            shorter = Hold(hold.participant, hold.step, middle)
            candidate = self._trial(tuple(shorter if other == hold else other for other in trial.holds))
            if candidate.error is not None:
                trial, hold, high = candidate, shorter, middle
            else:
                low = middle + 1
        return trial

    def _if_it_fails(self, holds: tuple[Hold, ...], otherwise: _Trial) -> _Trial:
        trial = self._trial(holds)
        return trial if trial.error is not None else otherwise

    def _failure(self, trial: _Trial) -> ScheduleFailure:
        assert trial.error is not None, "a trial that failed has its error"
        program = _program(self._fn, trial.holds, self._seed, self._options)
        return ScheduleFailure(trial.holds, sentence(trial.holds, trial.steps), program, self._tried, trial.error)


def _places(trial: _Trial) -> list[_Step]:
    """Return the steps before which a hold changes anything: those of participants that others run beside."""
    names = {step.who for step in trial.steps}
    return list(trial.steps) if len(names) > 1 else []


def _single(step: _Step, length: int) -> Hold:
    return Hold(step.who, step.number, length)


def sentence(holds: tuple[Hold, ...], steps: tuple[_Step, ...]) -> str:
    """Say under which schedule a test fails."""
    if not holds:
        return "fails whoever goes next: first come, first served is enough"
    return "fails only when " + " and ".join(_held(hold, steps) for hold in holds)


def _held(hold: Hold, steps: tuple[_Step, ...]) -> str:
    who = f"`{hold.participant}` is held before its {ordinal(hold.step)} step"
    meanwhile = _meanwhile(hold, steps)
    if not meanwhile:
        return f"{who} until nobody else can go on"
    told = next((step for step in reversed(meanwhile) if _state(step)), meanwhile[-1])
    return f"{who} until {_state(told) or f'`{told.who}` has made its {ordinal(told.number)} step ({told.what})'}"


def _meanwhile(hold: Hold, steps: tuple[_Step, ...]) -> list[_Step]:
    """Return the steps that others made while a participant was held, the last of them at the end."""
    own = [i for i, step in enumerate(steps) if step.who == hold.participant]
    at = next((i for i in own if steps[i].number == hold.step), len(steps))
    previous = max((i for i in own if i < at), default=-1)
    return list(steps[previous + 1 : at])


def _state(step: _Step) -> str:
    """Say which state a step has brought about: "`audit` is Completed"; "" for other steps."""
    run, _, state = step.what.rpartition(" ")
    return f"`{run}` is {state}" if run and state[:1].isupper() else ""


def _program(fn: Callable[..., Any], holds: tuple[Hold, ...], seed: int, options: dict[str, Any]) -> str:
    """Write the program that repeats one trial."""
    module, name = getattr(fn, "__module__", ""), getattr(fn, "__qualname__", repr(fn))
    named = {"seed": seed, "schedule": Holds(*holds) if holds else None, **options}
    if named.get("store") == "memory":
        del named["store"]
    # Who wraps a test knows how to call it.
    called: tuple[str, tuple[str, ...]] | None = getattr(fn, "__called__", None)
    if called is not None:
        return replaying.program(named, *called)
    if "<" in name or "." in name:  # no program can name it
        return replaying.program(named, f"...  # what {name.replace('.<locals>.', '.')} does")
    call = f"{name}(simulation)" if takes_one(fn) else f"{name}()"
    is_async = inspect.iscoroutinefunction(fn)
    found = [f"from {module} import {name}"] if module and module != "__main__" else []
    imports = [*(["import asyncio"] if is_async else []), *found]
    return replaying.program(named, f"asyncio.run({call})" if is_async else call, imports)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
