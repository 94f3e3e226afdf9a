"""`@flow`: a function that calls tasks, and whose every run is recorded."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, NoReturn, ParamSpec, Self, TypeVar, overload
from uuid import UUID

from headrace import calling, entrypoints
from headrace.core import names
from headrace.core.awaiting import awaitable_too
from headrace.core.final import plain_result
from headrace.core.records import FlowRun, TaskRun
from headrace.core.state_details import StateDetails
from headrace.core.states import State
from headrace.decorated import Decorated
from headrace.definitions import (
    NotSet,
    check_options,
    checked_hooks,
    checked_timeout,
    decorator_signature,
    logs_prints,
    persists,
    underlying,
    waited_for,
)
from headrace.deployable import Deployable
from headrace.drive.world import current_world
from headrace.effects import Record
from headrace.exceptions import FlowRunTimeoutError, NotRetriable
from headrace.ids import named_id
from headrace.runs import inputs
from headrace.runs.context import CURRENT, TAGS, Deployed, FlowRunContext, RunContext
from headrace.runs.definitions import Hook
from headrace.runs.flow_run import flow_run as story_of
from headrace.runs.steps import PENDING, settled
from headrace.settings import current_settings
from headrace.task_runners import TaskRunner, ThreadPoolTaskRunner
from headrace.validation import Validator, as_json

if TYPE_CHECKING:
    from headrace.utilities.parameter_schemas import ParameterSchema

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
T = TypeVar("T")

__all__ = [
    "Flow",
    "flow",
    "load_flow_from_entrypoint",
    "load_flow_from_script",
    "load_flows_from_script",
    "load_function_and_convert_to_flow",
    "select_flow",
]

_HOOK_EVENTS = ("completion", "failure", "cancellation", "crashed", "running")


class Flow(Deployable, Decorated, Generic[P, R]):
    """A function whose runs are recorded, with those of the tasks that it calls.

    Made by `flow`, which describes its arguments.
    """

    _kind = "flow"
    _timeout_error = FlowRunTimeoutError
    _plain_options = ("name", "description", "flow_run_name", "timeout_seconds", "log_prints")
    _never_none = ("name", "task_runner")

    def __init__(
        self,
        fn: Callable[P, R],
        name: str | None = None,
        version: str | None = None,
        flow_run_name: str | Callable[[], str] | None = None,
        retries: int | None = None,
        retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None = None,
        task_runner: type[TaskRunner] | TaskRunner | None = None,
        description: str | None = None,
        timeout_seconds: float | None = None,
        validate_parameters: bool = True,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        cache_result_in_memory: bool = True,
        log_prints: bool | None = None,
        on_completion: Iterable[Hook] | None = None,
        on_failure: Iterable[Hook] | None = None,
        on_cancellation: Iterable[Hook] | None = None,
        on_crashed: Iterable[Hook] | None = None,
        on_running: Iterable[Hook] | None = None,
    ) -> None:
        self._given: dict[str, Any] = {
            key: value for key, value in locals().items() if key not in ("self", "fn", "__class__")
        }
        plain = self._take_on(fn)
        self.name = names.check_flow_name(name) if name is not None else names.default_flow_name(plain)
        self.description = description if description is not None else inspect.getdoc(plain)
        self._version = version
        if flow_run_name is not None and not isinstance(flow_run_name, str) and not callable(flow_run_name):
            raise TypeError(
                f"'flow_run_name' is a template or a callable that returns a string, not {flow_run_name!r}."
            )
        self.flow_run_name = flow_run_name or None  # an empty one says nothing
        self._accept_call(plain)
        settings = current_settings()
        delays = settings.flows_default_retry_delay_seconds if retry_delay_seconds is None else retry_delay_seconds
        self.accept_policy(settings.flows_default_retries if retries is None else retries, delays, None)
        self.task_runner = _checked_runner(task_runner)
        self.timeout_seconds = checked_timeout(timeout_seconds)
        self.should_validate_parameters = validate_parameters
        self._accept_keeping(persist_result, result_storage, result_serializer, None)
        self.cache_result_in_memory = cache_result_in_memory
        self.log_prints = log_prints
        given = self._given
        self._hooks = {event: checked_hooks(given[f"on_{event}"], f"on_{event}") for event in _HOOK_EVENTS}
        self._flow_id: UUID | None = None
        self._entrypoint: Any = NotSet

    def _accept_call(self, plain: Callable[..., Any]) -> None:
        super()._accept_call(plain)
        self.validator = Validator(self.name, plain, inspect.signature(plain))

    @property
    def version(self) -> str | None:
        """The version that was given, else a hash of the file that defines the flow; None where there is no file."""
        if self._version is None:
            self._version = _file_hash(underlying(self.fn))
        return self._version

    @property
    def flow_id(self) -> UUID:
        """The id of all flows of this name (derived from it)."""
        if self._flow_id is None:
            self._flow_id = named_id(f"flow:{self.name}")
        return self._flow_id

    @property
    def entrypoint(self) -> str | None:
        """Where its code is, as `load_flow_from_entrypoint` takes it; None where it can't be found again."""
        if self._entrypoint is NotSet:
            self._entrypoint = entrypoints.place_of(underlying(self.fn))
        entrypoint: str | None = self._entrypoint
        return entrypoint

    @property
    def parameters(self) -> ParameterSchema:
        """What the flow takes, as a JSON schema."""
        from headrace.utilities.parameter_schemas import schema_of  # few scripts ask for it

        signature = self.binder.signature
        owner = self.ismethod or self.isclassmethod
        return schema_of(signature, self.validator.hints, self.__doc__, first=int(owner))

    @property
    def on_cancellation_hooks(self) -> Sequence[Hook]:
        """The hooks that fire when a run is asked to stop."""
        return self._hooks["cancellation"]

    @property
    def on_crashed_hooks(self) -> Sequence[Hook]:
        """The hooks that fire when a run is ended from outside."""
        return self._hooks["crashed"]

    def new_task_runner(self) -> TaskRunner:
        """Return a fresh task runner for one attempt of one run."""
        return self.task_runner.duplicate()

    # calling ------------------------------------------------------------------------------------------------

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __call__(  # first, as type checkers take the first that fits a function of which nothing is known
        self: Flow[P, NoReturn],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> State: ...

    @overload
    def __call__(
        self: Flow[P, Coroutine[Any, Any, T]],
        *args: Any,
        return_state: Literal[True],
        wait_for: Iterable[Any] | None = None,
        **kwargs: Any,
    ) -> Coroutine[Any, Any, State]: ...

    @overload
    def __call__(
        self: Flow[P, AsyncGenerator[T, Any]],
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
        """Run the flow, and return what its function returns; or, with `return_state`, its final state.

        Of an async flow this gives a coroutine, of a generator an iterator. `wait_for` are futures or states that must
        have completed first. Raises ParameterBindError if the arguments do not fit, ParameterTypeError if they do not
        validate.
        """
        entrypoints.check_called(self.name)
        parameters = self.binder(args, kwargs)
        given = frozenset(self.binder.given(args, kwargs)) if self._wants_validation else frozenset()
        return calling.call(self, lambda: self._context(parameters, given, wait_for), return_state)

    @property
    def _wants_validation(self) -> bool:
        return self.should_validate_parameters and not self.validator.is_trivial

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters, coerced to the annotations, and defaults for those that are not given.

        Raises SignatureMismatchError for parameters that the flow does not take, ParameterTypeError for the others, one
        line per error.
        """
        return self.validator.complete(self.binder, parameters)

    def serialize_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in JSON's own types, as pydantic says them; what it can't say becomes its repr."""
        return {name: as_json(value) for name, value in parameters.items()}

    def _context(
        self, parameters: dict[str, Any], given: frozenset[str], wait_for: Iterable[Any] | None
    ) -> FlowRunContext:
        """Make the context of a new run; it is recorded at once if something could be seen before it runs."""
        parent = CURRENT.get()
        outer = parent.flow_context if parent is not None else None
        context = self._context_of(self.new_run(parameters, TAGS.get(), outer), given, parent)
        context.wait_for = waited_for(wait_for)
        if outer is not None:
            self._stand_in(context, outer)
        return _witnessed(context)

    def new_run(self, parameters: dict[str, Any], tags: frozenset[str], outer: FlowRunContext | None = None) -> FlowRun:
        """Make the record of a new run, which is not stored yet; `outer` is the flow run that calls it."""
        world = current_world()
        run_id = world.new_id()
        return FlowRun(
            id=run_id,
            name=names.slug(world.random.random),
            created=world.clock.now(),
            tags=tags,
            flow_name=self.name,
            flow_id=self.flow_id,
            flow_version=self.version,
            parameters=parameters,
            parent_flow_run_id=outer.run.id if outer is not None else None,
            root_flow_run_id=(outer.run.root_flow_run_id or outer.run.id) if outer is not None else run_id,
            entrypoint=self.entrypoint if outer is None else None,
        )

    def deployed(self, run: FlowRun, deployed: Deployed) -> FlowRunContext:
        """Return the context of a run that was recorded as Scheduled for a deployment."""
        run.parameters = self.binder.completed(deployed.parameters)
        context = self._context_of(run, frozenset(deployed.parameters), None)
        context.deployed = deployed
        return _witnessed(context)

    def given_again(self, run: FlowRun) -> dict[str, Any]:
        """Return what a run was given, from what was recorded of it: for `retried`, checked.

        Raises NotRetriable for what was not recorded whole, ParameterTypeError or ParameterBindError for what the flow
        does not take any more.
        """
        from headrace.core import again  # few runs are run again

        given = again.given_again(run.parameters, self.binder.defaults)
        checked = self.should_validate_parameters
        lost = again.lost(given, self.validator.hints if checked else ())
        if lost:
            raise NotRetriable(
                f"The flow run {run.name!r} was given {', '.join(map(repr, lost))}, of which but a text for people was "
                "recorded. Run the flow anew, with `headrace run` say."
            )
        full = self.binder.completed(given)
        if checked:
            self.validator(full, frozenset(given))
        return given

    def retried(self, run: FlowRun, given: dict[str, Any], deployed: Deployed | None = None) -> FlowRunContext:
        """Return the context of a run that had ended, and that was recorded as one to be run again."""
        run.parameters = self.binder.completed(given)
        context = self._context_of(run, frozenset(given), None)
        context.unrecorded, context.deployed = (), deployed
        return _witnessed(context)

    def _context_of(self, run: FlowRun, given: frozenset[str], parent: RunContext | None) -> FlowRunContext:
        context = FlowRunContext(
            run=run,
            definition=self,
            parameters=run.parameters,  # type: ignore[arg-type]  # a dict, as every new run's are
            parent=parent,
            log_prints=logs_prints(self.log_prints, parent),
            unrecorded=(PENDING,),
        )
        context.given = given
        self._keep(context, parent)
        return context

    def _keep(self, context: FlowRunContext, parent: RunContext | None) -> None:
        """Say what becomes of the result of a run, and of those of its tasks that do not say so themselves."""
        context.persist_result = persists(self.persist_result, None, parent)
        if parent is not None:
            context.kept_by = parent.kept_by
        if context.persist_result or self.result_storage is not None or self.result_serializer is not None:
            from headrace.results import keeper_of, kept_by  # most flows keep no results

            context.kept_by = kept_by(self, parent)
            context.keeper = keeper_of(self, context.kept_by) if context.persist_result else None

    def _stand_in(self, context: FlowRunContext, outer: FlowRunContext) -> None:
        """Record the task run that stands for this subflow in its parent."""
        world = current_world()
        count = outer.subflow_counts.get(self.name, 0)
        outer.subflow_counts[self.name] = count + 1
        context.stand_in = stand_in = TaskRun(
            id=world.new_id(),
            name=f"{self.name}-{count}",
            created=context.run.created,
            tags=context.run.tags,
            task_name=self.name,
            task_key=f"{type(self).__module__}.{self.name}",
            dynamic_key=str(count),
            flow_run_id=outer.run.id,
            flow_run_run_count=outer.run.run_count,
            task_inputs=inputs.dependencies(context.parameters, context.wait_for, outer.origins, {}),
            parameters=context.parameters,
            child_flow_run_id=context.run.id,
        )
        context.run.parent_task_run_id = stand_in.id
        details = StateDetails(child_flow_run_id=context.run.id)
        world.record(Record(stand_in, (PENDING.replace(state_details=details),)))

    def story(self, context: FlowRunContext) -> Any:
        """Return the coroutine that tells the life of a run."""
        return story_of(context, self.validation(context))

    def validation(self, context: FlowRunContext) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
        """Return what validates the parameters of a run; None where nothing is to be validated."""
        return self.validator.for_call(context.given) if self._wants_validation else None

    def answer(self, context: FlowRunContext, state: State) -> Any:
        """Return what a plain call gives, or raise."""
        return plain_result(context.whole or state, settled)

    # looking --------------------------------------------------------------------------------------------------

    @awaitable_too
    def visualize(self, /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Draw what the flow would call with these arguments, and what depends on what. May be awaited.

        The flow's own code runs; no task and no subflow does, and nothing is recorded. The picture is shown below the
        cell of a notebook; elsewhere it is opened, and stays in ``<name of the flow>.png``.
        Raises GraphvizImportError or GraphvizExecutableNotFoundError where there is nothing to draw with, else what
        `headrace.utilities.visualization.graph_of` raises.
        """
        from headrace.utilities import visualization  # few flows are drawn

        visualization.load_graphviz()  # before anything runs in vain
        visualization.show(visualization.graph_of(self, *args, **kwargs))

    # variants -----------------------------------------------------------------------------------------------

    def with_options(
        self,
        *,
        name: str | None = NotSet,
        version: str | None = NotSet,
        flow_run_name: str | Callable[[], str] | None = NotSet,
        retries: int | None = NotSet,
        retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None = NotSet,
        task_runner: type[TaskRunner] | TaskRunner | None = NotSet,
        description: str | None = NotSet,
        timeout_seconds: float | None = NotSet,
        validate_parameters: bool = NotSet,
        persist_result: bool | None = NotSet,
        result_storage: Any = NotSet,
        result_serializer: Any = NotSet,
        cache_result_in_memory: bool = NotSet,
        log_prints: bool | None = NotSet,
        on_completion: Iterable[Hook] | None = NotSet,
        on_failure: Iterable[Hook] | None = NotSet,
        on_cancellation: Iterable[Hook] | None = NotSet,
        on_crashed: Iterable[Hook] | None = NotSet,
        on_running: Iterable[Hook] | None = NotSet,
    ) -> Flow[P, R]:
        """Return a flow like this one with some arguments of `flow` changed; what is not given stays as it is.

        None, 0 and empty values replace what was there, but a name and a task runner can't be taken away.
        """
        return self._variant(locals())

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Flow[P, R]: ...

    @overload
    def __get__(self: Flow[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> Flow[Q, R]: ...

    def __get__(self, instance: object, owner: type | None = None) -> Flow[Any, R]:
        """Bind a method to its instance, a classmethod to its class; a staticmethod is bound to nothing."""
        return self._of(instance, owner)

    def _bound(self, fn: Callable[..., Any]) -> Self:
        bound = super()._bound(fn)
        bound.validator = Validator(self.name, fn, inspect.signature(fn))
        return bound

    def on_cancellation(self, fn: Hook) -> Hook:
        """Add a hook that fires when a run is asked to stop; a decorator."""
        return self._add_hook("cancellation", fn)

    def on_crashed(self, fn: Hook) -> Hook:
        """Add a hook that fires when a run is ended from outside; a decorator."""
        return self._add_hook("crashed", fn)


def _witnessed(context: FlowRunContext) -> FlowRunContext:
    witness = current_world().witness
    if witness is not None:
        witness(context)
    return context


def _checked_runner(runner: Any) -> TaskRunner:
    if runner is None:
        return ThreadPoolTaskRunner()
    if isinstance(runner, type) and issubclass(runner, TaskRunner):
        return runner()
    if isinstance(runner, TaskRunner):
        return runner
    raise TypeError(f"'task_runner' is a task runner such as ThreadPoolTaskRunner(max_workers=4), not {runner!r}.")


def _file_hash(fn: Callable[..., Any]) -> str | None:
    import zlib

    try:
        with open(inspect.getsourcefile(fn) or "", "rb") as file:
            return f"{zlib.crc32(file.read()):08x}"
    except (OSError, TypeError):
        return None


@overload
def flow(__fn: Callable[P, R], /) -> Flow[P, R]: ...


@overload
def flow(
    __fn: Literal[None] = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    flow_run_name: str | Callable[[], str] | None = None,
    retries: int | None = None,
    retry_delay_seconds: float | list[float] | Callable[[int], list[float]] | None = None,
    task_runner: type[TaskRunner] | TaskRunner | None = None,
    description: str | None = None,
    timeout_seconds: float | None = None,
    validate_parameters: bool = True,
    persist_result: bool | None = None,
    result_storage: Any = None,
    result_serializer: Any = None,
    cache_result_in_memory: bool = True,
    log_prints: bool | None = None,
    on_completion: Iterable[Hook] | None = None,
    on_failure: Iterable[Hook] | None = None,
    on_cancellation: Iterable[Hook] | None = None,
    on_crashed: Iterable[Hook] | None = None,
    on_running: Iterable[Hook] | None = None,
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...


def flow(__fn: Any = None, /, **options: Any) -> Any:
    """Make a flow of a function; bare, or with any of these arguments.

    `name` (the function's, with dashes) and `description` (its docstring); `version` (a hash of its file);
    `flow_run_name`, a `str.format` template over the parameters or a callable; `retries` after the first attempt and
    `retry_delay_seconds` before each; `task_runner`, a class or an instance; `timeout_seconds` (None or 0: none);
    `validate_parameters` against the annotations; `log_prints`; hooks `on_completion`, `on_failure`,
    `on_cancellation`, `on_crashed`, `on_running`, each a list of functions called with ``(flow, flow_run, state)``.
    `persist_result` keeps its result and those of its tasks in `result_storage` (a storage, path or URL), written by
    `result_serializer`; `cache_result_in_memory=False` has its own read back each time that it is asked for.

    Raises TypeError, ValueError, InvalidNameError or ReservedArgumentError for what can't be.
    """
    check_options(options, flow)
    if __fn is not None:
        return Flow(__fn, **options)
    return lambda fn: Flow(fn, **options)


flow.__signature__ = decorator_signature(Flow)  # type: ignore[attr-defined]


def load_flow_from_entrypoint(entrypoint: str, use_placeholder_flow: bool = True) -> Flow[..., Any]:
    """Return the flow at ``path/to/file.py:name``, ``package.module:name`` or ``package.module.name``.

    `name` is that of the function or of the flow; without it, it is the only flow there. A file or module that can't be
    loaded raises ScriptError (its cause is what the file raised), one without such a flow MissingFlowError, one with
    several UnspecifiedFlowError. `use_placeholder_flow` has no effect: nothing stands in for what can't be loaded.
    """
    return entrypoints.find(entrypoint, Flow)


def load_flows_from_script(path: str) -> list[Flow[..., Any]]:
    """Return the flows that a file defines. Raises ScriptError."""
    return list(entrypoints.all_in(os.fspath(path), Flow).values())


def load_flow_from_script(path: str, flow_name: str | None = None) -> Flow[..., Any]:
    """Return the flow of this name that a file defines, else the only one.

    Raises ScriptError, MissingFlowError, UnspecifiedFlowError.
    """
    return select_flow(load_flows_from_script(path), flow_name, os.fspath(path))


def load_function_and_convert_to_flow(entrypoint: str) -> Flow[..., Any]:
    """Return the flow at an entrypoint, or make one of the function there. Raises ScriptError, MissingFlowError."""
    found = entrypoints.at(entrypoint)
    return found if isinstance(found, Flow) else Flow(found, log_prints=True)


def select_flow(
    flows: Iterable[Flow[P, R]], flow_name: str | None = None, from_message: str | None = None
) -> Flow[P, R]:
    """Return the flow of this name, else the only one; `from_message` says in errors where they are from.

    Raises MissingFlowError, UnspecifiedFlowError.
    """
    return entrypoints.select({flow.name: flow for flow in flows}, flow_name, from_message or "The list")
