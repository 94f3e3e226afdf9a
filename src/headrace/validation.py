"""Validating and coercing a flow's parameters with pydantic, which is imported only when a value needs it."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import re
import sys
import types
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from headrace.core import codec
from headrace.core.parameters import Binder
from headrace.core.states import State
from headrace.core.walk import found
from headrace.core.wording import kind_of
from headrace.effects import Promise
from headrace.exceptions import ParameterTypeError, SignatureMismatchError

#: A value of exactly this type fits its annotation as it is.
_PLAIN = frozenset({int, str, float, bool, bytes, list, dict, set, tuple, frozenset, type(None)})


class Validator:
    """Validate calls of one function."""

    def __init__(self, name: str, fn: Callable[..., Any], signature: inspect.Signature) -> None:
        self._name = name
        self._fn = fn
        self._signature = signature
        annotated = [p for p in signature.parameters.values() if p.annotation not in (p.empty, Any, "Any", object)]
        self._locals = _locals_around(fn, [p.annotation for p in annotated if isinstance(p.annotation, str)])
        self._fields = _fields(signature)
        self._names = list(dict.fromkeys([*(p.name for p in annotated), *self._fields]))
        self.is_trivial = not self._names

    def for_call(self, given: Iterable[str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """Return a function that validates what the call gave, and leaves defaults as they are."""
        return functools.partial(self, given=frozenset(given))

    def complete(self, binder: Binder, parameters: dict[str, Any]) -> dict[str, Any]:
        """Return these parameters, coerced, and the defaults of the others.

        Raises SignatureMismatchError for what the function does not take, ParameterTypeError for what is missing too.
        """
        known = self._signature.parameters
        if any(name not in known for name in parameters):
            raise SignatureMismatchError.from_names(self._name, known, parameters)
        full = {**binder.unless_given(), **parameters}
        missing = [f"{name}: Field required" for name in known if name not in full]
        return self({name: full[name] for name in known if name in full}, frozenset(parameters), missing)

    def __call__(
        self, parameters: dict[str, Any], given: frozenset[str] | None = None, missing: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the parameters, coerced. Raises ParameterTypeError, one line per error; `missing` are some already."""
        errors = list(missing)
        validated = dict(parameters)
        for name in self._names:
            try:
                if name in parameters and (given is None or name in given):
                    validated[name] = self._validated(name, parameters[name])
                elif name in self._fields:
                    validated[name] = _default(name, self._fields[name])
            except ParameterTypeError as error:
                errors.append(str(error))
        if errors:
            listed = "\n  ".join(errors)
            raise ParameterTypeError(
                f"Flow run of {self._name!r} received parameters that do not validate:\n  {listed}"
            )
        return validated

    def _validated(self, name: str, value: Any) -> Any:
        hint = self.hints.get(name, Any)
        if name in self._fields:
            hint = Annotated[hint, self._fields[name]]
        if hint is Any or (type(value) is hint and hint in _PLAIN):
            return value
        if found(value, lambda leaf: isinstance(leaf, Promise | State)):
            return value  # it becomes a result only later
        kind = self._signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            return tuple(self._one(f"{name}.{at}", hint, item) for at, item in enumerate(value))
        if kind is inspect.Parameter.VAR_KEYWORD:
            return {key: self._one(key, hint, item) for key, item in value.items()}
        return self._one(name, hint, value)

    def _one(self, name: str, hint: Any, value: Any) -> Any:
        from pydantic import ValidationError  # a tenth of a second, and often not needed

        try:
            adapter = _kept_adapter(hint)
        except TypeError:  # a hint that can't be hashed
            adapter = _adapter(hint)
        try:
            return adapter.validate_python(value)
        except ValidationError as error:
            raise ParameterTypeError(_lines(name, error)) from None

    @functools.cached_property
    def hints(self) -> dict[str, Any]:
        """The annotations by parameter; those that name what can't be found are left out."""
        target = inspect.unwrap(self._fn) if not inspect.ismethod(self._fn) else self._fn.__func__
        try:
            return get_type_hints(target, localns=self._locals, include_extras=True)
        except Exception:  # noqa: BLE001 - a hint that names what is not there at run time: the others still count
            return _hints_one_by_one(target, self._locals)


