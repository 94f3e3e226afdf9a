"""From what was typed to the arguments of a flow."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer


def parse_parameters(pairs: Iterable[str], document: str | None) -> dict[str, Any]:
    """Return parameters from ``key=value`` pairs and a JSON object; where both have one, the pair wins.

    Values are read as JSON where they are JSON, and else taken as text: ``n=3`` is a number,
    ``day=2026-03-01`` and ``url=a`` are texts, ``n='"3"'`` is the text 3. Raises typer.BadParameter.
    """
    return {**_object(document), **dict(_pair(text) for text in pairs)}


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE. Write -p day=2026-03-01, say.", param_hint="-p")
    try:
        return key.strip(), json.loads(value)
    except ValueError:
        return key.strip(), value


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
