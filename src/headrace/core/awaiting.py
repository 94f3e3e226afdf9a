"""Functions that give a value to who calls them, and may be awaited by async code all the same.

The problem: where Prefect hears an event loop, `state.result()` and the functions that look into states are coroutines,
so that async code says ``await state.result()``; elsewhere they give a value. Ours give a value everywhere, and a value
can't be awaited. Asking only for a loop, as Prefect does, would hand a coroutine to async code that wants the value,
and to every sync function that is called from such code.

The choice: look at what the caller does next. If it is a coroutine, and awaits what the call gives, it gets a
coroutine that gives the value; else the value. A value that can be awaited itself is given as it is. The price: only an
``await`` in front of the call itself is seen. Who wants a coroutine to pass on has `State.aresult`.
"""

from __future__ import annotations

import functools
import inspect
import opcode
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_AWAIT = opcode.opmap["GET_AWAITABLE"]
#: Room that the interpreter leaves for itself after an instruction, in bytes of one instruction each.
_CACHE = 0
_SIZE = 2


def awaitable_too(fn: Callable[P, R]) -> Callable[P, R]:
    """Let ``await fn(...)`` give what ``fn(...)`` gives."""

    @functools.wraps(fn)
    def called(*args: P.args, **kwargs: P.kwargs) -> Any:
        value = fn(*args, **kwargs)
        caller = sys._getframe(1)
        if caller.f_code.co_flags & _ASYNC and not hasattr(value, "__await__") and _awaits(caller):
            return _answer(value)
        return value

    return called


def _awaits(caller: FrameType) -> bool:
    """Say whether the caller awaits what the call at hand gives."""
    code, at = caller.f_code.co_code, caller.f_lasti + _SIZE
    while at < len(code) and code[at] == _CACHE:
        at += _SIZE
    return at < len(code) and code[at] == _AWAIT


async def _answer(value: R) -> R:
    return value
