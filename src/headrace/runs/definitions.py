"""What the stories know of a flow or task: the part of the public `Flow` and `Task` that they read."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from headrace.core.parameters import Binder
from headrace.core.retries import RetryPolicy
from headrace.effects import Flavour

Hook = Callable[..., Any]


class Definition(Protocol):
    """What flows and tasks have in common."""

    name: str
    fn: Callable[..., Any]
    binder: Binder
    flavour: Flavour
    policy: RetryPolicy
    timeout_seconds: float | None

    def hooks(self, event: str) -> Sequence[Hook]:
        """Return the hooks of an event: running, completion, failure, crashed or cancellation, in order."""
        ...


class TaskDefinition(Definition, Protocol):
    """What the story of a task run reads of its task."""

    task_run_name: str | Callable[..., str] | None
    retry_condition_fn: Callable[..., Any] | None
    cache_expiration: timedelta | None
    result_storage_key: str | None
    on_commit_hooks: list[Hook]
    on_rollback_hooks: list[Hook]

    @property
    def cache_policy(self) -> Any:
        """What the cache keys of its runs are made of."""
        ...

    def storage_key(self) -> str:
        """Return where the result of the current run goes, where that was said."""
        ...

    def wants_fresh_result(self) -> bool:
        """Say whether a result that is there already is to be passed over."""
        ...


class FlowDefinition(Definition, Protocol):
    """What the story of a flow run reads of its flow."""

    flow_run_name: str | Callable[[], str] | None


def is_function(fn: Any) -> bool:
    """Say whether this is a function or method, of Python's own or written in C, and no object that can be called."""
    # `inspect.isroutine` takes any descriptor for a function, and flows and tasks are descriptors.
    return inspect.isfunction(fn) or inspect.ismethod(fn) or inspect.isbuiltin(fn)


def flavour_of(fn: Callable[..., Any]) -> Flavour:
    """Say how a function is to be called; partials and callable objects are looked through."""
    inner: Any = fn
    while isinstance(inner, functools.partial | functools.partialmethod):  # not `hasattr`: a mock has everything
        inner = inner.func
    if inspect.iscoroutinefunction(inner):
        return "async"  # asked first: an AsyncMock says so itself, its class does not
    if hasattr(type(inner), "story"):  # a flow or task
        flavour: Flavour = inner.flavour
        return flavour
    if not is_function(inner):
        inner = inner if inspect.isclass(inner) else type(inner).__call__
    if inspect.isasyncgenfunction(inner):
        return "async generator"
    if inspect.iscoroutinefunction(inner):
        return "async"
    return "generator" if inspect.isgeneratorfunction(inner) else "sync"
