"""From a call to named parameters, and back.

`inspect.Signature.bind` costs several microseconds. A `Binder` reads a signature once and binds the calls
that most functions get, plain parameters and no stars, in a fraction of that; whatever it does not know it
leaves to `inspect`, errors included, so that the two can't disagree about what is an error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

from headrace.core.annotations import quote
from headrace.exceptions import ParameterBindError, ReservedArgumentError

#: Keywords that a call of a flow or task takes for itself.
RESERVED = ("return_state", "wait_for")

_PLAIN_KINDS = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class Binder:
    """Bind calls of one function. `name` is what errors call it."""

    __slots__ = (
        "_by_keyword",
        "_by_position",
        "_full",
        "_names",
        "_plain",
        "defaults",
        "name",
        "signature",
        "var_keyword",
        "var_positional",
    )

    def __init__(self, name: str, signature: Signature) -> None:
        self.name = name
        self.signature = signature
        kinds = {key: parameter.kind for key, parameter in signature.parameters.items()}
        self._names = tuple(kinds)
        self._plain = all(kind in _PLAIN_KINDS for kind in kinds.values())
        self._by_position = tuple([k for k, kind in kinds.items() if kind <= Parameter.POSITIONAL_OR_KEYWORD])
        #: How many arguments fill a function that takes nothing but positional ones; -1 for all others.
        self._full = len(kinds) if len(self._by_position) == len(kinds) else -1
        self._by_keyword = tuple([k for k, kind in kinds.items() if kind is Parameter.KEYWORD_ONLY])
        self.var_positional = next((k for k, v in kinds.items() if v is Parameter.VAR_POSITIONAL), None)
        self.var_keyword = next((k for k, v in kinds.items() if v is Parameter.VAR_KEYWORD), None)
        #: The default of each parameter that has one.
        self.defaults: Mapping[str, Any] = {
            key: parameter.default
            for key, parameter in signature.parameters.items()
            if parameter.default is not Parameter.empty
        }

    def __call__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in signature order, defaults applied.

        ``*args`` is a tuple under its name, ``**kwargs`` a dict under its. Raises ParameterBindError.
        """
        if not kwargs and len(args) == self._full:
            return dict(zip(self._names, args))  # noqa: B905 - checked one line above; `strict` takes longer
        if self._plain:
            bound = self._bind_plain(args, kwargs)
            if bound is not None:
                return bound
        return self._bind_any(args, kwargs, defaults=True)

    def given(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that the call names, without defaults. Raises ParameterBindError."""
        return self._bind_any(args, kwargs, defaults=False)

    def unbind(self, parameters: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the positional and the keyword arguments that pass these parameters: the reverse of a call.

        A parameter that is missing takes its default. Raises ParameterBindError if it has none, or if there
        is a parameter that the function does not take.
        """
        if self._by_position == self._names and tuple(parameters) == self._names:
            return tuple(parameters.values()), {}
        if len(parameters) != len(self._names) or not all(map(parameters.__contains__, self._names)):
            parameters = self.completed(parameters)
        args = tuple(map(parameters.__getitem__, self._by_position))
        kwargs = {name: parameters[name] for name in self._by_keyword}
        if self.var_positional is not None:
            args += tuple(parameters[self.var_positional])
        if self.var_keyword is not None:
            kwargs.update(parameters[self.var_keyword])
        return args, kwargs

    def completed(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in signature order, defaults added. Raises as `unbind` does."""
        unknown = [name for name in parameters if name not in self.signature.parameters]
        if unknown:
            raise self._mismatch(parameters, f"it takes no {', '.join(map(repr, unknown))}")
        known = {**self.unless_given(), **parameters}
        missing = [name for name in self._names if name not in known]
        if missing:
            raise self._mismatch(parameters, f"missing {', '.join(map(repr, missing))}")
        return {name: known[name] for name in self._names}

    def unless_given(self) -> dict[str, Any]:
        """Return what parameters are that a call does not name: their defaults, and nothing for the starred ones."""
        empty: list[tuple[str | None, Any]] = [(self.var_positional, ()), (self.var_keyword, {})]
        return {**{name: nothing for name, nothing in empty if name is not None}, **self.defaults}

    def _bind_plain(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Bind to parameters without stars or slashes; None where `inspect` has to say what is wrong."""
        if len(args) > len(self._by_position):
            return None
        bound = dict(zip(self._names, args, strict=False))
        left = len(kwargs)
        defaults = self.defaults
        for name in self._names[len(args) :]:
            if name in kwargs:
                bound[name] = kwargs[name]
                left -= 1
            elif name in defaults:
                bound[name] = defaults[name]
            else:
                return None
        return None if left else bound

    def _bind_any(self, args: Sequence[Any], kwargs: Mapping[str, Any], *, defaults: bool) -> dict[str, Any]:
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            # The error is inspect's, raised before any code of the user's ran: its traceback tells nothing.
            raise ParameterBindError.from_call(self.name, str(self.signature), args, kwargs, str(error)) from None
        if defaults:
            bound.apply_defaults()
        return dict(bound.arguments)

    def _mismatch(self, parameters: Mapping[str, Any], why: str) -> ParameterBindError:
        return ParameterBindError.from_call(self.name, str(self.signature), (), parameters, why)


class MethodBinder(Binder):
    """Bind calls of a method that is bound already: what it is bound to is its first parameter, never looked into."""

    __slots__ = ("_owner",)

    def __init__(self, name: str, signature: Signature, owner: str, instance: object) -> None:
        super().__init__(name, signature)
        self._owner = owner
        self.defaults = {owner: quote(instance), **self.defaults}

    def __call__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters in signature order, ``self`` first. Raises ParameterBindError."""
        return {self._owner: self.defaults[self._owner], **super().__call__(args, kwargs)}

    def unbind(self, parameters: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of the bound method: ``self`` is not among them. Raises ParameterBindError."""
        return super().unbind({name: value for name, value in parameters.items() if name != self._owner})


def binder_of(name: str, fn: Callable[..., Any], unbound: Signature | None = None) -> Binder:
    """Return the binder of a function; that of a bound method has what it is bound to as its first parameter.

    `unbound` is the signature that a bound method has before it is bound, where that is known.
    """
    signature = inspect.signature(fn)
    if not inspect.ismethod(fn):
        return Binder(name, signature)
    unbound = unbound if unbound is not None else inspect.signature(fn.__func__)
    owner = next(iter(unbound.parameters.values()), None)
    if owner is None or owner.kind > Parameter.POSITIONAL_OR_KEYWORD or owner.name in signature.parameters:
        return Binder(name, signature)  # ``def method(*args)``
    return MethodBinder(name, signature, owner.name, fn.__self__)


def bind(name: str, signature: Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Bind one call; see `Binder`, which is what to keep for a function that is called more than once."""
    return Binder(name, signature)(args, kwargs)


def call_arguments(
    signature: Signature, parameters: Mapping[str, Any], name: str = "function"
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that pass these parameters; see `Binder.unbind`."""
    return Binder(name, signature).unbind(parameters)


def check_reserved(name: str, signature: Signature) -> None:
    """Raise ReservedArgumentError if a parameter has a name that calls of flows and tasks need."""
    for reserved in RESERVED:
        if reserved in signature.parameters:
            raise ReservedArgumentError(
                f"{reserved!r} is a reserved argument name: in calls of flows and tasks that keyword is headrace's "
                f"own. Rename the parameter of {name}{signature}, for example to {reserved + '_'!r}."
            )
