"""What a worker process is told of a call and of the run it belongs to."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from headrace.core.messages import described
from headrace.core.records import FlowRun, TaskRun
from headrace.effects import Call
from headrace.exceptions import TimeIsUp
from headrace.runners.pickling import cannot_pickle, dumps, loads, travels_by_name, unsendable
from headrace.runs.context import TAGS, FlowRunContext, TaskRunContext

#: No storage and no serializer of its own.
NOWHERE = (None, None)


class Loading:
    """Whether this process is a worker that is loading a call, and with it perhaps the file that defines the task."""

    now = False


class TaskPicture(NamedTuple):
    """A call of a task's function, and its run."""

    fn: Any
    args: Sequence[Any]
    kwargs: dict[str, Any]
    flavour: Any
    seconds: float | None
    expired: TimeIsUp | None
    prints: bool
    run: TaskRun
    definition: Any
    tags: frozenset[str]
    nested_runner: Any
    persist_result: bool
    kept_by: Any


class Described:
    """Stand for a flow or task that can't be pickled, where only its function is called elsewhere."""

    def __init__(self, definition: Any) -> None:
        for name in ("name", "description", "version", "tags", "retries", "timeout_seconds", "log_prints"):
            setattr(self, name, getattr(definition, name, None))

    def __repr__(self) -> str:
        return f"<{self.name!r}, as seen from a worker process>"  # type: ignore[attr-defined]


class Unsent:
    """Stand for a flow's parameter that can't be pickled, or not be loaded."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


class FlowPicture(NamedTuple):
    """The flow run that a task run belongs to. A task may well do without what can't be loaded of it.

    The flow and each of its parameters are pickles of their own; `run` is without parameters. `flow` None: the flow
    can't be imported, and taking it along by value would take along whatever its function refers to.
    """

    run: FlowRun
    flow: bytes | None
    described: Described
    parameters: dict[str, bytes | Unsent]
    log_prints: bool
    persist_result: bool
    kept_by: bytes | Unsent

    def context(self) -> FlowRunContext:
        """Return the context that the picture is of."""
        parameters = {name: _loaded(pickled, name) for name, pickled in self.parameters.items()}
        self.run.parameters = parameters
        definition: Any = _loaded(self.flow, self.described) if self.flow is not None else self.described
        return FlowRunContext(
            run=self.run,
            definition=definition,
            parameters=parameters,
            log_prints=self.log_prints,
            persist_result=self.persist_result,
            kept_by=NOWHERE if isinstance(self.kept_by, Unsent) else loads(self.kept_by),
        )


def _loaded(pickled: bytes | Unsent, otherwise: Any) -> Any:
    if isinstance(pickled, Unsent):
        return pickled
    try:
        return loads(pickled)
    except Exception as error:  # noqa: BLE001 - modules are imported here, and may raise what they like
        return otherwise if isinstance(otherwise, Described) else Unsent(f"<{otherwise}: {described(error)}>")


def task_picture(effect: Call, nested_runner: Any) -> bytes:
    """Pickle a call. Raises SerializationError, naming the function or argument that can't be pickled."""
    context: TaskRunContext = effect.context
    run = copy.copy(context.run)
    run.parameters = context.parameters  # those of the record still hold the futures that were passed
    picture = TaskPicture(
        effect.fn,
        effect.args,
        effect.kwargs,
        effect.flavour,
        effect.seconds,
        effect.expired,
        effect.prints,
        run,
        context.definition,
        TAGS.get(),
        nested_runner,
        context.persist_result,
        context.kept_by,
    )
    try:
        return dumps(picture)
    except Exception as error:  # noqa: BLE001 - users' objects raise what they like
        _check(effect, context)
        if cannot_pickle(context.definition) is None:
            what = f"A call of task {context.run.task_name!r} can't be sent to a worker process"
            raise unsendable(what, error, "Simplify what it is given") from None
    # Its hooks, say, or its storage: what needs them is done in this process, so the worker does without.
    return dumps(picture._replace(definition=Described(context.definition), kept_by=NOWHERE))


def _check(effect: Call, context: TaskRunContext) -> None:
    name = context.run.task_name
    if error := cannot_pickle(effect.fn):
        what = f"The function of task {name!r} can't be sent to a worker process"
        raise unsendable(what, error, "Let it make what it needs itself instead of taking it from around it") from None
    for parameter, value in context.parameters.items():
        if error := cannot_pickle(value):
            what = f"The argument {parameter!r} of task {name!r} can't be sent to a worker process"
            raise unsendable(what, error, "Pass what it is made from (a path, a URL, plain data)") from None


def flow_picture(context: FlowRunContext) -> bytes:
    """Pickle what can be pickled of a flow run."""
    run = copy.copy(context.run)
    run.parameters = {}
    definition: Any = context.definition
    return dumps(
        FlowPicture(
            run,
            dumps(definition) if travels_by_name(definition) else None,
            Described(definition),
            {name: _dumped(value) for name, value in context.run.parameters.items()},
            context.log_prints,
            context.persist_result,
            _dumped(context.kept_by),
        )
    )


def _dumped(value: Any) -> bytes | Unsent:
    try:
        return dumps(value)
    except Exception as error:  # noqa: BLE001 - as above
        return Unsent(f"<{type(value).__name__}: {described(error)}>")
