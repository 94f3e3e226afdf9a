"""From a type hint to a strategy for what pydantic accepts under it.

Hypothesis resolves most hints by itself, and takes a strategy out of ``Annotated[T, strategy]``. So a hint is
rewritten, through all its layers, until Hypothesis understands it: a model becomes ``Annotated[Model, strategy]``, a
pydantic `Field` in an ``Annotated`` the constraints that it stands for. What neither of the two can know, such as a
validator of the user's, is left to a filter that asks pydantic.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import operator
import types
import typing
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pydantic
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from .constraints import KNOWN, constrained, flattened
from .models import fields_of, made_of

#: For what is not annotated, or may be anything.
ANYTHING = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
_PATHS = st.lists(st.from_regex(r"[\w. -]{1,8}", fullmatch=True), max_size=3).map(lambda parts: Path(*parts))
_UNIONS = (typing.Union, types.UnionType)
_URLS = st.sampled_from(["https://example.org", "http://example.org:8080/a/b?c=d#e", "https://user@example.org/ü"])

#: Types of which Hypothesis would make what pydantic refuses, or nothing.
_KNOWN_TYPES: dict[Any, SearchStrategy[Any]] = {
    Any: ANYTHING,
    object: ANYTHING,
    inspect.Parameter.empty: ANYTHING,
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    Path: _PATHS,
    pydantic.SecretStr: st.text(max_size=20).map(pydantic.SecretStr),
    pydantic.SecretBytes: st.binary(max_size=20).map(pydantic.SecretBytes),
    pydantic.AnyUrl: _URLS.map(pydantic.AnyUrl),
    pydantic.AnyHttpUrl: _URLS.map(pydantic.AnyHttpUrl),
    pydantic.HttpUrl: _URLS.map(pydantic.HttpUrl),
    pydantic.EmailStr: st.emails(),
    pydantic.AwareDatetime: st.datetimes(timezones=st.timezones()),
    pydantic.NaiveDatetime: st.datetimes(),
}


def valid_for(hint: Any) -> SearchStrategy[Any]:
    """Return a strategy for values that pydantic takes for this hint; raises what Hypothesis does for one unknown."""
    strategy = _unfiltered(hint).filter(accepted_by(hint))
    strategy.validate()
    return strategy


def _unfiltered(hint: Any) -> SearchStrategy[Any]:
    return st.from_type(rewritten(hint))


def accepted_by(hint: Any) -> collections.abc.Callable[[Any], bool]:
    """Return a function that says whether pydantic takes a value; all are taken where it has no opinion."""
    try:
        adapter = _adapter(hint)
    except (PydanticUserError, TypeError, NameError):
        return lambda value: True

    def accepted(value: Any) -> bool:
        try:
            adapter.validate_python(value)
        except ValidationError:
            return False
        return True

    return accepted


def _adapter(hint: Any) -> TypeAdapter[Any]:
    if hint is inspect.Parameter.empty:
        return TypeAdapter(Any)
    try:
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # models and dataclasses bring a configuration of their own
        return TypeAdapter(hint)


def rewritten(hint: Any) -> Any:
    """Return the hint in a form that Hypothesis resolves to what pydantic accepts."""
    known = _known(hint)
    if known is not None:
        return Annotated[object, known]
    if isinstance(hint, typing.NewType):
        return rewritten(hint.__supertype__)
    if get_origin(hint) is Annotated:
        return _annotated(hint)
    if get_args(hint):
        return _generic(hint)
    if isinstance(hint, type) and fields_of(hint) is not None:
        return Annotated[object, made_of(hint, _unfiltered)]
    return hint


def _known(hint: Any) -> SearchStrategy[Any] | None:
    try:
        return _KNOWN_TYPES.get(hint)
    except TypeError:  # a hint that can't be hashed
        return None


def _annotated(hint: Any) -> Any:
    base, metadata = get_args(hint)[0], hint.__metadata__
    if any(isinstance(item, SearchStrategy) for item in metadata):
        return hint
    if get_origin(base) in _UNIONS:  # what limits a union limits each of its members, None apart
        members = [arg if arg is types.NoneType else Annotated[(arg, *metadata)] for arg in get_args(base)]
        return functools.reduce(operator.or_, map(rewritten, members))
    limits = list(flattened(metadata))
    strategy = constrained(base, limits)
    if strategy is None:
        known = [limit for limit in limits if isinstance(limit, KNOWN)]
        plain = rewritten(base)
        limited: Any = Annotated[(plain, *known)] if known else plain
        strategy = st.from_type(limited)
        if len(known) == len(limits) and get_origin(plain) is not Annotated:
            return Annotated[object, strategy]
    return Annotated[object, strategy.filter(accepted_by(hint))]


def _generic(hint: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (typing.Literal, type) or origin is collections.abc.Callable:
        return hint
    if origin in _UNIONS:
        return functools.reduce(operator.or_, map(rewritten, args))
    if any(arg is Ellipsis or isinstance(arg, list) for arg in args[:1]):
        return hint
    return origin[tuple(arg if arg is Ellipsis else rewritten(arg) for arg in args)]
