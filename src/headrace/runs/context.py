"""The run that code is in: what `headrace.runtime`, loggers and nested calls look at."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

from headrace.core import names
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.states import State
from headrace.exceptions import TimeIsUp
from headrace.runs.definitions import Definition, FlowDefinition, TaskDefinition
from headrace.runs.origins import Origins

if TYPE_CHECKING:
    from headrace.core.transactions import BaseTransaction
    from headrace.keeping.keeper import Keeper

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True, eq=False, kw_only=True, init=False, repr=False)
class RunContext:
    """What code inside a run may ask about it. `parent` is the run that called it."""

    run: Run
    definition: Definition
    parameters: dict[str, Any]
    parent: RunContext | None = None
    log_prints: bool = False
    #: States that the run has entered, in the story's eyes, but that are to be written with the next one.
    unrecorded: tuple[State, ...] = ()
    #: The concurrency slots that the run holds, or waits for.
    ticket: UUID | None = None
    #: The task run that mirrors this run in its parent, where this is a subflow's.
    stand_in: TaskRun | None = None
    #: Concurrency limits that do not exist, and have been warned about in this run.
    warned_limits: frozenset[str] = frozenset()
    #: What ended the run from outside, to be raised again once that is written down.
    ended_by: BaseException | None = None
    #: The interrupts of the thread or asyncio task that drives the run.
    guard: Any = None
    #: What an attempt meets when its time is up.
    expired: TimeIsUp | None = None
    #: Whether the function returned a single state, which a plain call of a task then gives.
    returned_state: bool = False
    #: Whether the function is a generator that was not asked for all it has: its result is not worth keeping.
    was_cut_short: bool = False
    #: Whether the run was claimed from the store, and waits there for its retries: whoever claims it then goes on.
    waits_in_store: bool = False
    #: The task runner that a submitted run was given to: it may carry the function out elsewhere.
    runner: Any = None
    #: Whether results of this run, and of those inside that do not say otherwise, are kept.
    persist_result: bool = False
    #: The storage and the serializer that were named, here or further out.
    kept_by: tuple[Any, Any] = (None, None)
    #: What keeps the result of this run; None where it is not kept.
    keeper: Keeper | None = None
    #: The state with its result, where the recorded one does without.
    whole: State | None = None

    @property
    def flow_context(self) -> FlowRunContext | None:
        """The flow run that this code belongs to."""
        raise NotImplementedError

    @property
    def told_to_end_by(self) -> BaseException | None:
        """Why the flow run that this belongs to, or one further out, was told to end; None where none was."""
        flow = self.flow_context
        if flow is None:
            return None
        reason: BaseException | None = flow.task_runner.stopped_by if flow.task_runner is not None else None
        if reason is None and flow.parent is not None:
            return flow.parent.told_to_end_by
        return reason

    @property
    def start_time(self) -> datetime:
        """When the run began; before that, when it was made."""
        return self.run.start_time or self.run.created


class Deployed(NamedTuple):
    """What a run of a deployment may ask about it. `parameters` are those that the run was given."""

    id: UUID
    name: str
    version: str | None
    flow_run_id: UUID
    parameters: dict[str, Any]


@dataclass(slots=True, eq=False, kw_only=True, repr=False)
class FlowRunContext(RunContext):
    """The context of a flow run."""

    run: FlowRun
    definition: FlowDefinition
    task_runner: Any = None
    origins: Origins = field(default_factory=Origins)
    subflow_counts: dict[str, int] = field(default_factory=dict)
    #: The parameters that the call named; defaults are not validated.
    given: frozenset[str] = frozenset()
    wait_for: Sequence[Any] = ()
    #: The deployment whose run this is; None for one that was called.
    deployed: Deployed | None = None

    @property
    def flow_context(self) -> FlowRunContext:
        """This context itself."""
        return self

    @property
    def flow(self) -> Any:
        """The flow."""
        return self.definition

    @property
    def flow_run(self) -> FlowRun:
        """The run."""
        return self.run

    @staticmethod
    def get() -> FlowRunContext | None:
        """Return the context of the flow run that this code belongs to, None outside one."""
        here = CURRENT.get()
        return here.flow_context if here else None


@dataclass(slots=True, eq=False, kw_only=True, repr=False)
class TaskRunContext(RunContext):
    """The context of a task run."""

    run: TaskRun
    definition: TaskDefinition
    wait_for: Sequence[Any] = ()
    within: FlowRunContext | None = None
    #: The transaction that the task run is; None while nobody needs to know.
    transaction: BaseTransaction | None = None
    #: The transaction that it is inside of.
    enclosing: BaseTransaction | None = None
    #: Where its result is kept.
    key: str | None = None

    @property
    def flow_context(self) -> FlowRunContext | None:
        """The flow run that the task run belongs to, None for one on its own."""
        return self.within

    @property
    def task(self) -> Any:
        """The task."""
        return self.definition

    @property
    def task_run(self) -> TaskRun:
        """The run."""
        return self.run

    @staticmethod
    def get() -> TaskRunContext | None:
        """Return the context of the task run that this code is in, None outside one."""
        here = CURRENT.get()
        return here if isinstance(here, TaskRunContext) else None


CURRENT: ContextVar[RunContext | None] = ContextVar("headrace_run", default=None)
#: The innermost block of a transaction that this code is in.
BLOCK: ContextVar[BaseTransaction | None] = ContextVar("headrace_transaction", default=None)
TAGS: ContextVar[frozenset[str]] = ContextVar("headrace_tags", default=frozenset())


class TagsContext(NamedTuple):
    """The tags that runs are given which begin here."""

    current_tags: frozenset[str]

    @staticmethod
    def get() -> TagsContext:
        """Return what the `tags` around this code come to; empty outside any."""
        return TagsContext(TAGS.get())


def transaction_around(here: RunContext | None) -> BaseTransaction | None:
    """Return the innermost transaction that code in this run is in: a block, or a task run."""
    block = BLOCK.get()
    while here is not None:
        if block is not None and block.context is here:
            return block
        if isinstance(here, TaskRunContext):
            return transaction_of(here)
        here = here.parent
    return block if block is not None and block.context is None else None


def transaction_of(this: TaskRunContext) -> BaseTransaction:
    """Return the transaction that a task run is."""
    if this.transaction is None:
        from headrace.core.transactions import BaseTransaction, TransactionState  # most task runs do without

        this.transaction = BaseTransaction(store=this.keeper, context=this, parent=this.enclosing, of_task_run=True)
        this.transaction.inherit()
        this.transaction.state = TransactionState.ACTIVE
    return this.transaction


class tags:  # noqa: N801 - used like a function
    """Add tags to all runs that are begun in the block; nested blocks add up. Also a decorator, for async code too."""

    __slots__ = ("_new", "_tokens")

    def __init__(self, *new: str) -> None:
        """Take words. Raises TypeError for anything else."""
        self._new = names.check_tags(new, "a block", 'tags("nightly", "web")')
        self._tokens: list[Token[frozenset[str]]] = []

    def __enter__(self) -> set[str]:
        joined = TAGS.get() | frozenset(self._new)
        self._tokens.append(TAGS.set(joined))
        return set(joined)

    def __exit__(self, *_: object) -> None:
        TAGS.reset(self._tokens.pop())

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        """Let all runs that are begun in a call of this function have the tags."""
        new = self._new  # each call has a block of its own: calls may overlap

        @functools.wraps(fn)
        def tagged(*args: P.args, **kwargs: P.kwargs) -> R:
            with tags(*new):
                result = fn(*args, **kwargs)
            return _awaited_under(new, result) if isinstance(result, Coroutine) else result  # type: ignore[return-value]

        @functools.wraps(fn)
        async def async_tagged(*args: P.args, **kwargs: P.kwargs) -> Any:
            return await _awaited_under(new, fn(*args, **kwargs))

        return async_tagged if inspect.iscoroutinefunction(fn) else tagged  # type: ignore[return-value]


async def _awaited_under(new: frozenset[str], coroutine: Any) -> Any:
    with tags(*new):
        return await coroutine
