"""Saying in a sentence under which schedule a test fails, and writing the program that repeats it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from headrace.clock.schedules import Hold, Holds, Schedule
from headrace.testing import replaying
from headrace.testing.bodies import takes_one
from headrace.testing.trials import Step, Trial
from headrace.testing.wording import ordinal


def sentence(trial: Trial) -> str:
    """Say under which schedule a test fails."""
    if not isinstance(trial.schedule, Holds):
        return f"fails when {trial.schedule!r} draws who goes next"
    if not trial.schedule.holds:
        return "fails whoever goes next: first come, first served is enough"
    return "fails only when " + " and ".join(_held(hold, trial.steps) for hold in trial.schedule.holds)


def _held(hold: Hold, steps: tuple[Step, ...]) -> str:
    who = f"`{hold.participant}` is held before its {ordinal(hold.step)} step{_line(hold, steps)}"
    meanwhile = _meanwhile(hold, steps)
    if not meanwhile:
        return f"{who} until nobody else can go on"
    told = next((step for step in reversed(meanwhile) if _state(step)), meanwhile[-1])
    return f"{who} until {_state(told) or f'`{told.who}` has made its {ordinal(told.number)} step ({told.what})'}"


def _line(hold: Hold, steps: tuple[Step, ...]) -> str:
    """Say which line it was held before; "" where it was something else."""
    own = next((step for step in steps if (step.who, step.number) == (hold.participant, hold.step)), None)
    return f" ({own.what})" if own is not None and own.is_line else ""


def _meanwhile(hold: Hold, steps: tuple[Step, ...]) -> list[Step]:
    """Return the steps that others made while a participant was held, the last of them at the end."""
    own = [i for i, step in enumerate(steps) if step.who == hold.participant]
    at = next((i for i in own if steps[i].number == hold.step), len(steps))
    previous = max((i for i in own if i < at), default=-1)
    return list(steps[previous + 1 : at])


def _state(step: Step) -> str:
    """Say which state a step has brought about: "`audit` is Completed"; "" for other steps."""
    run, _, state = step.what.rpartition(" ")
    return f"`{run}` is {state}" if run and state[:1].isupper() else ""


#: How many steps are told at most, around what was held.
_MOST = 12
_SOON = 3


def order(trial: Trial) -> list[str]:
    """Tell the steps around those that were held, one a line, in the order in which they were made."""
    held = _places_held(trial)
    near = sorted({i for at in held for i in _near(at, trial.steps)})
    told = [i for i in near if i in held or _is_notable(trial.steps[i])]
    width = max((len(trial.steps[i].who) for i in told), default=0)
    lines = [_told(trial.steps[i], width) + ("  (held until here)" if i in held else "") for i in told]
    half = _MOST // 2
    return lines if len(lines) <= _MOST else [*lines[:half], "…", *lines[-half:]]


def _told(step: Step, width: int) -> str:
    return f"{step.who:{width}}  {step.what}"


def _places_held(trial: Trial) -> list[int]:
    """Return which steps were held."""
    holds = trial.schedule.holds if isinstance(trial.schedule, Holds) else ()
    places = {(hold.participant, hold.step) for hold in holds}
    return [i for i, step in enumerate(trial.steps) if (step.who, step.number) in places]


def _near(at: int, steps: tuple[Step, ...]) -> range:
    """Return the steps from the last that who was held had made, to the next that it makes, if that is soon."""
    own = [i for i, step in enumerate(steps) if step.who == steps[at].who and (i == at or _is_notable(step))]
    place = own.index(at)
    following = own[min(place + 1, len(own) - 1)]
    return range(own[max(place - 1, 0)], (following if following <= at + _SOON else at) + 1)


def _is_notable(step: Step) -> bool:
    return step.is_line or bool(_state(step))


def program(fn: Callable[..., Any], schedule: Schedule, seed: int, options: dict[str, Any]) -> str:
    """Write the program that repeats one trial."""
    module, name = getattr(fn, "__module__", ""), getattr(fn, "__qualname__", repr(fn))
    named = {"seed": seed, "schedule": None if schedule == Holds() else schedule, **options}
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
