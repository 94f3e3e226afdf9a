"""From a call to named parameters, and back, for any function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from headrace.core.mapping import map_arguments
from headrace.core.names import function_name
from headrace.core.parameters import Binder
from headrace.exceptions import ReservedArgumentError
from headrace.utilities.parameter_schemas import ParameterSchema, parameter_docstrings, parameter_schema

R = TypeVar("R")

__all__ = [
    "ParameterSchema",
    "call_with_parameters",
    "cloudpickle_wrapped_call",
    "collapse_variadic_parameters",
    "expand_mapping_parameters",
    "explode_variadic_parameter",
    "get_call_parameters",
    "get_parameter_defaults",
    "parameter_docstrings",
    "parameter_schema",
    "parameters_to_args_kwargs",
    "raise_for_reserved_arguments",
]


def get_call_parameters(
    fn: Callable[..., Any], call_args: Sequence[Any], call_kwargs: Mapping[str, Any], apply_defaults: bool = True
) -> dict[str, Any]:
    """Return the parameters of a call in signature order, ``*args`` and ``**kwargs`` each under its name.

    Raises ParameterBindError if the arguments do not fit.
    """
    binder = _binder(fn)
    return binder(call_args, call_kwargs) if apply_defaults else binder.given(call_args, call_kwargs)


def get_parameter_defaults(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return the default of each parameter that has one."""
    return dict(_binder(fn).defaults)


def parameters_to_args_kwargs(
    fn: Callable[..., Any], parameters: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that pass these parameters. Raises ParameterBindError for too many, or too few."""
    return _binder(fn).unbind(parameters)


def call_with_parameters(fn: Callable[..., R], parameters: Mapping[str, Any]) -> R:
    """Call a function with named parameters, as `get_call_parameters` gives them."""
    args, kwargs = parameters_to_args_kwargs(fn, parameters)
    return fn(*args, **kwargs)


def cloudpickle_wrapped_call(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Callable[[], bytes]:
    """Return a function that any process can load: it calls `fn` so, and returns a pickle of what that returned."""
    import cloudpickle  # type: ignore[import-untyped]

    return partial(_unpickled_call, cloudpickle.dumps((fn, args, kwargs)))


def _unpickled_call(payload: bytes) -> bytes:
    import cloudpickle

    fn, args, kwargs = cloudpickle.loads(payload)
    pickled: bytes = cloudpickle.dumps(fn(*args, **kwargs))
    return pickled


def explode_variadic_parameter(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Put the entries of ``**kwargs`` beside the other parameters."""
    star = _binder(fn).var_keyword
    rest = {name: value for name, value in parameters.items() if name != star}
    return {**rest, **(parameters.get(star, {}) if star is not None else {})}


def collapse_variadic_parameters(fn: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Gather what `fn` has no parameter for under ``**kwargs``. Raises ValueError if it takes no such keywords."""
    binder = _binder(fn)
    known = {name: value for name, value in parameters.items() if name in binder.signature.parameters}
    rest = {name: value for name, value in parameters.items() if name not in known}
    if not rest:
        return known
    if binder.var_keyword is None:
        raise ValueError(f"{binder.name}{binder.signature} takes no {', '.join(map(repr, rest))}, nor any keyword.")
    return {**known, binder.var_keyword: rest}


def expand_mapping_parameters(func: Callable[..., Any], parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of each call that `map` would make. Raises as `Task.map` does."""
    binder = _binder(func)
    return map_arguments(
        binder.name,
        parameters,
        defaults=binder.defaults,
        var_positional=binder.var_positional,
        var_keyword=binder.var_keyword,
    )


def raise_for_reserved_arguments(fn: Callable[..., Any], reserved_arguments: Iterable[str]) -> None:
    """Raise ReservedArgumentError if `fn` has a parameter of one of these names."""
    signature = inspect.signature(fn)
    for name in reserved_arguments:
        if name in signature.parameters:
            raise ReservedArgumentError(f"{name!r} is a reserved argument name; {function_name(fn)}{signature} has it.")


def _binder(fn: Callable[..., Any]) -> Binder:
    return Binder(function_name(fn), inspect.signature(fn))
