"""Cache policies: what makes the result of one task run good enough for another.

A policy computes a key; two runs with the same key share a result. None means that the run is not cached.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from headrace.core.hashing import hash_objects

KeyFn = Callable[[Any, dict[str, Any]], "str | None"]


class CachePolicy:
    """What keys are made of. Add policies with `+`; take a parameter out of the inputs with ``- "name"``.

    `key_storage` (a storage, path or URL) keeps keys apart from results. With `isolation_level` "SERIALIZABLE" and a
    `lock_manager`, runs with the same key wait for one another.
    """

    # On the class as well, for subclasses that do not come by here.
    key_storage: Any = None
    isolation_level: Any = None
    lock_manager: Any = None

    def __init__(self, key_storage: Any = None, isolation_level: Any = None, lock_manager: Any = None) -> None:
        self.key_storage = key_storage
        self.isolation_level = _checked_level(isolation_level)
        self.lock_manager = lock_manager

    @classmethod
    def from_cache_key_fn(cls, cache_key_fn: KeyFn) -> CacheKeyFnPolicy:
        """Return the policy of a function called with ``(context, parameters)``."""
        return CacheKeyFnPolicy(cache_key_fn=cache_key_fn)

    def configure(self, key_storage: Any = None, lock_manager: Any = None, isolation_level: Any = None) -> Any:
        """Return this policy with a key storage, a lock manager or an isolation level; None keeps what it has."""
        changed = copy.copy(self)
        changed.key_storage = key_storage if key_storage is not None else self.key_storage
        changed.lock_manager = lock_manager if lock_manager is not None else self.lock_manager
        changed.isolation_level = _checked_level(isolation_level) or self.isolation_level
        return changed

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return the key of a run, None for none. What it raises is logged, and the run is not cached."""
        raise NotImplementedError

    def __add__(self, other: CachePolicy) -> CachePolicy:
        if not isinstance(other, CachePolicy):
            return NotImplemented
        if isinstance(other, NoCachePolicy):
            return self
        settled = {name: self._agreed(other, name) for name in ("key_storage", "isolation_level", "lock_manager")}
        return CompoundCachePolicy([self, other], **settled)

    def _agreed(self, other: CachePolicy, name: str) -> Any:
        mine, theirs = getattr(self, name), getattr(other, name)
        if mine is not None and theirs is not None and mine != theirs:
            raise ValueError(f"Policies with different values of {name} can't be added: {mine!r} and {theirs!r}.")
        return mine if mine is not None else theirs

    def __sub__(self, parameter: str) -> CachePolicy:
        _check_name(parameter)
        return self

    def _options(self) -> tuple[Any, ...]:
        return ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._all_options() == other._all_options()

    def _all_options(self) -> tuple[Any, ...]:
        return (self.key_storage, self.isolation_level, self.lock_manager, *self._options())

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._options()))})"


class CacheKeyFnPolicy(CachePolicy):
    """Keys made by a function called with ``(context, parameters)``."""

    def __init__(self, cache_key_fn: KeyFn | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.cache_key_fn = cache_key_fn

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return what the function returns."""
        return self.cache_key_fn(task_ctx, inputs) if self.cache_key_fn is not None else None

    def _options(self) -> tuple[Any, ...]:
        return (self.cache_key_fn,)


class CompoundCachePolicy(CachePolicy):
    """Several policies: runs share a result when all of their keys agree. Keys that are None do not count."""

    def __init__(self, policies: Sequence[CachePolicy] = (), **options: Any) -> None:
        super().__init__(**options)
        flat = [each for policy in policies for each in getattr(policy, "policies", [policy])]
        inputs = [policy for policy in flat if isinstance(policy, Inputs)]
        self.policies = [policy for policy in flat if not isinstance(policy, Inputs)]
        if inputs:  # what any of them leaves out is left out
            self.policies.append(Inputs(sorted({name for policy in inputs for name in policy.exclude})))

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return a hash of all keys, in whichever order they were added."""
        asked = {"task_ctx": task_ctx, "inputs": inputs, "flow_parameters": flow_parameters, **kwargs}
        keys = [key for policy in self.policies if (key := policy.compute_key(**asked)) is not None]
        return hash_objects(*sorted(keys)) if keys else None

    def __sub__(self, parameter: str) -> CachePolicy:
        _check_name(parameter)
        if not any(isinstance(policy, Inputs) for policy in self.policies):
            return self
        return CompoundCachePolicy(
            [*self.policies, Inputs([parameter])],
            key_storage=self.key_storage,
            isolation_level=self.isolation_level,
            lock_manager=self.lock_manager,
        )

    def _options(self) -> tuple[Any, ...]:
        return tuple(self.policies)


class NoCachePolicy(CachePolicy):
    """No key, no caching; results are still kept where persistence is asked for."""

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return None."""
        return None

    def __add__(self, other: CachePolicy) -> CachePolicy:
        return other


class TaskSource(CachePolicy):
    """The lines of the task's function, decorators included; not those of what it calls."""

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return a hash of the source."""
        if task_ctx is None:
            return None
        task = task_ctx.task
        source = getattr(task, "source_code", None)
        return hash_objects(source if source is not None else inspect.getsource(getattr(task, "fn", task)))


class FlowParameters(CachePolicy):
    """The parameters of the flow run around the task run; outside a flow, and in one without parameters, no key."""

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return a hash of the flow run's parameters."""
        return hash_objects(flow_parameters) if flow_parameters else None


class RunId(CachePolicy):
    """The flow run: its task runs share results, across its retries too. Outside a flow, the task run alone."""

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return the id of the flow run, or of the task run."""
        if task_ctx is None:
            return None
        return str(task_ctx.task_run.flow_run_id or task_ctx.task_run.id)


class Inputs(CachePolicy):
    """The arguments of the task run, but for those that are excluded; without arguments, no key."""

    def __init__(self, exclude: Sequence[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self.exclude = list(exclude)

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return a hash of the arguments. Raises HashError, naming the first that can't be hashed."""
        if not inputs:
            return None
        return hash_objects({name: value for name, value in inputs.items() if name not in self.exclude})

    def __sub__(self, parameter: str) -> CachePolicy:
        _check_name(parameter)
        changed = copy.copy(self)
        changed.exclude = [*self.exclude, parameter]
        return changed

    def _options(self) -> tuple[Any, ...]:
        return (self.exclude,) if self.exclude else ()


def _checked_level(given: Any) -> Any:
    if given is None or given in ("READ_COMMITTED", "SERIALIZABLE"):
        return given
    raise ValueError(f"'isolation_level' is READ_COMMITTED or SERIALIZABLE, not {given!r}.")


def _check_name(parameter: object) -> None:
    if not isinstance(parameter, str):
        raise TypeError(
            f"Only the name of a parameter, a string, can be taken out of a cache policy, not {parameter!r}."
        )


INPUTS = Inputs()
TASK_SOURCE = TaskSource()
FLOW_PARAMETERS = FlowParameters()
RUN_ID = RunId()
NO_CACHE = NoCachePolicy()
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID
