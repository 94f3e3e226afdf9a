"""What a function takes, as a JSON schema: for forms, pages, and whoever calls it from far away.

pydantic makes the schemas; it is imported when the first is asked for.
"""

from __future__ import annotations

import inspect
import re
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.core.models import Model

__all__ = ["ParameterSchema", "parameter_docstrings", "parameter_schema"]

_HEADING = re.compile(r"(?:Args|Arguments|Parameters|Params):\s*$")
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?:\s*(?P<text>.*)")


@dataclass(eq=True)
class ParameterSchema(Model):
    """The schema of an object that has a property for each parameter.

    A property has a `title`, its `position` from 0, a `description` if the docstring has one, and its type; `required`
    names those without a default, and `definitions` describes the models that the others refer to.
    """

    title: str = "Parameters"
    type: str = "object"
    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    definitions: dict[str, Any] = field(default_factory=dict)

    FIELDS = ("title", "type", "properties", "required", "definitions")

    def changed(self, changes: Mapping[str, Any]) -> ParameterSchema:
        """Return a copy with these fields changed. Raises TypeError for a name that is no field."""
        return ParameterSchema(**{**{name: getattr(self, name) for name in self.FIELDS}, **changes})


def parameter_docstrings(docstring: str | None) -> dict[str, str]:
    """Return what a docstring says of each parameter, where it lists them under ``Args:`` as ``name: text``."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    start = next((at for at, line in enumerate(lines) if _HEADING.match(line)), len(lines))
    said: dict[str, str] = {}
    depth, name = 0, ""
    for line in lines[start + 1 :]:
        indent = len(line) - len(line.lstrip())
        if line.strip() and not indent:
            break
        depth = depth or indent
        entry = _ENTRY.match(line.strip()) if indent == depth else None
        if entry is not None:
            name = entry["name"]
            said[name] = entry["text"]
        elif name and line.strip():
            said[name] += f"\n{line.strip()}"
    return said


def parameter_schema(fn: Callable[..., Any]) -> ParameterSchema:
    """Return the schema of a function's parameters; an annotation that can't be resolved lets anything pass."""
    try:
        hints = typing.get_type_hints(fn, include_extras=True)
    except Exception:  # noqa: BLE001 - a hint that names what is not there at run time
        hints = {}
    return schema_of(inspect.signature(fn), hints, inspect.getdoc(fn))


def schema_of(
    signature: inspect.Signature, hints: Mapping[str, Any], docstring: str | None, first: int = 0
) -> ParameterSchema:
    """Return the schema of these parameters, whose positions are counted from `first`."""
    from pydantic import Field, create_model

    texts = parameter_docstrings(docstring)
    fields: dict[str, Any] = {}
    for position, parameter in enumerate(signature.parameters.values(), first):
        hint, default = _hint_and_default(parameter, hints.get(parameter.name, Any))
        fields[f"p{position}"] = (
            hint,
            Field(
                default,
                alias=parameter.name,  # models refuse some names that functions may have
                title=parameter.name,
                description=texts.get(parameter.name),
                json_schema_extra={"position": position},
            ),
        )
    schema = _schema(create_model, fields)
    return ParameterSchema(
        properties=schema.get("properties", {}),
        required=schema.get("required", []),
        definitions=schema.get("$defs", {}),
    )


def _schema(create_model: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a model; a field that there is no schema for lets anything pass."""
    from pydantic import ConfigDict
    from pydantic.errors import PydanticUserError

    config = ConfigDict(arbitrary_types_allowed=True)
    model = create_model("Parameters", __config__=config, **fields)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a default that JSON can't say is left out
        try:
            return model.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")  # type: ignore[no-any-return]
        except PydanticUserError:
            if len(fields) == 1:
                ((name, (_, described)),) = fields.items()
                return _schema(create_model, {name: (Any, described)})
    parts = [_schema(create_model, {name: field}) for name, field in fields.items()]
    merged: dict[str, Any] = {"properties": {}, "required": [], "$defs": {}}
    for part in parts:
        merged["properties"] |= part.get("properties", {})
        merged["required"] += part.get("required", [])
        merged["$defs"] |= part.get("$defs", {})
    return merged


def _hint_and_default(parameter: inspect.Parameter, hint: Any) -> tuple[Any, Any]:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return list[hint], []
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return dict[str, hint], {}
    return hint, ... if parameter.default is parameter.empty else parameter.default
