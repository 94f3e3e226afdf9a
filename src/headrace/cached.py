"""What `Task` says of results: whether and how they are kept, and when one that is there already is found again."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from typing import Any

from headrace.decorated import Decorated
from headrace.definitions import NotSet, persists, warn_of
from headrace.drive.world import current_world
from headrace.exceptions import HashError
from headrace.runs.context import TaskRunContext
from headrace.settings import current_settings


class Cached(Decorated):
    """A function whose results are kept and found again, as its options and the settings say."""

    cache_key_fn: Callable[[TaskRunContext, dict[str, Any]], str | None] | None
    cache_expiration: datetime.timedelta | None
    refresh_cache: bool | None
    result_storage_key: str | None
    _cache_policy: Any
    _speaks_of_caching: bool

    def _accept_keeping(self, persist_result: bool | None, storage: Any, serializer: Any, key: str | None) -> None:
        if key is not None and not isinstance(key, str):
            raise TypeError(f"'result_storage_key' is a template such as '{{parameters[day]}}.pickle', not {key!r}.")
        super()._accept_keeping(persist_result, storage, serializer, key)
        self.result_storage_key = key

    def _accept_caching(self, policy: Any, key_fn: Any, expiration: Any, refresh: bool | None) -> None:
        if expiration is not None and not isinstance(expiration, datetime.timedelta):
            raise TypeError(f"'cache_expiration' is a timedelta such as timedelta(hours=1), not {expiration!r}.")
        if policy is not NotSet and key_fn is not None:
            warn_of("task", self.name, "has a cache_policy and a cache_key_fn: the function is used. Give only one.")
        self.cache_key_fn, self.cache_expiration = key_fn, expiration
        if key_fn is not None or policy is not NotSet:
            policy = _checked_policy(policy, key_fn)
        if policy is not NotSet and not _is_no_cache(policy):
            if self.persist_result is False:
                warn_of("task", self.name, "is not cached, because of persist_result=False. Leave that out, or set it.")
            elif self.persist_result is None and policy is not None:
                self.persist_result = True
        self._cache_policy, self.refresh_cache = policy, refresh
        self._speaks_of_caching = expiration is not None or bool(refresh)

    @property
    def cache_policy(self) -> Any:
        """What the cache keys of runs are made of, as the settings have it now; None where a storage key says so."""
        from headrace.core.caching import DEFAULT, NO_CACHE  # most tasks are not cached

        given, settings = self._cache_policy, current_settings()
        if settings.tasks_disable_caching or (given is NotSet and settings.tasks_default_no_cache):
            return NO_CACHE
        if self.persist_result is False:
            return NO_CACHE if given is not None else None
        if given is not NotSet and _is_no_cache(given):
            return NO_CACHE
        if self.result_storage_key is not None:
            return None
        return DEFAULT if given is NotSet else given

    def storage_key(self) -> str:
        """Return where the result of the current run goes, from the template `result_storage_key`."""
        from headrace import runtime  # few tasks have one

        assert self.result_storage_key is not None, "only asked for where there is a template"
        places = {"flow_run": runtime.flow_run, "task_run": runtime.task_run, "deployment": runtime.deployment}
        return self.result_storage_key.format(**places, parameters=runtime.task_run.parameters)

    def wants_fresh_result(self) -> bool:
        """Say whether a result that is there already is to be passed over: as the task says, else the settings."""
        return current_settings().tasks_refresh_cache if self.refresh_cache is None else self.refresh_cache

    def _keep(self, context: TaskRunContext, parent: Any) -> None:
        """Say what becomes of the result of a run."""
        context.persist_result = persists(self.persist_result, current_settings().tasks_default_persist_result, parent)
        if parent is not None:
            context.kept_by = parent.kept_by
        if context.persist_result:
            from headrace.results import keeper_of, kept_by  # most tasks keep no results

            context.kept_by = kept_by(self, parent)
            context.keeper = keeper_of(self, context.kept_by)
        elif self._speaks_of_caching:
            self._speaks_of_caching = False  # said once is enough
            what = "cache_expiration or refresh_cache, but its results are not kept, so it is not cached"
            line = f"The task {self.name!r} has {what}: add a cache_policy, or persist_result=True."
            current_world().logs.say(context.run, logging.WARNING, line)


def task_input_hash(context: Any, arguments: dict[str, Any]) -> str | None:
    """Return a hash of a task's function and arguments, for `cache_key_fn`; None if they can't be hashed."""
    from headrace.core.hashing import hash_objects  # few tasks ask for it

    try:
        return hash_objects(context.task.task_key, arguments)
    except HashError:
        return None


def _is_no_cache(policy: Any) -> bool:
    return type(policy).__name__ == "NoCachePolicy"


def _checked_policy(policy: Any, key_fn: Any) -> Any:
    from headrace.core.caching import CacheKeyFnPolicy, CachePolicy  # most tasks are not cached

    if key_fn is not None:
        if not callable(key_fn):
            raise TypeError(
                f"'cache_key_fn' is called with (context, parameters), and must be callable, not {key_fn!r}."
            )
        return CacheKeyFnPolicy(key_fn)
    if policy is not None and not isinstance(policy, CachePolicy):
        raise TypeError(f"'cache_policy' is one of headrace.cache_policies, such as INPUTS, not {policy!r}.")
    return policy
