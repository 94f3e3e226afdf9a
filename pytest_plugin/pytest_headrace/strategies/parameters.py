"""Valid keyword arguments of a flow or task, from its signature."""

from __future__ import annotations

import inspect
from typing import Any

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument, ResolutionFailed
from hypothesis.strategies import SearchStrategy

from headrace import Flow, Task
from headrace.testing import annotations_of

from .checking import refuse
from .hints import ANYTHING, valid_for

_STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

Definition = Flow[..., Any] | Task[..., Any]


def parameters(definition: Definition, /, **given: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """Draw keyword arguments with which a flow or task can be called: ``definition(**arguments)``.

    Values follow from the annotations: pydantic models and their fields, ``Annotated`` constraints, ``Literal``, and
    all that `hypothesis.strategies.from_type` knows; a parameter without an annotation gets None, a bool, an int or a
    str. What is drawn validates. A parameter with a default may be left out; ``*args`` and ``**kwargs`` always are.
    `given` names strategies for single parameters, which are taken as they are. Raises InvalidArgument at once where
    a parameter has no default and nothing can be made of its annotation.
    """
    if not isinstance(definition, Flow | Task):
        refuse(f"parameters({definition!r}) must be of a flow or task; decorate the function with @flow or @task.")
    drawn = _arguments(definition, given)

    @st.composite
    def parameters(draw: st.DrawFn, definition: Definition, /, **given: SearchStrategy[Any]) -> dict[str, Any]:
        return draw(drawn)

    return parameters(definition, **given)


def _arguments(definition: Definition, given: dict[str, SearchStrategy[Any]]) -> SearchStrategy[dict[str, Any]]:
    signature = inspect.signature(definition.fn)
    _check_given(definition, signature, given)
    hints = annotations_of(definition)
    required: dict[str, SearchStrategy[Any]] = {}
    optional: dict[str, SearchStrategy[Any]] = {}
    for parameter in signature.parameters.values():
        if parameter.name in given or parameter.kind in _STARRED:
            continue
        strategy = _strategy(definition, parameter, hints)
        if strategy is not None:
            (required if parameter.default is parameter.empty else optional)[parameter.name] = strategy
    return st.fixed_dictionaries(required | given, optional=optional)


def _check_given(definition: Definition, signature: inspect.Signature, given: dict[str, Any]) -> None:
    by_name = [name for name, parameter in signature.parameters.items() if parameter.kind not in _STARRED]
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature.parameters.values())
    for name, strategy in given.items():
        if name not in by_name and not takes_any:
            refuse(f"{definition.name}{signature} takes no {name!r}; it takes {', '.join(by_name) or 'nothing'}.")
        if not isinstance(strategy, SearchStrategy):
            refuse(f"{name}={strategy!r} must be a strategy; write {name}=st.just({strategy!r}).")


def _strategy(definition: Definition, parameter: inspect.Parameter, hints: Any) -> SearchStrategy[Any] | None:
    """Return a strategy for a parameter; None where it is left out, as it can be and there is no better way."""
    name, can_be_left_out = parameter.name, parameter.default is not parameter.empty
    if parameter.kind is parameter.POSITIONAL_ONLY:
        if can_be_left_out:
            return None
        refuse(f"{definition.name} takes {name!r} by position only, and these are arguments by name.")
    if parameter.annotation is parameter.empty:
        return ANYTHING
    try:
        if name not in hints:
            raise ResolutionFailed("it names what can't be found")
        return valid_for(hints[name])
    except InvalidArgument as error:
        if can_be_left_out:
            return None
        refuse(
            f"parameters({definition.name}) can't tell what {name}: {inspect.formatannotation(parameter.annotation)} "
            f"may be ({error}). Say it: parameters({definition.name}, {name}=...), with a strategy."
        )
