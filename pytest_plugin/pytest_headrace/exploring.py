"""Tests marked `explore`: the test's function, called under many schedules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .fixtures import seed_of, store_of
from .markers import marked
from .options import SCHEDULES, value_of

if TYPE_CHECKING:
    from headrace.testing import Simulation

#: Fixtures that each schedule has its own of.
_OWN: dict[str, Callable[[Simulation], Any]] = {
    "simulation": lambda simulation: simulation,
    "runs": lambda simulation: simulation.runs,
    "run_store": lambda simulation: simulation.store,
    "fake_clock": lambda simulation: simulation.clock,
}


def explored(item: pytest.Function, function: Callable[..., Any]) -> bool:
    """Run a test under many schedules; False where it is not marked so."""
    given = marked(item, "explore")
    if given is None:
        return False
    from headrace.testing import explore

    schedules = given.pop("schedules") or value_of(item.config, SCHEDULES)
    names = [name for name in item._fixtureinfo.argnames if name in item.funcargs]

    def test(simulation: Simulation) -> Any:
        own = {name: _OWN[name](simulation) if name in _OWN else item.funcargs[name] for name in names}
        return function(**own)

    test.__module__, test.__qualname__ = function.__module__, function.__qualname__
    given.setdefault("seed", seed_of(item))
    given.setdefault("store", store_of(item))
    explore(test, schedules, **given)
    return True


def original(item: pytest.Function) -> Callable[..., Any]:
    """Return the function of a test as it was written, not as a plugin for async tests has wrapped it."""
    function: Callable[..., Any] = item.obj
    inner = inspect.unwrap(function)
    return function if not inspect.iscoroutinefunction(inner) or inspect.ismethod(function) else inner
