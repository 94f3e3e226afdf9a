"""Tests whose function is called several times: under many schedules, on every runner. Each call has its simulation."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .fixtures import seed_of, store_of
from .markers import marked
from .options import SCHEDULES, value_of
from .replaying import called

if TYPE_CHECKING:
    from headrace.testing import Simulation

#: Fixtures that each call has its own of.
_OWN: dict[str, Callable[[Simulation], Any]] = {
    "simulation": lambda simulation: simulation,
    "runs": lambda simulation: simulation.runs,
    "run_store": lambda simulation: simulation.store,
    "fake_clock": lambda simulation: simulation.clock,
}
#: The test's function as it was written, where it is marked to be called several times.
_FUNCTION = pytest.StashKey[Callable[..., Any]]()

_Repeat = Callable[[Callable[..., Any], pytest.Function, dict[str, Any]], object]


def misfits(item: pytest.Item) -> list[str]:
    """Say why a test that is marked to be called several times can't be; [] where it can, or is not marked."""
    names = _names(item)
    why_not = _why_not(item, names) if names else ""
    return [f"@pytest.mark.{names[0]} {why_not}"] if why_not else []


def prepare(item: pytest.Item) -> None:
    """Remember the function of a test that is marked so."""
    if isinstance(item, pytest.Function) and _names(item):
        item.stash[_FUNCTION] = _original(item)


def _names(item: pytest.Item) -> list[str]:
    return [name for name in _REPEATS if item.get_closest_marker(name) is not None]


def repeated(item: pytest.Function) -> bool:
    """Call the function of a test as its marker says; False where it has none that says anything."""
    __tracebackhide__ = True
    function = item.stash.get(_FUNCTION, None)
    if function is None:
        return False
    name, repeat = next((name, repeat) for name, repeat in _REPEATS.items() if marked(item, name) is not None)
    given = marked(item, name) or {}
    given.setdefault("seed", seed_of(item))
    given.setdefault("store", store_of(item))
    repeat(_called_with_own(item, function), item, given)
    return True


def _explored(test: Callable[..., Any], item: pytest.Function, given: dict[str, Any]) -> None:
    from headrace.testing import explore

    __tracebackhide__ = True
    explore(test, given.pop("schedules") or value_of(item.config, SCHEDULES), **given)


def _on_every_runner(test: Callable[..., Any], item: pytest.Function, given: dict[str, Any]) -> None:
    from headrace.testing import on_every_runner

    __tracebackhide__ = True
    on_every_runner(test, *given.pop("runners"), **given)


_REPEATS: dict[str, _Repeat] = {"explore": _explored, "every_runner": _on_every_runner}


def _called_with_own(item: pytest.Function, function: Callable[..., Any]) -> Callable[[Simulation], Any]:
    """Return a function of a simulation: the test, with the fixtures that are the simulation's, and those it shares."""
    names = [name for name in item._fixtureinfo.argnames if name in item.funcargs]

    def test(simulation: Simulation) -> Any:
        __tracebackhide__ = True
        own = {name: _OWN[name](simulation) if name in _OWN else item.funcargs[name] for name in names}
        return function(**own)

    test.__module__, test.__qualname__ = function.__module__, function.__qualname__
    test.__called__ = called(item) or (f"...  # what {function.__qualname__} does", ())  # type: ignore[attr-defined]
    return test


def _why_not(item: pytest.Item, names: list[str]) -> str:
    """Say why a test can't be called several times; "" where it can."""
    if len(names) > 1:
        return f"and @pytest.mark.{names[1]} do not go together: mark two tests that call the same function"
    instead = "call headrace.testing." + {"explore": "explore", "every_runner": "on_every_runner"}[names[0]]
    unittest = sys.modules.get("unittest")
    cls = getattr(item, "cls", None)
    if not isinstance(item, pytest.Function) or (unittest and cls and issubclass(cls, unittest.TestCase)):
        return f"is for test functions, which this is not: {instead}(…) in it"
    if names == ["every_runner"] and getattr(item.obj, "is_hypothesis_test", False):
        return f"can't compare what Hypothesis draws anew on each runner: {instead}(…) in the test, for each example"
    return ""


def _original(item: pytest.Function) -> Callable[..., Any]:
    """Return the function of a test as it was written, not as a plugin for async tests has wrapped it."""
    function: Callable[..., Any] = item.obj
    inner = inspect.unwrap(function)
    return function if not inspect.iscoroutinefunction(inner) or inspect.ismethod(function) else inner
