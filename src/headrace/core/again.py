"""The parameters that were recorded of a run, to be given again.

They were recorded as JSON, for people to read. What is like a default is the default; what was cut, or is the text of
something that JSON can't say, is lost, and a run that was given such can't be run again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from headrace.core.codec import REPR_LENGTH, to_json

_MARK = re.compile(r"… \d+ more")
#: What `repr` gives of things: ``<flows.Client object at 0x7f…>``, ``Client(url='…')``, ``b'…'``.
_REPR = re.compile(r"<.*>|[A-Za-z_][\w.]*\(.*\)|b'.*'|b\".*\"", re.DOTALL)


def given_again(recorded: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters without those that are what they are by default."""
    return {name: value for name, value in recorded.items() if not _is_default(name, value, defaults)}


def _is_default(name: str, value: Any, defaults: Mapping[str, Any]) -> bool:
    return name in defaults and to_json({name: defaults[name]}) == to_json({name: value})


def lost(parameters: Mapping[str, Any], checked: Collection[str]) -> list[str]:
    """Return the names of those that were not recorded whole; `checked` are validated, so they need not be guessed."""

    def is_lost(name: str) -> bool:
        return any(_is_lost(text, name in checked) for text in _texts(parameters[name]))

    return list(filter(is_lost, parameters))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _is_lost(text: str, is_checked: bool) -> bool:
    was_cut = text == "…" or _MARK.fullmatch(text) is not None or (len(text) >= REPR_LENGTH and text.endswith("…"))
    return was_cut or (not is_checked and _REPR.fullmatch(text) is not None)
