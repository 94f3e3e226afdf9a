"""Flows and tasks of both kinds from one body, so that every promise is tested for sync and async alike."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from headrace import flow, task

both = pytest.mark.parametrize("kind", ["sync", "async"])


def of_kind(kind: str, fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fn`, or an async function that does the same."""
    if kind == "sync":
        return fn

    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


def make_task(kind: str, fn: Callable[..., Any], **options: Any) -> Any:
    """Return a task of this kind."""
    return task(**options)(of_kind(kind, fn))


def run_task_in_flow(kind: str, the_task: Any, *args: Any, **options: Any) -> Any:
    """Call the task in a flow of the same kind, and return what the flow returns."""
    if kind == "sync":

        @flow(**options)
        def around() -> Any:
            return the_task(*args)

        return around()

    @flow(name="around", **options)
    async def around_async() -> Any:
        return await the_task(*args)

    return asyncio.run(around_async())


def call(kind: str, callee: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a flow or task of this kind, to its end."""
    return callee(*args, **kwargs) if kind == "sync" else asyncio.run(callee(*args, **kwargs))


class Fails:
    """A function that raises `error` the first `times` times, then returns `value`."""

    def __init__(self, times: int, error: BaseException | None = None, value: Any = "done") -> None:
        self.times = times
        self.error = error or ValueError("boom")
        self.value = value
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return self.value

    @property
    def fn(self) -> Callable[[], Any]:
        """A plain function that does it."""

        def unsteady() -> Any:
            return self()

        return unsteady
