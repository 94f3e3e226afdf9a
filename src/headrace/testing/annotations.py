"""What the parameters of a flow or task are annotated with, resolved as validation resolves them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.flows import Flow
    from headrace.tasks import Task


def annotations_of(definition: Flow[..., Any] | Task[..., Any]) -> Mapping[str, Any]:
    """Return the annotations by parameter; those that name what can't be found are left out."""
    # The plugin imports this package as soon as it sees the engine, which may be half-way through importing `flows`.
    from headrace.flows import Flow
    from headrace.validation import Validator

    if isinstance(definition, Flow):
        return definition.validator.hints
    fn = definition.fn
    return Validator(definition.name, fn, inspect.signature(fn)).hints
