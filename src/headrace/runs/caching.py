"""Whether a task run has to run: the key that it shares with others, and the result that may be there already."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

from headrace.core.caching import NoCachePolicy
from headrace.core.final import failed
from headrace.core.messages import shown
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.core.transactions import BaseTransaction, IsolationLevel, TransactionState
from headrace.effects import Cancelled, NewId, Raised, Returned
from headrace.runs import results, transactions
from headrace.runs.context import TaskRunContext, transaction_of
from headrace.runs.steps import stopped


async def look_up(this: TaskRunContext) -> State | None:
    """Work out where the run's result is to go, and answer Cached, with the result, if one is there already.

    Answers another end where the run can't go on, and None where it is to run.
    """
    policy = this.definition.cache_policy
    is_shared = not isinstance(policy, NoCachePolicy)
    key = await _key(this, policy)
    if isinstance(key, State):
        return key
    if key is None or not is_shared:
        this.key = key or str(await NewId())
        return None
    this.key = this.run.cache_key = key
    return await _begin(this, _transaction(this, policy, key))


def _transaction(this: TaskRunContext, policy: Any, key: str) -> BaseTransaction:
    own = transaction_of(this)
    own.key, own.store = key, this.keeper
    own.overwrite = this.definition.wants_fresh_result()
    if policy is not None and policy.isolation_level is not None:
        own.isolation_level = IsolationLevel(policy.isolation_level)
    return own


async def _begin(this: TaskRunContext, own: BaseTransaction) -> State | None:
    begun = await transactions.begin(own)
    if isinstance(begun, Cancelled):
        return stopped(this, begun)
    if isinstance(begun, Exception):
        this.key = None  # nor may another attempt go on without
        return failed(begun, "task")
    if begun is None:
        return None
    details = StateDetails(cache_key=own.key, cache_expiration=begun.expiration)
    found = unstamped(StateType.COMPLETED, "Cached", data=begun.result, state_details=details)
    own.state = TransactionState.COMMITTED
    await transactions.unlock(own)
    assert own.key is not None, "only runs with a key look results up"
    return results.out_of_memory(this, results.saying_where(this, found, own.key))


async def _key(this: TaskRunContext, policy: Any) -> str | State | None:
    """Ask the storage key's template, which is as good as code of the run, or the policy, which is not.

    Answers None where there is no key, and where the policy fails, which is logged.
    """
    if this.definition.result_storage_key is not None:
        outcome = await results.call(this, this.definition.storage_key)
        return outcome.value if isinstance(outcome, Returned) else _failed(this, outcome)
    if policy is None:
        return None
    flow = this.flow_context
    parameters = flow.parameters if flow is not None else {}
    return await _asked(this, policy.compute_key, task_ctx=this, inputs=_inputs(this), flow_parameters=parameters)


def _failed(this: TaskRunContext, outcome: Raised | Cancelled) -> State:
    return failed(outcome.error, "task") if isinstance(outcome, Raised) else stopped(this, outcome)


def _inputs(this: TaskRunContext) -> dict[str, Any]:
    """Return what the function is given; of a method, the object that it is bound to as well."""
    fn = this.definition.fn
    if not inspect.ismethod(fn):
        return this.parameters
    return {fn.__func__.__code__.co_varnames[0]: fn.__self__, **this.parameters}


async def _asked(this: TaskRunContext, fn: Callable[..., Any], **kwargs: Any) -> str | State | None:
    outcome = await results.call(this, fn, **kwargs)
    if isinstance(outcome, Cancelled):
        return stopped(this, outcome)
    if isinstance(outcome, Returned) and isinstance(outcome.value, str | None):
        return outcome.value or None
    error = outcome.error if isinstance(outcome, Raised) else None
    why = shown(error) if error is not None else f"it is to be a string or None, not {outcome.value!r}"  # type: ignore[union-attr]
    line = f"No cache key can be made for task run {this.run.name!r}, so it runs uncached: {why}"
    await results.tell(this, logging.ERROR, line, error)
    return None
