"""Going from sync code to async code, and back."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from headrace.drive.bridge import run_coroutine
from headrace.drive.world import current_world

P = ParamSpec("P")
R = TypeVar("R")

__all__ = [
    "gather",
    "is_async_fn",
    "is_async_gen_fn",
    "run_async_in_new_loop",
    "run_coro_as_sync",
    "run_sync_in_worker_thread",
    "sync_compatible",
]


def is_async_fn(func: Callable[..., Any]) -> bool:
    """Say whether this is an async function, or wraps one."""
    return inspect.iscoroutinefunction(inspect.unwrap(func))


def is_async_gen_fn(func: Callable[..., Any]) -> bool:
    """Say whether this is an async generator function, or wraps one."""
    return inspect.isasyncgenfunction(inspect.unwrap(func))


def run_coro_as_sync(coroutine: Awaitable[R], force_new_thread: bool = False, wait_for_result: bool = True) -> R:
    """Run a coroutine to its end from sync code, and return its result.

    Where an event loop is running in this thread, it is run in a thread of its own. The last two arguments are
    accepted and have no effect: there is always a loop for it, and always a wait.
    """
    result: R = run_coroutine(coroutine, current_world())
    return result


def run_async_in_new_loop(fn: Callable[..., Coroutine[Any, Any, R]], *args: Any, **kwargs: Any) -> R:
    """Call an async function from sync code. Raises RuntimeError where an event loop is running in this thread."""
    if _in_event_loop():
        raise RuntimeError("Already running asyncio in this thread: await the function here.")
    return run_coro_as_sync(fn(*args, **kwargs))


async def run_sync_in_worker_thread(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a sync function in a thread, in a copy of this context, and wait for it."""
    return await asyncio.to_thread(fn, *args, **kwargs)


def sync_compatible(async_fn: Callable[P, Coroutine[Any, Any, R]]) -> Callable[..., Any]:
    """Let an async function be called from sync code, where it returns its result; from async code it is awaited.

    ``_sync=True`` or ``False`` says which. The function itself is at ``.aio``. Raises TypeError for a sync function.
    """
    if is_async_gen_fn(async_fn):
        raise ValueError("Async generators can't be called from sync code; collect their items in an async function.")
    if not is_async_fn(async_fn):
        raise TypeError(f"The function must be async, and {async_fn!r} is not.")

    @functools.wraps(async_fn)
    def either(*args: Any, _sync: bool | None = None, **kwargs: Any) -> Any:
        coroutine = async_fn(*args, **kwargs)
        in_async_code = _in_event_loop() if _sync is None else not _sync
        return coroutine if in_async_code else run_coro_as_sync(coroutine)

    either.aio = async_fn  # type: ignore[attr-defined]
    return either


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def gather(*calls: Callable[[], Coroutine[Any, Any, R]]) -> list[R]:
    """Call async functions side by side, and return their results in order; one that raises cancels the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call()) for call in calls]
    return [task.result() for task in tasks]
