"""Reading and writing results: storages and serializers are users' code, so each step is a call that may fail.

What can't be read is as good as not there, and what can't be written is not kept; both are logged, and neither
breaks the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from headrace.core.final import plain
from headrace.core.kept import Kept
from headrace.core.messages import shown
from headrace.core.states import State, value_of
from headrace.effects import Call, Cancelled, NewId, Now, Outcome, Raised, Returned, Say
from headrace.keeping.keeper import Keeper, Part, method
from headrace.keeping.records import ResultRecord
from headrace.runs.context import RunContext
from headrace.runs.definitions import flavour_of
from headrace.runs.steps import settled, stopped

_LOGGER = logging.getLogger("headrace.results")
_ABSENT = (FileNotFoundError, KeyError, ValueError)


class Staged(NamedTuple):
    """A result that is ready to be written."""

    record: ResultRecord[Any]
    parts: list[Part]


async def call(this: RunContext | None, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Outcome:
    """Call what belongs to a user's storage, serializer, lock manager or policy, in its run if there is one."""
    of_class = getattr(fn, "__func__", None)  # a method, as most are
    flavour = flavour_of(fn) if of_class is None else _flavour_of_method(of_class)
    return await Call(fn, args, kwargs, this, flavour)


#: Looking at a function takes longer than the rest of a call, and the same few methods are called over and over.
_flavour_of_method = lru_cache(64)(flavour_of)


async def tell(this: RunContext | None, level: int, message: str, error: BaseException | None = None) -> None:
    """Write to the log of the run, or where there is none to the process's."""
    if this is not None:
        await Say(this.run, level, message, error)
    else:
        _LOGGER.log(level, message, exc_info=error)


def _is_async(this: RunContext | None) -> bool:
    return this is not None and this.definition.flavour in ("async", "async generator")


async def read(keeper: Keeper, key: str, this: RunContext | None, is_async: bool = False) -> Outcome:
    """Read the record under a key; Raised where there is none, or it can't be read."""
    apart = keeper.metadata_storage
    is_async = is_async or _is_async(this)
    first = await call(this, method(apart or keeper.result_storage, "read_path", is_async), key)
    if not isinstance(first, Returned):
        return first
    payload = None
    if apart is not None:
        second = await call(this, method(keeper.result_storage, "read_path", is_async), key)
        if not isinstance(second, Returned):
            return second
        payload = second.value
    return await call(this, keeper.opened, key, first.value, payload)


async def find(
    keeper: Keeper, key: str, this: RunContext | None, is_async: bool = False
) -> ResultRecord[Any] | Cancelled | None:
    """Return the record under a key that may stand in for a run; None where there is none."""
    outcome = await read(keeper, key, this, is_async)
    if isinstance(outcome, Returned):
        record: ResultRecord[Any] = outcome.value
        return None if record.metadata.is_expired(await Now()) else record
    if isinstance(outcome, Raised):
        if not isinstance(outcome.error, _ABSENT):
            line = f"The result kept as {key!r} can't be read, and counts as not there: {shown(outcome.error)}"
            await tell(this, logging.WARNING, line, outcome.error)
        return None
    return outcome


async def write(keeper: Keeper, staged: Staged, this: RunContext | None, is_async: bool = False) -> Outcome:
    """Write what was staged."""
    is_async = is_async or _is_async(this)
    for part in staged.parts:
        outcome = await call(this, method(part.storage, "write_path", is_async), part.path, content=part.content)
        if not isinstance(outcome, Returned):
            return outcome
    keeper.remember(staged.record, staged.parts)
    return Returned(None)


async def stage(keeper: Keeper, record: ResultRecord[Any], this: RunContext | None) -> Outcome:
    """Make a record ready to be written: what is not to be written then is not to be changed by what comes next."""
    outcome = await call(this, keeper.parts, record)
    return Returned(Staged(record, outcome.value)) if isinstance(outcome, Returned) else outcome


async def staged_for(this: RunContext, ended: State, key: str) -> Staged | None:
    """Make what a run returned or raised ready; None where that can't be done, which is logged."""
    keeper = this.keeper
    assert keeper is not None, "only runs with a keeper keep results"
    expiration = getattr(this.definition, "cache_expiration", None)
    expires_at = await Now() + expiration if expiration is not None else None
    value: Outcome = await Call(plain, (value_of(ended), settled), {}, this)
    if isinstance(value, Returned):
        value = await stage(keeper, keeper.seal(value.value, key, expires_at), this)
    if isinstance(value, Returned):
        staged: Staged = value.value
        return staged
    await _lost(this, key, value)
    return None


async def kept(this: RunContext, staged: Staged) -> bool:
    """Write a run's result; False where that can't be done, which is logged."""
    assert this.keeper is not None, "only runs with a keeper keep results"
    outcome = await write(this.keeper, staged, this)
    if isinstance(outcome, Returned):
        return True
    await _lost(this, staged.record.metadata.storage_key, outcome)
    return False


async def _lost(this: RunContext, key: str, outcome: Outcome) -> None:
    if isinstance(outcome, Cancelled):
        this.ended_by = outcome.reason
    elif isinstance(outcome, Raised):
        name = f"{this.run.kind} {this.definition.name!r}"
        line = f"The result of {name} is not kept (it was to be {key!r}): {shown(outcome.error)}"
        await tell(this, logging.WARNING, line, outcome.error)


def saying_where(this: RunContext, ended: State, key: str) -> State:
    """Return the state with the place of its result."""
    assert this.keeper is not None, "only runs with a keeper keep results"
    details = ended.state_details._replace(result_key=key, result_storage=this.keeper.location)
    return ended.replace(state_details=details)


def out_of_memory(this: RunContext, ended: State) -> State:
    """Return the state without its result in memory, where that was not wanted; what was called gets it still."""
    if getattr(this.definition, "cache_result_in_memory", True) or ended.state_details.result_key is None:
        return ended
    this.whole = ended
    return ended.replace(data=Kept(ended.state_details.result_key, ended.state_details.result_storage, this.keeper))


async def keep_end(this: RunContext, ended: State) -> State:
    """Write what a run has returned or raised, under a key of its own, and return its state, which says where."""
    if not ended.is_completed() and not (ended.is_failed() and isinstance(ended.data, Exception)):
        return ended
    key = str(await NewId())
    staged = await staged_for(this, ended, key)
    is_kept = staged is not None and await kept(this, staged)
    if this.ended_by is not None:
        return stopped(this, Cancelled(this.ended_by))
    return out_of_memory(this, saying_where(this, ended, key)) if is_kept else ended
