"""The plugin's markers. Each is checked by calling a function of its signature: a wrong one fails like a wrong call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest


def headrace(seed: int) -> dict[str, Any]:
    """the seed of this test's ids, names and jitter, in place of --headrace-seed"""
    return {"seed": _whole(seed, "seed")}


def simulate(
    start: Any = None,
    *,
    seed: int | None = None,
    schedule: Any = None,
    store: Any = None,
    real_processes: bool | None = None,
    runner: str | None = None,
    stall_seconds: float | None = None,
    max_jumps: int | None = None,
    max_seconds: float | None = None,
) -> dict[str, Any]:
    """run this test in a simulation, with arguments of `headrace.testing.simulate`; the fixture `simulation` is it"""
    given = dict(locals())
    if seed is not None:
        _whole(seed, "seed")
    if runner is not None:
        _runners(runner)
    return {name: value for name, value in given.items() if value is not None}


def explore(schedules: int | None = None, *, seed: int | None = None, **options: Any) -> dict[str, Any]:
    """run this test under many schedules, each in a simulation of its own; tell the smallest that it fails under"""
    if schedules is not None and _whole(schedules, "schedules") < 1:
        raise TypeError(f"explore() tries at least one schedule, not {schedules!r}")
    if seed is not None:
        options["seed"] = _whole(seed, "seed")
    _known("explore", options, but=("schedule",))
    return {"schedules": schedules, **options}


def every_runner(*runners: str, seed: int | None = None, **options: Any) -> dict[str, Any]:
    """run this test inline, in threads, in processes and in event loops, and compare the histories of its runs"""
    if seed is not None:
        options["seed"] = _whole(seed, "seed")
    _known("every_runner", options, but=("runner", "real_processes"))
    _runners(*runners)
    if len(runners) == 1:
        raise TypeError(
            f"every_runner() has nothing to compare {runners[0]!r} with: name another runner, or none for all"
        )
    return {"runners": runners, **options}


def headrace_store(kind: str) -> dict[str, Any]:
    """keep this test's runs in "memory", or in "sqlite": a file that goes away with the test"""
    if kind not in ("memory", "sqlite"):
        raise TypeError(f'headrace_store() takes "memory" or "sqlite", not {kind!r}')
    return {"kind": kind}


#: What `simulate(runner=…)` takes.
RUNNERS = ("inline", "threads", "processes", "async")


def _runners(*names: object) -> None:
    for name in names:
        if name not in RUNNERS:
            raise TypeError(
                f"there is no runner {name!r}: write {', '.join(map(repr, RUNNERS[:-1]))} or {RUNNERS[-1]!r}"
            )
    if len(set(names)) < len(names):
        raise TypeError(f"each runner is to be named once, not {', '.join(map(repr, names))}")


def _known(marker: str, options: dict[str, Any], but: tuple[str, ...]) -> None:
    for name in options:
        if name not in inspect.signature(simulate).parameters or name in but:
            raise TypeError(f"{marker}() got an unexpected keyword argument {name!r}")


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {value!r}")
    return value


#: The signatures, by marker.
MARKERS: dict[str, Callable[..., dict[str, Any]]] = {
    one.__name__: one for one in (headrace, simulate, explore, every_runner, headrace_store)
}
#: Arguments that `simulate` itself judges.
_JUDGED = ("start", "schedule", "store", "stall_seconds", "max_jumps", "max_seconds")
_SHOWN = {
    "headrace": "headrace(seed)",
    "simulate": "simulate(start=None, *, seed=None, schedule=None, **options)",
    "explore": "explore(schedules=None, *, seed=None, **options)",
    "every_runner": "every_runner(*runners, seed=None, **options)",
    "headrace_store": "headrace_store(kind)",
}


def declare_markers(config: pytest.Config) -> None:
    """Let `pytest --markers` list them."""
    for name, signature in MARKERS.items():
        config.addinivalue_line("markers", f"{_SHOWN[name]}: {signature.__doc__}")


def complaints(item: pytest.Item) -> list[str]:
    """Say what is wrong with the markers of a test, and what to write."""
    found = []
    for name in MARKERS:
        for marker in item.iter_markers(name):
            try:
                _try_out(_called(name, marker))
            except (TypeError, ValueError) as error:
                said = str(error).removesuffix(".").replace(f"{name}()", f"@pytest.mark.{name}", 1)
                found.append(said if said.startswith("@") else f"@pytest.mark.{name}: {said}")
    return found


def _try_out(said: dict[str, Any]) -> None:
    """Let `simulate` look at what is its own to judge. It is imported only for markers that give it such things."""
    given = {name: said[name] for name in _JUDGED if name in said}
    if given:
        from headrace.testing import simulate as judge

        judge(**given)


def marked(item: pytest.Item, name: str) -> dict[str, Any] | None:
    """Return what a test's innermost marker of this name says; None where there is none."""
    marker = item.get_closest_marker(name)
    return _called(name, marker) if marker is not None else None


def _called(name: str, marker: pytest.Mark) -> dict[str, Any]:
    return MARKERS[name](*marker.args, **marker.kwargs)
