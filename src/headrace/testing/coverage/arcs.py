"""What may become of the runs of a flow or task, as far as its declared policy speaks of it.

Any run may end well or badly; the rest is asked for only where something is declared for it. What may happen to every
run whatever was declared (a crash, a cancellation, a wait for a slot) is no arc of a flow that has no hook for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.core.caching import NoCachePolicy
from headrace.core.retries import MOST_DELAYS, RetryPolicy


@dataclass(frozen=True, slots=True)
class Arc:
    """One thing that may become of a run.

    `name` is what reports know it by, and never changes its meaning; `path` the states that it leads through;
    `missing` says in words that no test has reached it.
    """

    name: str
    path: str
    missing: str


#: The events that hooks are for, with the states at which they fire.
_EVENTS = {
    "running": "Running",
    "completion": "Completed",
    "failure": "Failed",
    "cancellation": "Cancelling",
    "crashed": "Crashed",
}


def possible(definition: Any) -> tuple[Arc, ...]:
    """Return the arcs of a flow or task, in the order of a run's life; each once."""
    return (
        Arc("completed", "Running → Completed", "never completed"),
        *_of_retries(definition),
        *_of_time(definition),
        *_of_caching(definition),
        *_of_hooks(definition),
    )


def _of_retries(definition: Any) -> Iterator[Arc]:
    policy: RetryPolicy = definition.policy
    if not policy.retries:
        yield Arc("failed", "Running → Failed", "never failed")
        return
    delays = [policy.delay(attempt) for attempt in range(min(policy.retries, MOST_DELAYS))]
    if any(delays):
        yield Arc("awaiting-retry", "Running → AwaitingRetry", "never waited for a retry")
        yield Arc("retried", "AwaitingRetry → Retrying", "never retried after a delay")
    if not all(delays):
        yield Arc("retried-at-once", "Running → Retrying", "never retried at once")
    yield Arc("recovered", "Retrying → Completed", "never completed by a retry")
    if getattr(definition, "retry_condition_fn", None) is not None:
        yield Arc("retry-refused", "Running → Failed", "never refused a retry by its retry_condition_fn")
    yield Arc("retries-exhausted", "Retrying → Failed", f"never retried until exhausted ({_times(policy.retries)})")


def _times(retries: int) -> str:
    return "1 retry" if retries == 1 else f"{retries} retries"


def _of_time(definition: Any) -> Iterator[Arc]:
    seconds = definition.timeout_seconds
    if seconds:
        yield Arc("timed-out", "Running → TimedOut", f"time-out of {seconds:g} s never reached")


def _of_caching(definition: Any) -> Iterator[Arc]:
    if is_cached(definition):
        yield Arc("cached", "Running → Cached", "never found in the cache")


def is_cached(definition: Any) -> bool:
    """Say whether a task was told to look for results that are there already."""
    policy = getattr(definition, "cache_policy", None)
    if isinstance(policy, NoCachePolicy) or getattr(definition, "refresh_cache", None):
        return False
    if getattr(definition, "result_storage_key", None) is not None:
        return True
    # The policy that a task has without being told only finds results of the very same flow run.
    given: dict[str, Any] = definition._given
    is_declared = given.get("cache_key_fn") is not None or bool(given.get("cache_policy"))
    return policy is not None and is_declared


def _of_hooks(definition: Any) -> Iterator[Arc]:
    for event, state in _EVENTS.items():
        hooks = definition.hooks(event)
        if hooks and event == "cancellation":
            yield Arc("cancelled", "Cancelling → Cancelled", "never cancelled")
        if hooks:
            yield _hook(f"on_{event}", state, len(hooks))
    if getattr(definition, "on_commit_hooks", None):
        yield _hook("on_commit", "Completed", len(definition.on_commit_hooks))
    if getattr(definition, "on_rollback_hooks", None):
        yield Arc("rolled-back", "Completed → RolledBack", "never rolled back")


def _hook(name: str, path: str, count: int) -> Arc:
    return Arc(name, path, f"{name} hook{'s' if count > 1 else ''} never fired")
