"""`@task`: a function whose every run is recorded."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Generic, Literal, NoReturn, ParamSpec, TypeVar, cast, overload
from uuid import UUID

from headrace import calling
from headrace.cached import Cached, task_input_hash
from headrace.core import names
from headrace.core.final import plain_result
from headrace.core.records import TaskRun
from headrace.core.retries import exponential_backoff
from headrace.core.states import State
from headrace.definitions import (
    NotSet,
    check_options,
    checked_hooks,
    checked_timeout,
    decorator_signature,
    logs_prints,
    source_hash,
    source_of,
    underlying,
    waited_for,
    warn_of,
)
from headrace.drive.world import current_world
from headrace.exceptions import TaskRunTimeoutError
from headrace.futures import DistributedFuture, RunFuture, RunFutureList
from headrace.runs import inputs
from headrace.runs.context import CURRENT, TAGS, RunContext, TaskRunContext, transaction_around
from headrace.runs.definitions import Hook
from headrace.runs.steps import PENDING, settled
from headrace.runs.task_run import task_run as story_of
from headrace.settings import current_settings

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
T = TypeVar("T")

__all__ = ["Task", "exponential_backoff", "task", "task_input_hash"]


class Task(Cached, Generic[P, R]):
    """A function whose runs are recorded; made by `task`, which describes its arguments.

    Call it to run it here and now, `submit` it to a task runner, or `map` it over many arguments.
    """

    _kind = "task"
    _timeout_error = TaskRunTimeoutError
    _plain_options = ("name", "description", "tags", "version", "task_run_name", "timeout_seconds", "log_prints")

    def __init__(
        self,
        fn: Callable[P, R],
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        cache_policy: Any = NotSet,
        cache_key_fn: Callable[[TaskRunContext, dict[str, Any]], str | None] | None = None,
        cache_expiration: datetime.timedelta | None = None,
        task_run_name: str | Callable[..., str] | None = None,
        retries: int | None = None,
        retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None = None,
        retry_jitter_factor: float | None = None,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        result_storage_key: str | None = None,
        cache_result_in_memory: bool = True,
        timeout_seconds: float | None = None,
        log_prints: bool | None = None,
        refresh_cache: bool | None = None,
        on_completion: Iterable[Hook] | None = None,
        on_failure: Iterable[Hook] | None = None,
        on_running: Iterable[Hook] | None = None,
        on_rollback: Iterable[Hook] | None = None,
        on_commit: Iterable[Hook] | None = None,
        retry_condition_fn: Callable[[Any, TaskRun, State], Any] | None = None,
        viz_return_value: Any = None,
        asset_deps: list[Any] | None = None,
    ) -> None:
        self._given: dict[str, Any] = {
            key: value for key, value in locals().items() if key not in ("self", "fn", "__class__")
        }
        plain = self._take_on(fn)
        self.name = names.check_name(name, "task") if name is not None else names.function_name(plain)
        self.description = description if description is not None else inspect.getdoc(plain)
        self.tags: set[str] = set(names.check_tags(tags or (), f"the task {self.name!r}", 'tags=["nightly", "web"]'))
        self.version = version
        self._accept_call(plain)
        self._accept_retries(retries, retry_delay_seconds, retry_jitter_factor, retry_condition_fn)
        if task_run_name is not None and not isinstance(task_run_name, str) and not callable(task_run_name):
            raise TypeError(
                f"Expected string or callable for 'task_run_name'; got {type(task_run_name).__name__} instead."
            )
        self.task_run_name = task_run_name or None  # an empty one says nothing
        self.timeout_seconds = checked_timeout(timeout_seconds)
        self.log_prints = log_prints
        self._accept_keeping(persist_result, result_storage, result_serializer, result_storage_key)
        self._accept_caching(cache_policy, cache_key_fn, cache_expiration, refresh_cache)
        self.cache_result_in_memory = cache_result_in_memory
        hooks = {"completion": on_completion, "failure": on_failure, "running": on_running}
        self._hooks = {event: checked_hooks(given, f"on_{event}") for event, given in hooks.items()}
        self.on_rollback_hooks = checked_hooks(on_rollback, "on_rollback")
        self.on_commit_hooks = checked_hooks(on_commit, "on_commit")
        self.viz_return_value = viz_return_value
        self.asset_deps = list(asset_deps or ())
        self._warn_of_what_is_not_there()
        self._task_key: str | None = None

    def _warn_of_what_is_not_there(self) -> None:
        if self._given["asset_deps"] is not None:
            what = "has asset_deps, which has no effect: assets are not recorded in this version of headrace."
            warn_of("task", self.name, what)

    def _accept_retries(self, retries: Any, delays: Any, jitter: Any, condition: Any) -> None:
        settings = current_settings()
        retries = settings.tasks_default_retries if retries is None else retries
        delays = settings.tasks_default_retry_delay_seconds if delays is None else delays
        self.accept_policy(retries, delays, jitter)
        if condition is not None and not callable(condition):
            raise TypeError(
                f"'retry_condition_fn' is called with (task, task_run, state) and must be callable, not {condition!r}."
            )
        self.retry_condition_fn = condition

    @property
    def source_code(self) -> str:
        """The lines of the function."""
        return source_of(underlying(self.fn))

    @property
    def task_key(self) -> str:
        """The function's name and a hash of its source: the same while the function is."""
        if self._task_key is None:
            plain = underlying(self.fn)
            self._task_key = f"{names.function_name(plain)}-{source_hash(plain)}"
        return self._task_key

    # calling ------------------------------------------------------------------------------------------------

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __call__(  # first, as type checkers take the first that fits a function of which nothing is known
        self: Task[P, NoReturn],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State: ...

    @overload
    def __call__(
        self: Task[P, Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, State]: ...

    @overload
    def __call__(
        self: Task[P, AsyncGenerator[T, Any]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, State]: ...

    @overload
    def __call__(
        self, *args: Any, return_state: Literal[True], wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> State: ...

    @overload
    def __call__(
        self, *args: Any, wait_for: Iterable[Any] | None, return_state: Literal[False] = False, **kwargs: Any
    ) -> R: ...

    def __call__(  # type: ignore[misc]  # nothing may stand between P.args and P.kwargs
        self, /, *args: Any, return_state: bool = False, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> Any:
        """Run the task here and now, and return what its function returns; or, with `return_state`, its final state.

        Of an async task this gives a coroutine, of a generator an iterator. `wait_for` are futures or states that must
        have completed first. Raises ParameterBindError if the arguments do not fit.
        """
        parameters = self.binder(args, kwargs)
        return calling.call(self, lambda: self._context(parameters, wait_for), return_state)

    @overload
    def submit(  # type: ignore[overload-overlap]
        self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> RunFuture[T]: ...

    @overload
    def submit(  # type: ignore[overload-overlap]
        self: Task[P, Generator[T, Any, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> RunFuture[list[T]]: ...

    @overload
    def submit(  # type: ignore[overload-overlap]
        self: Task[P, AsyncGenerator[T, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> RunFuture[list[T]]: ...

    @overload
    def submit(self, *args: P.args, **kwargs: P.kwargs) -> RunFuture[R]: ...

    @overload
    def submit(
        self, *args: Any, return_state: Literal[True], wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> State: ...

    @overload
    def submit(
        self: Task[P, Coroutine[Any, Any, T]],
        *args: Any,
        wait_for: Iterable[Any] | None,
        return_state: Literal[False] = False,
        **kwargs: Any,
    ) -> RunFuture[T]: ...

    @overload
    def submit(
        self, *args: Any, wait_for: Iterable[Any] | None, return_state: Literal[False] = False, **kwargs: Any
    ) -> RunFuture[R]: ...

    def submit(  # type: ignore[misc]  # nothing may stand between P.args and P.kwargs
        self, /, *args: Any, return_state: bool = False, wait_for: Iterable[Any] | None = None, **kwargs: Any
    ) -> Any:
        """Let the flow run's task runner run the task, and return its future at once.

        `return_state` waits, and returns the final state. Raises RuntimeError outside a flow run.
        """
        runner = self._task_runner("submit")
        future: RunFuture[R] = runner.submit(self, self.binder(args, kwargs), wait_for)
        if return_state:
            future.wait()
            return future.state
        return future

    @overload
    def map(
        self: Task[P, Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        deferred: bool = False,
        **kwargs: Any,
    ) -> RunFutureList[T]: ...

    @overload
    def map(
        self,
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        deferred: bool = False,
        **kwargs: Any,
    ) -> list[State]: ...

    @overload
    def map(
        self,
        *args: Any,
        return_state: Literal[False] = False,
        wait_for: Iterable[Any] | None = None,
        deferred: bool = False,
        **kwargs: Any,
    ) -> RunFutureList[R]: ...

    def map(  # type: ignore[misc]  # `self` is positional only: a function may have a keyword of that name
        self,
        /,
        *args: Any,
        return_state: bool = False,
        wait_for: Iterable[Any] | None = None,
        deferred: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Submit one run for each item of the iterable arguments, and return the list of their futures.

        What can't be iterated over, and what is `unmapped`, is the same for each. Raises MappingMissingIterable,
        MappingLengthMismatch; RuntimeError outside a flow run.
        """
        runner = self._task_runner("map")
        futures: RunFutureList[Any] = runner.map(self, self.binder.given(args, kwargs), wait_for)
        if return_state:
            futures.wait()
            return [future.state for future in futures]
        return futures

    @overload
    def delay(self: Task[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> DistributedFuture[T]: ...

    @overload
    def delay(
        self: Task[P, Generator[T, Any, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> DistributedFuture[list[T]]: ...

    @overload
    def delay(
        self: Task[P, AsyncGenerator[T, Any]], *args: P.args, **kwargs: P.kwargs
    ) -> DistributedFuture[list[T]]: ...

    @overload
    def delay(self, *args: P.args, **kwargs: P.kwargs) -> DistributedFuture[R]: ...

    def delay(self, /, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]  # as above
        """Schedule a run for a task worker, in whichever process, and return its future at once. See `apply_async`."""
        return self.apply_async(args, kwargs)

    @overload
    def apply_async(
        self: Task[P, Coroutine[Any, Any, T]],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        wait_for: Iterable[Any] | None = None,
        dependencies: Mapping[str, Sequence[UUID]] | None = None,
    ) -> DistributedFuture[T]: ...

    @overload
    def apply_async(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        wait_for: Iterable[Any] | None = None,
        dependencies: Mapping[str, Sequence[UUID]] | None = None,
    ) -> DistributedFuture[R]: ...

    def apply_async(
        self,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        wait_for: Iterable[Any] | None = None,
        dependencies: Mapping[str, Sequence[UUID]] | None = None,
    ) -> Any:
        """Schedule a run with these arguments for a task worker, and return its future at once.

        Futures of this process among the arguments and in `wait_for` are waited for here; those of other scheduled
        runs by the worker. Raises ParameterBindError, SerializationError for arguments that can't be pickled, and what
        runs raised that are waited for here.
        """
        from headrace.background import schedule  # most tasks are never scheduled

        return schedule(self, self.binder(tuple(args or ()), dict(kwargs or {})), wait_for, dependencies or {})

    def serve(self, limit: int | None = 10, timeout: float | None = None, until_idle: bool = False) -> None:
        """Run what is scheduled of this task; see `headrace.task_worker.serve`."""
        from headrace.task_worker import serve  # as above

        serve(self, limit=limit, timeout=timeout, until_idle=until_idle)

    def _task_runner(self, method: str) -> Any:
        here = CURRENT.get()
        context = here.flow_context if here is not None else None
        if context is None or context.task_runner is None:
            raise RuntimeError(
                f"{self.name}.{method}() needs a flow run around it, whose task runner is to run the task. Call "
                f"{self.name}() to run it here and now, or call {method} inside a function decorated with @flow."
            )
        return context.task_runner

    def _context(
        self,
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None,
        dependencies: Mapping[str, Sequence[UUID]] | None = None,
    ) -> TaskRunContext:
        """Make the context of a new run; it is recorded with the first state that somebody could see."""
        world = current_world()
        parent = CURRENT.get()
        flow_context = parent.flow_context if parent is not None else None
        waits = waited_for(wait_for)
        run = self._run(parameters, waits, parent, dependencies or {})
        context = TaskRunContext(
            run=run,
            definition=self,
            parameters=parameters,
            parent=parent,
            log_prints=logs_prints(self.log_prints, parent),
            unrecorded=(PENDING,),
            wait_for=waits,
            within=flow_context,
            enclosing=transaction_around(parent),
        )
        self._keep(context, parent)
        if world.witness is not None:
            world.witness(context)
        return context

    def _run(
        self,
        parameters: dict[str, Any],
        waits: Sequence[Any],
        parent: RunContext | None,
        dependencies: Mapping[str, Sequence[UUID]],
    ) -> TaskRun:
        """Return a new run, which `parent` asks for, and which has entered no state."""
        world = current_world()
        flow_context = parent.flow_context if parent is not None else None
        run_id = world.new_id()
        return TaskRun(
            id=run_id,
            name=self.name if flow_context is None else names.task_run_name(self.name, run_id),
            created=world.clock.now(),
            tags=TAGS.get() | self.tags if self.tags else TAGS.get(),
            task_name=self.name,
            task_key=self.task_key,
            flow_run_id=flow_context.run.id if flow_context is not None else None,
            flow_run_run_count=flow_context.run.run_count if flow_context is not None else 0,
            task_inputs=_task_inputs(parameters, waits, parent, dependencies),
            parameters=parameters,
        )

    def claimed(self, run: TaskRun, call: Any) -> TaskRunContext:
        """Return the context in which a task worker lives a run that was scheduled with this call."""
        run.parameters = call.parameters
        context = TaskRunContext(
            run=run,
            definition=self,
            parameters=call.parameters,
            log_prints=logs_prints(self.log_prints, call),
            wait_for=call.wait_for,
            waits_in_store=True,
        )
        self._keep(context, call)
        world = current_world()
        if world.witness is not None:
            world.witness(context)
        return context

    def answer(self, context: TaskRunContext, state: State) -> R:
        """Return what a plain call gives, or raise."""
        state = context.whole or state
        if context.returned_state:
            return cast(R, state if not isinstance(state.data, State) else state.data)
        return plain_result(state, settled)  # type: ignore[no-any-return]

    story = staticmethod(story_of)

    # variants -----------------------------------------------------------------------------------------------

    def with_options(
        self,
        *,
        name: str | None = NotSet,
        description: str | None = NotSet,
        tags: Iterable[str] | None = NotSet,
        version: str | None = NotSet,
        cache_policy: Any = NotSet,
        cache_key_fn: Callable[[TaskRunContext, dict[str, Any]], str | None] | None = NotSet,
        cache_expiration: datetime.timedelta | None = NotSet,
        task_run_name: str | Callable[..., str] | None = NotSet,
        retries: int | None = NotSet,
        retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None = NotSet,
        retry_jitter_factor: float | None = NotSet,
        persist_result: bool | None = NotSet,
        result_storage: Any = NotSet,
        result_serializer: Any = NotSet,
        result_storage_key: str | None = NotSet,
        cache_result_in_memory: bool = NotSet,
        timeout_seconds: float | None = NotSet,
        log_prints: bool | None = NotSet,
        refresh_cache: bool | None = NotSet,
        on_completion: Iterable[Hook] | None = NotSet,
        on_failure: Iterable[Hook] | None = NotSet,
        on_running: Iterable[Hook] | None = NotSet,
        retry_condition_fn: Callable[[Any, TaskRun, State], Any] | None = NotSet,
        viz_return_value: Any = NotSet,
        asset_deps: list[Any] | None = NotSet,
    ) -> Task[P, R]:
        """Return a task like this one with some arguments of `task` changed; what is not given stays as it is.

        None, 0 and empty values replace what was there; only a name can't be taken away.
        """
        return self._variant(locals(), on_rollback=list(self.on_rollback_hooks), on_commit=list(self.on_commit_hooks))

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Task[P, R]: ...

    @overload
    def __get__(self: Task[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> Task[Q, R]: ...

    def __get__(self, instance: object, owner: type | None = None) -> Task[Any, R]:
        """Bind a method to its instance, a classmethod to its class; a staticmethod is bound to nothing."""
        return self._of(instance, owner)

    def on_rollback(self, fn: Hook) -> Hook:
        """Add a hook that fires when a completed run is rolled back; a decorator."""
        self.on_rollback_hooks = checked_hooks([*self.on_rollback_hooks, fn], "on_rollback")
        return fn

    def on_commit(self, fn: Hook) -> Hook:
        """Add a hook that fires when a run's transaction is committed; a decorator."""
        self.on_commit_hooks = checked_hooks([*self.on_commit_hooks, fn], "on_commit")
        return fn


def _task_inputs(
    parameters: dict[str, Any], waits: Sequence[Any], parent: RunContext | None, more: Mapping[str, Sequence[UUID]]
) -> dict[str, list[UUID]]:
    """Return the dependencies of a run that `parent` calls; a task that calls it is its ``__parents__``."""
    flow_context = parent.flow_context if parent is not None else None
    found = inputs.dependencies(parameters, waits, flow_context.origins, more) if flow_context is not None else {}
    return {**found, "__parents__": [parent.run.id]} if isinstance(parent, TaskRunContext) else found


@overload
def task(__fn: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(
    __fn: Literal[None] = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    version: str | None = None,
    cache_policy: Any = NotSet,
    cache_key_fn: Callable[[TaskRunContext, dict[str, Any]], str | None] | None = None,
    cache_expiration: datetime.timedelta | None = None,
    task_run_name: str | Callable[..., str] | None = None,
    retries: int | None = None,
    retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None = None,
    retry_jitter_factor: float | None = None,
    persist_result: bool | None = None,
    result_storage: Any = None,
    result_serializer: Any = None,
    result_storage_key: str | None = None,
    cache_result_in_memory: bool = True,
    timeout_seconds: float | None = None,
    log_prints: bool | None = None,
    refresh_cache: bool | None = None,
    on_completion: Iterable[Hook] | None = None,
    on_failure: Iterable[Hook] | None = None,
    on_running: Iterable[Hook] | None = None,
    retry_condition_fn: Callable[[Any, TaskRun, State], Any] | None = None,
    viz_return_value: Any = None,
    asset_deps: list[Any] | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(__fn: Any = None, /, **options: Any) -> Any:
    """Make a task of a function; bare, or with any of these arguments.

    `name` (the function's) and `description` (its docstring); `tags`; `task_run_name`, a `str.format` template over the
    parameters or a callable; `retries` after the first attempt, `retry_delay_seconds` before each (a number, a list,
    or a callable such as `exponential_backoff(10)`), `retry_jitter_factor` (at least 0) and
    `retry_condition_fn(task, task_run, state)`; `timeout_seconds` (None or 0: none); `log_prints`; hooks
    `on_completion`, `on_failure`, `on_running`, each a list of functions called with ``(task, task_run, state)``.

    `persist_result` keeps results in `result_storage` (a storage, path or URL), written by `result_serializer`, under
    `result_storage_key` (a template). What is kept is cached, by `cache_policy` or `cache_key_fn(context, parameters)`,
    for as long as `cache_expiration` (a timedelta; None: for ever); `refresh_cache` runs it anyway.
    `cache_result_in_memory=False` has a kept result read back each time that it is asked for.

    Raises TypeError, ValueError or ReservedArgumentError for what can't be.
    """
    check_options(options, task)
    if __fn is not None:
        return Task(__fn, **options)
    return lambda fn: Task(fn, **options)


task.__signature__ = decorator_signature(Task, "on_rollback", "on_commit")  # type: ignore[attr-defined]
