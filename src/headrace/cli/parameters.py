"""From what was typed to the arguments of a flow.

Values are read as JSON where they are JSON, and else taken as text: ``n=3`` is a number, ``day=2026-03-01`` and
``url=a`` are texts, ``n='"3"'`` is the text 3. A parameter that is annotated to take text alone takes it as it
stands: ``zip=01234`` and ``name=7`` need no quotes there.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer


def parse_parameters(pairs: Iterable[str], document: str | None, hints: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters from ``key=value`` pairs and a JSON object; where both have one, the pair wins.

    `hints` are the annotations of the flow's parameters. Raises typer.BadParameter.
    """
    typed = dict(_pair(text) for text in pairs)
    return {**_object(document), **{key: _value(text, hints.get(key)) for key, text in typed.items()}}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE. Write -p day=2026-03-01, say.", param_hint="-p")
    return key.strip(), value


def _value(text: str, hint: Any) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    kinds = _kinds(hint)
    takes_text_alone = str in kinds and kinds <= {str, types.NoneType}
    return text if takes_text_alone and type(value) not in kinds else value


def _kinds(hint: Any) -> frozenset[Any]:
    """Return the classes that an annotation allows, unions and literals taken apart."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _kinds(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return frozenset().union(*map(_kinds, get_args(hint)))
    if origin is Literal:
        return frozenset(type(option) for option in get_args(hint))
    return frozenset({hint if isinstance(hint, type) else object})


def _object(document: str | None) -> dict[str, Any]:
    if document is None:
        return {}
    try:
        value = json.loads(document)
    except ValueError as error:
        raise typer.BadParameter(f"{document!r} is not JSON: {error}.", param_hint="--params") from None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{document!r} is no object. Write '{{\"n\": 3}}', say.", param_hint="--params")
    return value


def check_parameters(function: Callable[..., Any], name: str, given: Mapping[str, Any]) -> None:
    """See that a flow takes these and misses none. Raises typer.BadParameter naming what it takes."""
    parameters = inspect.signature(function).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    known = [key for key, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    unknown = [key for key in given if key not in known]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise typer.BadParameter(
            f"The flow {name!r} has no parameter {unknown[0]!r}; {has}.{_near(unknown[0], known)}",
            param_hint="-p",
        )
    missing = [key for key in known if parameters[key].default is inspect.Parameter.empty and key not in given]
    if missing:
        write = " ".join(f"-p {key}=…" for key in missing)
        raise typer.BadParameter(f"The flow {name!r} needs {', '.join(missing)}. Write {write}", param_hint="-p")


def _near(word: str, words: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, words, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
