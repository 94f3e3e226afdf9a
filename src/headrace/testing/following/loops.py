"""Locks of asyncio: the real ones, which say, where somebody waits for them in vain, who holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import ref

from headrace.clock.tasks import told_name_of

_ACQUIRE, _RELEASE = asyncio.Lock.acquire, asyncio.Lock.release


async def acquire(self: Any) -> bool:
    """Take a lock; see `asyncio.Lock`."""
    taken = await _ACQUIRE(self)
    task = asyncio.current_task()
    self.headrace_holder = ref(task) if task is not None else None
    return taken


def release(self: Any) -> None:
    """Give a lock back."""
    _RELEASE(self)
    self.headrace_holder = None


def awaited(self: Any) -> str:
    """Say what somebody waits for who waits for a lock."""
    holder = getattr(self, "headrace_holder", None)
    task = holder() if holder is not None else None
    return "a lock of asyncio" + (f", held by {told_name_of(task)}" if task is not None else "")


#: Methods to be replaced: owner, name, stand-in.
METHODS: list[tuple[type, str, Callable[..., Any]]] = [
    (asyncio.Lock, "acquire", acquire),
    (asyncio.Lock, "release", release),
    (asyncio.Lock, "headrace_awaited", awaited),
]
