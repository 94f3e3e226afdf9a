"""What a `map` does before it submits: it resolves what it is to spread, and remembers where that came from.

A future or state is resolved, then spread; futures inside a list stay, so that runs depend on them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from headrace.core.annotations import allow_failure, quote, unmapped
from headrace.core.mapping import map_arguments
from headrace.core.parameters import Binder
from headrace.core.states import State
from headrace.core.walk import Annotation
from headrace.futures import RunFuture
from headrace.runs import inputs
from headrace.runs.context import CURRENT


def spread(binder: Binder, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of each call; see `headrace.core.mapping.map_arguments`.

    Waits for futures that are arguments themselves. Raises what their runs raised, but where they are within
    `allow_failure`: there the exception is the argument.
    """
    return map_arguments(
        binder.name,
        {name: _resolved(value, True) for name, value in parameters.items()},
        defaults=binder.defaults,
        var_positional=binder.var_positional,
        var_keyword=binder.var_keyword,
    )


def sources(parameters: Mapping[str, Any]) -> dict[str, list[UUID]]:
    """Say, per parameter, which task runs made what is spread: every call depends on them."""
    here = CURRENT.get()
    flow_context = here.flow_context if here is not None else None
    if flow_context is None:
        return {}
    found = {name: inputs.made_by(value, flow_context.origins) for name, value in parameters.items()}
    return {name: runs for name, runs in found.items() if runs}


def _resolved(value: Any, raise_on_failure: bool) -> Any:
    if isinstance(value, unmapped | quote):
        return value
    if isinstance(value, Annotation):
        inner = _resolved(value.value, raise_on_failure and not isinstance(value, allow_failure))
        return value.rewrap(inner)
    if isinstance(value, RunFuture) or (isinstance(value, State) and value.is_final()):
        return value.result(raise_on_failure=raise_on_failure)
    return value
