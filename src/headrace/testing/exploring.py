"""Trying many schedules, to find the one under which a test fails, and to say it in a sentence.

A schedule is first come, first served, but for a few *holds*: "hold P before its n-th step until others have made k
steps" (delay-bounded scheduling; Emmi, Qadeer and Rakamarić, 2011, found that most races need one or two delays). Those
with one hold are tried at each step at which others could go on, then several that are drawn. In turns with them come
schedules that draw who goes next at each step: these find what is in a large test, where there are thousands of places
for a hold. What they find is written down as holds, too, and the first schedule that fails is made smaller: holds are
dropped and shortened as long as it still fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

from headrace.clock.schedules import Hold, Holds, Schedule, Seeded
from headrace.testing.sentences import order, program, sentence
from headrace.testing.shrinking import smallest
from headrace.testing.trials import Place, Step, Trial, Trials

__all__ = ["Exploration", "ScheduleFailure", "explore"]
__raises_as_asked__ = True  # see headrace.core.tracebacks

#: For how many steps of others to hold. The longest, which is as good as for ever, finds most of what there is to find.
_LONG = 1_000
_LENGTHS = (_LONG, 1, 3)
_DRAWN = (*[_LONG] * 6, 1, 2, 3, 5, 8, 13, 21)
#: How many holds are drawn together.
_COUNTS = (1, 2, 2, 3)
#: From how many schedules on a quarter of them interrupts threads in their lines, too; how many at most, as it is slow.
_FEWEST_FOR_LINES = 20
_MOST_FOR_LINES = 50


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was explored without a failure: how many schedules, and how many different orders of steps they led to."""

    schedules: int
    orders: int


class ScheduleFailure(AssertionError):
    """A test fails under a schedule. The error it failed with is the cause.

    `schedule` are the holds that it takes (none: it fails without any), `sentence` says them in words, `order` are the
    steps around them, a line for each, `program` repeats the failure, `tried` is the number of schedules that were
    tried. Where it failed by chance, and under no holds that were found, `schedule` is that ``seed(n)``.
    """

    def __init__(
        self,
        schedule: tuple[Hold, ...] | Schedule,
        sentence: str,
        order: list[str],
        program: str,
        tried: int,
        error: BaseException,
    ) -> None:
        self.schedule = schedule
        self.sentence = sentence
        self.order = order
        self.program = program
        self.tried = tried
        said = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        steps = f"\n\nIn this order:\n\n{_indented(order)}" if order else ""
        super().__init__(f"{sentence}\n{said}{steps}\n\nTo repeat it:\n\n{_indented(program.splitlines())}")


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
        self._random = Random(seed)
        self._trials = Trials(fn, seed, options)
        self._orders: set[tuple[Step, ...]] = set()
        #: All places that trials have come by, in order of discovery.
        self._places: dict[Place, None] = {}

    def explored(self) -> Exploration:
        """Try schedules until one fails, or there are no more to try."""
        to_try = self._schedules_to_try()
        if not self._trials.lines and self._schedules >= _FEWEST_FOR_LINES:
            self._try(islice(to_try, self._schedules // 2))
            if self._places:
                self._try_by_lines(min(self._schedules // 4, _MOST_FOR_LINES))
        self._try(islice(to_try, self._schedules - self._trials.tried))
        return Exploration(self._trials.tried, len(self._orders))

    def _try_by_lines(self, count: int) -> None:
        """Try some in which threads are interrupted in their lines, where they have any to be interrupted in."""
        coarse, self._places = self._places, {}
        self._trials.lines = True
        to_try = self._schedules_to_try()
        self._try(islice(to_try, 1))
        if any(step.is_line for step in self._last.steps):
            self._try(islice(to_try, count - 1))
        self._trials.lines, self._places = False, coarse

    def _try(self, schedules: Iterable[Schedule]) -> None:
        for schedule in schedules:
            trial = self._trials.run(schedule)
            if trial.error is not None:
                failed = smallest(trial, self._places, self._trials)
                raise self._failure(failed) from failed.error
            self._orders.add(trial.steps)
            self._places.update(dict.fromkeys(trial.places))

    @property
    def _last(self) -> Trial:
        assert self._trials.last is not None, "there was one"
        return self._trials.last

    def _schedules_to_try(self) -> Iterator[Schedule]:
        """Yield first come, first served; then, where there is anything to choose, holds and chance in turns."""
        yield Holds()
        if not self._places:
            return
        for holds in self._holds_to_try():
            yield Holds(*holds)
            yield Seeded(self._random.getrandbits(32))

    def _holds_to_try(self) -> Iterator[tuple[Hold, ...]]:
        """Yield single holds, the most promising lengths first, then such as are drawn."""
        places, share = list(self._places), self._schedules * 3 // 8
        for length in _LENGTHS:
            chosen = places if len(places) <= share else self._sample(places, share)
            share -= len(chosen)
            for who, step in chosen:
                yield (Hold(who, step, length),)
        yield from self._drawn()

    def _sample(self, places: list[Place], count: int) -> list[Place]:
        return [places[i] for i in sorted(self._random.sample(range(len(places)), count))]

    def _drawn(self) -> Iterator[tuple[Hold, ...]]:
        """Yield holds that were not tried together, until hardly any are left."""
        seen: set[frozenset[Hold]] = set()
        misses = 0
        while misses < 100:
            places = self._sample(list(self._places), min(self._random.choice(_COUNTS), len(self._places)))
            holds = tuple(Hold(who, step, self._random.choice(_DRAWN)) for who, step in places)
            if frozenset(holds) in seen or (len(holds) == 1 and holds[0].for_steps in _LENGTHS):
                misses += 1
                continue
            seen.add(frozenset(holds))
            yield holds

    def _failure(self, trial: Trial) -> ScheduleFailure:
        assert trial.error is not None, "a trial that failed has its error"
        repeating = program(self._fn, trial.schedule, self._seed, self._trials.options)
        holds = trial.schedule.holds if isinstance(trial.schedule, Holds) else trial.schedule
        return ScheduleFailure(holds, sentence(trial), order(trial), repeating, self._trials.tried, trial.error)


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line}".rstrip() for line in lines)
