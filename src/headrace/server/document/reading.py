"""An OpenAPI document, as a page shows it: what can be asked, group by group, and the shapes of what is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_METHODS = ("get", "post", "put", "patch", "delete")
_BOUNDS = {
    "minimum": "at least {:,g}",
    "exclusiveMinimum": "above {:,g}",
    "maximum": "at most {:,g}",
    "minLength": "at least {:,} characters",
    "maxLength": "at most {:,} characters",
    "minItems": "at least {:,} of them",
    "maxItems": "at most {:,} of them",
    "pattern": "like {}",
}


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the text that tells a type; `shape` names the shape that it leads to, if it does."""

    text: str
    shape: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """A value that is sent: its name, its type, what it must be like, and what it is for."""

    name: str
    type: Sequence[Word]
    required: bool
    bounds: str
    description: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back."""

    status: str
    type: Sequence[Word]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that can be asked."""

    anchor: str
    method: str
    path: str
    description: str
    parameters: Sequence[Field]
    body: Sequence[Word]
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Group:
    """What can be asked about one kind of thing."""

    name: str
    anchor: str
    operations: Sequence[Operation]


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of object that is sent, with its fields; or a choice of words."""

    name: str
    description: str
    fields: Sequence[Field]
    words: Sequence[str]


@dataclass(frozen=True, slots=True)
class Document:
    """All of it."""

    title: str
    version: str
    description: Sequence[str]
    groups: Sequence[Group]
    shapes: Sequence[Shape]


def read(openapi: Mapping[str, Any]) -> Document:
    """Return a document, given what its JSON says."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in openapi["paths"].items():
        for method in _METHODS:
            if method in methods:
                group = methods[method].get("tags", ["Others"])[0]
                groups.setdefault(group, []).append(_operation(path, method, methods[method]))
    info = openapi["info"]
    shapes = openapi.get("components", {}).get("schemas", {})
    return Document(
        title=info["title"],
        version=info["version"],
        description=[part.replace("\n", " ") for part in info.get("description", "").strip().split("\n\n")],
        groups=[Group(name, _anchor(name), operations) for name, operations in groups.items()],
        shapes=[_shape(name, shapes[name]) for name in sorted(shapes)],
    )


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _operation(path: str, method: str, told: Schema) -> Operation:
    return Operation(
        anchor=told["operationId"],
        method=method.upper(),
        path=path,
        description=told.get("description") or told.get("summary", ""),
        parameters=[
            _field(one["name"], one["schema"], one.get("required", False), one.get("description", ""))
            for one in told.get("parameters", ())
        ],
        body=_content(told.get("requestBody", {})),
        answers=[Answer(status, _content(answer)) for status, answer in sorted(told["responses"].items())],
    )


def _content(told: Schema) -> list[Word]:
    for content in told.get("content", {}).values():
        return list(_words(content.get("schema", {})))
    return []


def _shape(name: str, schema: Schema) -> Shape:
    required = schema.get("required", ())
    fields = [_field(one, value, one in required) for one, value in schema.get("properties", {}).items()]
    return Shape(name, schema.get("description", ""), fields, [str(word) for word in schema.get("enum", ())])


def _field(name: str, schema: Schema, required: bool, description: str = "") -> Field:
    meant = _one_that_is_not_null(schema)
    told = description or schema.get("description") or meant.get("description", "")
    return Field(name, list(_words(schema)), required, ", ".join(_bounds(schema, meant)), told)


def _one_that_is_not_null(schema: Schema) -> Schema:
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return choices[0] if len(choices) == 1 else schema


def _bounds(schema: Schema, meant: Schema) -> Iterator[str]:
    for name, form in _BOUNDS.items():
        if name in meant:
            yield form.format(meant[name])
    if schema.get("default") not in (None, [], {}):
        yield f"{schema['default']!s} by default"


def _words(schema: Schema) -> Iterator[Word]:
    """Yield the text that tells a type: ``list of FlowRunAnswer``."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield Word(name, name)
    elif "anyOf" in schema:
        for number, choice in enumerate(schema["anyOf"]):
            if number:
                yield Word(" or ")
            yield from _words(choice)
    elif schema.get("type") == "array":
        yield Word("list of ")
        yield from _words(schema.get("items", {}))
    elif isinstance(schema.get("additionalProperties"), Mapping):
        yield Word("object of ")
        yield from _words(schema["additionalProperties"])
    else:
        choices = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
        said = " or ".join(map(repr, choices)) or schema.get("format") or schema.get("type") or "anything"
        yield Word(said)
