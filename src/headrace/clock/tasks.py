"""What can be told of a task of an event loop from outside: its name, where in the code it is, what it waits for."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from itertools import count
from types import FrameType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
#: What asyncio calls a task that nobody has named: it counts all tasks of the process; or, of a task factory, None.
_UNNAMED = re.compile(r"Task-\d+|None")


def name_of(task: asyncio.Task[Any]) -> str:
    """Return the name that somebody gave a task, else that of its coroutine's function."""
    name = str(task.get_name())
    if not _UNNAMED.fullmatch(name):
        return name
    coroutine = task.get_coro()
    return str(getattr(coroutine, "__qualname__", type(coroutine).__name__)).rpartition("<locals>.")[2]


def tells_run(task: asyncio.Task[Any]) -> bool:
    """Say whether a task is a call of a flow or task: its coroutine is the engine's."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and code.co_filename.startswith(_OURS)


def told_name_of(task: asyncio.Task[Any]) -> str:
    """Return the name of the run that a task tells, else its own."""
    frames = frames_of(task) if tells_run(task) else []
    run = getattr(frames[-1].f_locals.get("context"), "run", None) if frames else None  # see `calling`
    return run.name if run is not None else name_of(task)


def frames_of(task: asyncio.Task[Any]) -> list[FrameType]:
    """Return the frames of the coroutines that a waiting task is in, the innermost first."""
    return list(_frames(task.get_coro()))[::-1]


def _frames(coroutine: Any) -> Iterator[FrameType]:
    while coroutine is not None:
        frame = _first(coroutine, "cr_frame", "gi_frame", "ag_frame")
        if frame is not None:
            yield frame
        coroutine = _first(coroutine, "cr_await", "gi_yieldfrom", "ag_await")


def _first(owner: Any, *names: str) -> Any:
    return next((found for name in names if (found := getattr(owner, name, None)) is not None), None)


def waited_for(task: asyncio.Task[Any]) -> str:
    """Say what a waiting task waits for: an object that is waited for may say it itself, by `headrace_awaited`."""
    innermost = next(iter(frames_of(task)), None)
    if innermost is not None and innermost.f_globals.get("__name__", "").startswith("asyncio."):
        tell = getattr(innermost.f_locals.get("self"), "headrace_awaited", None)
        return str(tell()) if tell is not None else f"{innermost.f_code.co_qualname} of asyncio"
    future = getattr(task, "_fut_waiter", None)
    if isinstance(future, asyncio.Task):
        return f"{told_name_of(future)} to end"
    return "the tasks that it gathers" if type(future).__name__ == "_GatheringFuture" else "a future"


_ALL_TASKS = asyncio.all_tasks
_COUNT = count()
#: When each task was made, counted over all tasks of loops on virtual time.
_MADE: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()


def note_made(task: T) -> T:
    """Note that a task has just been made, and return it."""
    if isinstance(task, asyncio.Task):
        _MADE[task] = next(_COUNT)
    return task


class TasksInOrder(set[asyncio.Task[Any]]):
    """A set of tasks that is gone through in the order in which they were made, and not by where in memory they are."""

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(sorted(super().__iter__(), key=lambda task: _MADE.get(task, -1)))


def all_tasks(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
    """Return the tasks of a loop that have not ended: `asyncio.all_tasks`, in an order that is always the same.

    Whoever ends a loop cancels them in that order.
    """
    return TasksInOrder(_ALL_TASKS(loop))
