"""Making a schedule under which a test fails smaller, as long as it still fails."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from headrace.clock.schedules import Hold, Holds
from headrace.testing.trials import Place, Trial, Trials

#: At how many places a hold is tried alone, and for how long.
_MOST_ALONE = 150
_LONG = 1_000


def smallest(trial: Trial, places: Iterable[Place], trials: Trials) -> Trial:
    """Return a trial that fails with the fewest and shortest holds that are found; the given one where it needs none.

    `places` are those at which one hold alone may do.
    """
    trial = _alone(trial, places, trials) or _by_holds(trial, trials)
    if not isinstance(trial.schedule, Holds):
        return _last(trial, trials)
    size = (len(trial.schedule.holds) + 1) // 2
    while size:
        trial = _without(trial, size, trials)
        size = min(size // 2, len(_holds(trial)) // 2)
    for hold in _holds(trial):
        trial = _shortened(trial, hold, trials)
    return _last(trial, trials)


def _last(trial: Trial, trials: Trials) -> Trial:
    """Repeat a trial that was not the last: what is captured of the last is what is shown."""
    again = trial if trial is trials.last else trials.run(trial.schedule)
    return again if again.error is not None else trial


def _alone(trial: Trial, places: Iterable[Place], trials: Trials) -> Trial | None:
    """Return a trial that fails under one hold, if it is held for long enough, for one that fails under several."""
    if isinstance(trial.schedule, Holds) and len(trial.schedule.holds) < 2:
        return None
    passed = [(hold.participant, hold.step) for hold in trial.noted.holds]
    for place in islice(dict.fromkeys([*passed, *places]), _MOST_ALONE):
        alone = trials.run(Holds(Hold(*place, _LONG)))
        if alone.error is not None:
            return alone
    return None


def _by_holds(trial: Trial, trials: Trials) -> Trial:
    """Return a trial that fails under holds, for one that fails by chance; that where there is none."""
    if isinstance(trial.schedule, Holds):
        return trial
    repeated = trials.run(Holds(*trial.noted.holds))
    return repeated if repeated.error is not None else trial


def _holds(trial: Trial) -> tuple[Hold, ...]:
    assert isinstance(trial.schedule, Holds), "only holds are made fewer and shorter"
    return trial.schedule.holds


def _without(trial: Trial, size: int, trials: Trials) -> Trial:
    """Drop so many holds in a row, wherever that can be done."""
    at = 0
    while at < len(_holds(trial)) > size:
        fewer = trials.run(Holds(*_holds(trial)[:at], *_holds(trial)[at + size :]))
        if fewer.error is not None:
            trial = fewer
        else:
            at += size
    return trial


def _shortened(trial: Trial, hold: Hold, trials: Trials) -> Trial:
    """Find the fewest steps for which one hold still makes the test fail, by bisection."""
    low, high = 1, min(hold.for_steps, len(trial.steps))
    while low < high:
        middle = (low + high) // 2
        shorter = Hold(hold.participant, hold.step, middle)
        candidate = trials.run(Holds(*(shorter if other == hold else other for other in _holds(trial))))
        if candidate.error is not None:
            trial, hold, high = candidate, shorter, middle
        else:
            low = middle + 1
    return trial
