"""Values with fields: pydantic models, dataclasses, named tuples, typed dictionaries, made field by field."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typing_extensions
from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy
from pydantic import AliasChoices, BaseModel, ValidationError


@dataclass(frozen=True)
class Fields:
    """What a class is made of: hints by name, those that must be given and those that need not, and how."""

    required: Mapping[str, Any]
    optional: Mapping[str, Any]
    make: Callable[[dict[str, Any]], Any]


@functools.cache
def made_of(cls: type, strategy_for: Callable[[Any], SearchStrategy[Any]]) -> SearchStrategy[Any]:
    """Return a strategy for instances of a class that has fields, of which `strategy_for` gives that for a hint.

    There is one for each class, made when it is first drawn from: classes may hold each other.
    """
    return st.deferred(lambda: _made(cls, strategy_for))


def fields_of(cls: type) -> Fields | None:
    """Return what a class is made of; None if it is none of a kind that tells, or Hypothesis was told of it."""
    if issubclass(cls, BaseModel):
        fields = _of_model(cls)
    elif dataclasses.is_dataclass(cls):
        fields = _of_dataclass(cls)
    elif typing_extensions.is_typeddict(cls):
        fields = _of_typed_dict(cls)
    elif issubclass(cls, tuple) and hasattr(cls, "_field_defaults"):
        fields = _of_named_tuple(cls)
    else:
        return None
    return None if _is_registered(cls) else fields


def _is_registered(cls: type) -> bool:
    """Say whether somebody registered a strategy for the class; there is no public way to ask."""
    from hypothesis.strategies._internal import types

    return cls in getattr(types, "_global_type_lookup", {})


_REFUSED = object()
_TRIES = 12


def _made(cls: type, strategy_for: Callable[[Any], SearchStrategy[Any]]) -> SearchStrategy[Any]:
    fields = fields_of(cls)
    assert fields is not None, "asked of classes with fields only"

    def make(values: dict[str, Any]) -> Any:
        try:
            return fields.make(values)
        except ValidationError:  # of a validator of the class's own, which nobody can foresee
            return _REFUSED

    required = {name: strategy_for(hint) for name, hint in fields.required.items()}
    optional = {name: strategy_for(hint) for name, hint in fields.optional.items()}
    return _first_made(st.fixed_dictionaries(required, optional=optional).map(make))


@st.composite
def _first_made(draw: st.DrawFn, strategy: SearchStrategy[Any]) -> Any:
    """Draw until something comes that is not refused.

    A filter tries three times: of five orders whose ends come after their beginnings, every other draw would fail.
    """
    for _ in range(_TRIES):
        value = draw(strategy)
        if value is not _REFUSED:
            return value
    return reject()


def _of_model(cls: type[BaseModel]) -> Fields:
    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for name, info in cls.model_fields.items():
        hint = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        key = _key(cls, name, info.validation_alias)
        if key is not None:
            (required if info.is_required() else optional)[key] = hint
    return Fields(required, optional, cls.model_validate)


def _key(cls: type[BaseModel], name: str, alias: Any) -> str | None:
    """Return under which name a model takes a field; None where there is none and it can be left out."""
    if isinstance(alias, AliasChoices):
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None) or alias
    if alias is None or cls.model_config.get("populate_by_name") or cls.model_config.get("validate_by_name"):
        return name
    if isinstance(alias, str):
        return alias
    if not cls.model_fields[name].is_required():
        return None
    raise InvalidArgument(
        f"The field {name!r} of {cls.__name__} is read from {alias!r}, which no strategy is made for. "
        f"Register one: hypothesis.strategies.register_type_strategy({cls.__name__}, ...)."
    )


def _of_dataclass(cls: type) -> Fields:
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = [field for field in dataclasses.fields(cls) if field.init]
    missing = dataclasses.MISSING
    required = [field for field in fields if field.default is missing and field.default_factory is missing]
    return Fields(
        {field.name: hints[field.name] for field in required},
        {field.name: hints[field.name] for field in fields if field not in required},
        lambda values: cls(**values),
    )


def _of_typed_dict(cls: Any) -> Fields:
    hints = {name: _bare(hint) for name, hint in typing_extensions.get_type_hints(cls, include_extras=True).items()}
    return Fields(
        {name: hints[name] for name in sorted(cls.__required_keys__)},
        {name: hints[name] for name in sorted(cls.__optional_keys__)},
        dict,
    )


def _bare(hint: Any) -> Any:
    """Take off what says whether the key must be there."""
    qualifiers = (typing_extensions.Required, typing_extensions.NotRequired, typing_extensions.ReadOnly)
    return _bare(typing.get_args(hint)[0]) if typing.get_origin(hint) in qualifiers else hint


def _of_named_tuple(cls: Any) -> Fields:
    hints = dict.fromkeys(cls._fields, Any) | typing.get_type_hints(cls, include_extras=True)
    optional = cls._field_defaults
    return Fields(
        {name: hint for name, hint in hints.items() if name not in optional},
        {name: hint for name, hint in hints.items() if name in optional},
        lambda values: cls(**values),
    )
