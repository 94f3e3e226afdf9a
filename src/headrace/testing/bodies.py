"""Calling the body of a test in a simulation that was made for it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.testing.simulation import Simulation


def call_body(fn: Callable[..., Any], simulation: Simulation) -> None:
    """Call a function without arguments, or with the simulation if it takes one; an async one in a loop of its own."""
    result = fn(simulation) if takes_one(fn) else fn()
    if inspect.isawaitable(result):

        async def awaited() -> None:
            await result

        asyncio.run(awaited())


def takes_one(fn: Callable[..., Any]) -> bool:
    """Say whether a function has an argument that must be given."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(one.kind in kinds and one.default is one.empty for one in inspect.signature(fn).parameters.values())