def _fields(signature: inspect.Signature) -> dict[str, Any]:
    """Return the defaults that are pydantic's fields, as in ``days: int = Field(default=7, gt=0)``."""
    pydantic = sys.modules.get("pydantic.fields")  # where it is not loaded nothing is a field
    if pydantic is None:
        return {}
    return {p.name: p.default for p in signature.parameters.values() if isinstance(p.default, pydantic.FieldInfo)}


def _default(name: str, field: Any) -> Any:
    """Return the value of a parameter that was not given. Raises ParameterTypeError where its field has none."""
    if field.is_required():
        raise ParameterTypeError(f"{name}: Field required")
    return field.get_default(call_default_factory=True)


def _locals_around(fn: Callable[..., Any], hints: list[str]) -> dict[str, Any] | None:
    """Return what the function around `fn` calls by the names in these hints; None where there is nothing to find.

    With ``from __future__ import annotations`` a hint that names a local class can't be resolved later: the class is
    not among the function's globals. It is there now, while the decorator runs, in the frame of the function around.
    """
    outer, _, _ = getattr(fn, "__qualname__", "").rpartition(".<locals>.")
    if not hints or not outer:
        return None
    wanted = set(re.findall(r"\w+", " ".join(hints)))
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_qualname != outer:
        frame = frame.f_back  # type: ignore[assignment]
    return {name: value for name, value in frame.f_locals.items() if name in wanted} if frame is not None else None


def _hints_one_by_one(target: Any, local: dict[str, Any] | None) -> dict[str, Any]:
    """Return the hints that can be resolved, and leave out the others."""
    hints: dict[str, Any] = {}
    for name, hint in getattr(target, "__annotations__", {}).items():
        alone = types.SimpleNamespace(__annotations__={name: hint})
        with contextlib.suppress(Exception):  # as above
            hints.update(get_type_hints(alone, getattr(target, "__globals__", {}), local, include_extras=True))
    return hints


def _adapter(hint: Any) -> Any:
    """Return what validates a hint; anything goes for one that nobody can check: a protocol for type checkers, say."""
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError
    from pydantic_core import SchemaError

    hint = _renewed(hint)
    for config in (ConfigDict(arbitrary_types_allowed=True), None):  # models bring a configuration of their own
        try:
            return TypeAdapter(hint, config=config)
        except (PydanticUserError, SchemaError):
            continue
    return TypeAdapter(Any)


_kept_adapter = functools.cache(_adapter)


def _renewed(hint: Any) -> Any:
    """Return a hint in which models of pydantic's first version, which the second can't look into, check themselves."""
    old = sys.modules.get("pydantic.v1.main")
    if old is None:
        return hint
    if isinstance(hint, type) and old.BaseModel in getattr(hint, "__mro__", ()):
        return _checking_itself(hint)
    inside = tuple(map(_renewed, get_args(hint)))
    if inside == get_args(hint):
        return hint
    return Union[inside] if isinstance(hint, types.UnionType) else _with(hint, inside)  # noqa: UP007 - made of values


def _checking_itself(model: Any) -> Any:
    from pydantic import PlainValidator

    return Annotated[Any, PlainValidator(lambda given: given if isinstance(given, model) else model.parse_obj(given))]


def _with(hint: Any, inside: tuple[Any, ...]) -> Any:
    if hasattr(hint, "copy_with"):  # those of `typing`, which may have names of their own
        return hint.copy_with(inside)
    return get_origin(hint)[inside]


def _lines(name: str, error: Any) -> str:
    def line(item: Any) -> str:
        where = ".".join(str(part) for part in (name, *item["loc"]))
        return f"{where}: {item['msg']} (given {item['input']!r}, {kind_of(item['input'])})"

    return "\n  ".join(line(item) for item in error.errors())


def as_json(value: Any) -> Any:
    """Return a value in JSON's own types, as pydantic says it; what it can't say becomes its repr."""
    from pydantic_core import to_jsonable_python

    try:
        return to_jsonable_python(value, fallback=_in_words, inf_nan_mode="constants")
    except Exception:  # noqa: BLE001 - bytes that are no text, a container that holds itself, a user's own property
        return json.loads(codec.to_json(value))


def _in_words(value: Any) -> Any:
    return json.loads(codec.to_json(value))
