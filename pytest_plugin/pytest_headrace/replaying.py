"""How to run exactly this test again, and the simulation that its fixture gave it."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from .markers import marked
from .options import STORE, value_of
from .scopes import SCOPE

if TYPE_CHECKING:
    from headrace.testing.scenes import Scene

#: What the fixtures of a simulation are, said by the simulation.
_OWN = {
    "simulation": "simulation",
    "runs": "simulation.runs",
    "run_store": "simulation.store",
    "fake_clock": "simulation.clock",
}


def command(item: pytest.Item) -> str:
    """Return the command that runs one test again, with the seed and the store that it had."""
    relative: Callable[[Any], object] = item.config.cwd_relative_nodeid  # its types differ between versions of pytest
    words = ["pytest", str(relative(item.nodeid)), f"--headrace-seed={item.stash[SCOPE].seed}"]
    if value_of(item.config, STORE) != STORE.default:
        words.append(f"{STORE.flag}={value_of(item.config, STORE)}")
    shuffled = getattr(item.config.option, "randomly_seed", None)  # of pytest-randomly
    if isinstance(shuffled, int):
        words.append(f"--randomly-seed={shuffled}")
    return shlex.join(words)


def with_marker(item: pytest.Item, scene: Scene) -> Scene:
    """Return the scene of a test's fixture with what else its marker says."""
    given = marked(item, "simulate") or {}
    return replace(
        scene, options={**scene.options, **{name: given[name] for name in given if name not in scene.options}}
    )


def program(item: pytest.Item, scene: Scene) -> str:
    """Return the program that repeats the simulation of a test's fixture, the test included where it can be called."""
    args = getattr(getattr(item, "_fixtureinfo", None), "argnames", ())
    function = getattr(item, "function", None)
    if function is None or getattr(item, "cls", None) is not None or not set(args) <= set(_OWN):
        return scene.program()
    call = f"{function.__name__}({', '.join(f'{name}={_OWN[name]}' for name in args)})"
    found = f"from {function.__module__} import {function.__name__}"
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        return scene.program(f"asyncio.run({call})", ("import asyncio", found))
    return scene.program(call, (found,))
