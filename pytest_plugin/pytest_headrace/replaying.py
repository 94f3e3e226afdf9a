"""How to run exactly this test again, and the simulation that its fixture gave it."""

from __future__ import annotations

import ast
import inspect
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
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
    """Return the program that repeats the simulation of a test, the test included where it can be called."""
    return scene.program(*(called(item) or ()))


def called(item: pytest.Item) -> tuple[str, tuple[str, ...]] | None:
    """Return the line that calls a test in its simulation, and the imports it takes; None where a line would not do.

    That is so for arguments that can't be written down, and where fixtures of the project's are around the test.
    """
    function, cls = getattr(item, "function", None), getattr(item, "cls", None)
    args = _arguments(item)
    if function is None or args is None or _in_unittest(cls) or any(_is_own(item, name) for name in _fixtures(item)):
        return None
    call = f"{function.__name__}({', '.join(f'{name}={value}' for name, value in args.items())})"
    if cls is not None:
        call = f"{cls.__qualname__}().{call}"
    found = f"from {function.__module__} import {(cls or function).__qualname__.partition('.')[0]}"
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        return f"asyncio.run({call})", ("import asyncio", found)
    return call, (found,)


def _arguments(item: pytest.Item) -> dict[str, str] | None:
    """Return the arguments of a test as they are written in a program; None where that can't be."""
    values = getattr(getattr(item, "callspec", None), "params", {})
    args: dict[str, str] = {}
    for name in getattr(getattr(item, "_fixtureinfo", None), "argnames", ()):
        if name in _OWN:
            args[name] = _OWN[name]
        elif name in values and not _definitions(item, name) and _can_be_written(values[name]):
            args[name] = repr(values[name])
        else:
            return None
    return args


def _can_be_written(value: object) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def _in_unittest(cls: type | None) -> bool:
    unittest = sys.modules.get("unittest")
    return cls is not None and unittest is not None and issubclass(cls, unittest.TestCase)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ())) - set(_OWN)


def _is_own(item: pytest.Item, name: str) -> bool:
    """Say whether a fixture is the project's own: written in it, or made by pytest of its `setup_…` functions."""
    return "xunit_" in name or any(_is_below(one.func, item.config.rootpath) for one in _definitions(item, name))


def _is_below(function: Any, root: Path) -> bool:
    code = getattr(inspect.unwrap(function), "__code__", None)
    file = Path(code.co_filename) if code is not None else Path()
    return file.is_relative_to(root) and "site-packages" not in file.parts


def _definitions(item: pytest.Item, name: str) -> Sequence[pytest.FixtureDef[Any]]:
    """Return the fixtures of a name that a test may get; none for a value of `parametrize`."""
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return [one for one in known.get(name, ()) if getattr(one.func, "__name__", "") != "get_direct_param_fixture_func"]
