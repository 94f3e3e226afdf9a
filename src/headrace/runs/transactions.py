"""The story of a transaction: it begins, and is committed or rolled back.

A task run is one, and so is a block of code. What ends inside another is handed over to it, and shares its fate: when
the outermost commits, its children do in order, then it calls its own hooks and writes what was staged. When one is
rolled back its hooks are called, last first, and then its children are rolled back, last first. A task run that fails
for good rolls back what it did, and the block that it is in; an attempt that is followed by another rolls back only
what it did itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from headrace.core.messages import shown
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.core.transactions import (
    FIRST_LOOK,
    LONGEST_LOOK,
    BaseTransaction,
    CommitMode,
    IsolationLevel,
    TransactionState,
)
from headrace.effects import Cancelled, NewId, Outcome, Raised, Record, Returned, Sleep
from headrace.exceptions import ConfigurationError
from headrace.keeping.records import ResultRecord
from headrace.runs import results
from headrace.runs.context import TaskRunContext, transaction_of
from headrace.runs.steps import stopped

Hooks = Sequence[Any]


async def begin(this: BaseTransaction) -> ResultRecord[Any] | Exception | Cancelled | None:
    """Begin; answer the record that an earlier one with the same key has committed, if there is one.

    Answers an exception where it can't begin, Cancelled where the wait for its lock was ended from outside.
    """
    this.state = TransactionState.ACTIVE
    if this.key is None or this.store is None:
        return None
    if this.isolation_level is IsolationLevel.SERIALIZABLE:
        refused = await _lock(this, this.key)
        if refused is not None:
            return refused
    if this.overwrite:
        return None
    other = this.already_inside()
    if other is not None and other.staged is not None:
        staged: results.Staged | Any = other.staged
        return staged.record if isinstance(staged, results.Staged) else this.store.seal(staged, this.key)
    return await results.find(this.store, this.key, this.context)


async def _lock(this: BaseTransaction, key: str) -> Exception | Cancelled | None:
    manager = this.store.lock_manager
    if not hasattr(manager, "acquire_lock"):
        return ConfigurationError(
            "Isolation level SERIALIZABLE needs a lock manager: give the cache policy or the result store a "
            f"MemoryLockManager() or FileSystemLockManager(directory), not {manager!r}."
        )
    holder, seconds = str(await NewId()), FIRST_LOOK
    while True:
        taken = await results.call(this.context, manager.acquire_lock, key, holder, acquire_timeout=0)
        if not isinstance(taken, Returned):
            return taken if isinstance(taken, Cancelled) else taken.error
        if taken.value:
            this.holder = holder
            return None
        waiting = await Sleep(seconds)
        if waiting is not None:
            return waiting
        seconds = min(seconds * 2, LONGEST_LOOK)


async def unlock(this: BaseTransaction) -> None:
    """Give the lock back, if it holds one."""
    holder, this.holder = this.holder, None
    if holder is None:
        return
    outcome = await results.call(this.context, this.store.lock_manager.release_lock, this.key, holder)
    if isinstance(outcome, Raised):
        line = f"The lock of {this.key!r} was lost before it was given back: {shown(outcome.error)}"
        await _tell(this, logging.WARNING, line)


async def commit(this: BaseTransaction) -> bool:
    """Commit the children, call the hooks, write what was staged; False if it is rolled back instead, or was decided.

    A child that can't commit is rolled back alone. A hook that raises rolls this one back.
    """
    if not this.decide(TransactionState.COMMITTED):
        await unlock(this)
        return False
    for child in this.children:
        await commit(child)
    if await _called(this, this.on_commit_hooks, "commit", go_on=False) and await _written(this):
        await unlock(this)
        return True
    this.state = TransactionState.STAGED  # what is rolled back was not committed
    await rollback(this)
    return False


async def _written(this: BaseTransaction) -> bool:
    if this.key is None or this.store is None or not this.write_on_commit:
        return True
    if this.of_task_run:  # the run keeps its state, whether its result can be written or not
        if this.staged is not None and not await results.kept(this.context, this.staged):
            this.staged = None
        return this.interrupted_by is None
    outcome: Outcome = await results.stage(this.store, this.store.seal(this.staged, this.key), this.context)
    if isinstance(outcome, Returned):
        outcome = await results.write(this.store, outcome.value, this.context)
    if isinstance(outcome, Raised):
        line = f"The transaction {this.key!r} can't be committed: {shown(outcome.error)}"
        await _tell(this, logging.ERROR, line, outcome.error)
    return not _interrupted(this, outcome) and isinstance(outcome, Returned)


async def rollback(this: BaseTransaction) -> bool:
    """Call the hooks, last first, then roll back the children, last first; False if one raised, or it was decided."""
    if not this.decide(TransactionState.ROLLED_BACK):
        await unlock(this)
        return False
    all_well = await _called(this, this.on_rollback_hooks[::-1], "rollback", go_on=True)
    if this.of_task_run:
        await show_rolled_back(this.context)
    for child in reversed(this.children):
        await rollback(child)
    await unlock(this)
    return all_well


async def show_rolled_back(this: TaskRunContext) -> None:
    """Let a task run that had completed be RolledBack."""
    ended = this.run.state
    if ended is not None and ended.type is StateType.COMPLETED and ended.name != "RolledBack":
        message = "The task run was rolled back with its transaction."
        details = ended.state_details._replace(result_key=None, result_storage=None)
        data = ended.data if this.whole is None else this.whole.data
        await Record(this.run, (unstamped(StateType.COMPLETED, "RolledBack", None, message, data, details),))


async def _called(this: BaseTransaction, hooks: Hooks, event: str, *, go_on: bool) -> bool:
    """Call hooks in order; one that raises is logged, and the rest are called only if they are to `go_on`."""
    all_well = True
    for hook in hooks:
        name = getattr(hook, "__name__", repr(hook))
        await _tell(this, logging.INFO, f"Calling the {event} hook {name!r}")
        outcome = await results.call(this.context, hook, this)
        if isinstance(outcome, Returned):
            continue
        all_well = False
        error = outcome.error if isinstance(outcome, Raised) else outcome.reason
        line = f"The {event} hook {name!r} raised {shown(error)}"
        await _tell(this, logging.ERROR, line, error)
        if _interrupted(this, outcome) or not go_on:
            break
    return all_well


async def _tell(this: BaseTransaction, level: int, message: str, error: BaseException | None = None) -> None:
    if this.logger is not None:
        this.logger.log(level, message, exc_info=error)
    else:
        await results.tell(this.context, level, message, error)


def _interrupted(this: BaseTransaction, outcome: Outcome) -> bool:
    if isinstance(outcome, Cancelled):
        this.interrupted_by = outcome.reason
        if this.context is not None and this.of_task_run:
            this.context.ended_by = outcome.reason
    return isinstance(outcome, Cancelled)


async def leave(this: BaseTransaction, *, failed: bool) -> None:
    """End a block: commit, roll back, or hand over to the transaction around it."""
    if failed:
        await rollback(this)
    elif this.commit_mode is CommitMode.EAGER:
        await commit(this)
    if this.parent is not None:
        await hand_over(this, this.parent)
    elif this.commit_mode is CommitMode.OFF:
        await rollback(this)
    else:
        await commit(this)


async def hand_over(this: BaseTransaction, outer: BaseTransaction) -> None:
    """Let the transaction around this one decide; where it has decided already, follow it."""
    if this.is_rolled_back():
        if not outer.of_task_run:  # a task run is rolled back by its own end only
            await rollback(outer)
    elif not outer.adopt(this):
        await (commit(this) if outer.is_committed() else rollback(this))


# task runs ---------------------------------------------------------------------------------------------------


async def undo_attempt(this: TaskRunContext) -> None:
    """Roll back what a failed attempt did; there will be another."""
    own = transaction_of(this)
    done, own.children = own.children, []
    for child in reversed(done):
        await rollback(child)


async def settle(this: TaskRunContext, ended: State) -> State:
    """Commit a task run that has completed, before that is recorded; inside another, only make its result ready."""
    if ended.is_failed() and this.keeper is not None:
        return await results.keep_end(this, ended)
    if not ended.is_completed() or ended.name == "Cached":
        return ended
    own = transaction_of(this)
    own.on_commit_hooks += this.definition.on_commit_hooks
    own.on_rollback_hooks += this.definition.on_rollback_hooks
    if this.keeper is not None and this.key is not None and not this.was_cut_short:
        own.key, own.store = this.key, this.keeper
        own.staged = await results.staged_for(this, ended, this.key)
    own.state = TransactionState.STAGED
    is_alone = this.enclosing is None
    if this.ended_by is None and (is_alone or own.commit_mode is CommitMode.EAGER):
        await commit(own)
    if this.ended_by is not None:
        return stopped(this, Cancelled(this.ended_by))
    return _described(this, own, ended)


def _described(this: TaskRunContext, own: BaseTransaction, ended: State) -> State:
    """Return the state with the cache key, and where the result is, or will be."""
    expires_at = own.staged.record.expiration if own.staged is not None else None
    if this.run.cache_key is not None:
        details: StateDetails = ended.state_details._replace(cache_key=this.run.cache_key, cache_expiration=expires_at)
        ended = ended.replace(state_details=details)
    if own.staged is None or own.key is None or own.is_rolled_back():
        return ended
    ended = results.saying_where(this, ended, own.key)
    return results.out_of_memory(this, ended) if own.is_committed() else ended


async def conclude(this: TaskRunContext, ended: State) -> None:
    """Hand a task run that has ended over to the transaction around it, or roll that back."""
    own, outer = this.transaction, this.enclosing
    if ended.is_completed():
        own = transaction_of(this)
        if own.is_rolled_back():
            await show_rolled_back(this)
        if outer is not None:
            await hand_over(own, outer)
        return
    if own is not None:
        await rollback(own)
    if outer is not None and not outer.of_task_run:
        await rollback(outer)
