"""Templates of run names with what fills them in, and what then comes out.

What comes out is put together piece by piece while the template is, never by `str.format` of the whole: so it can be
held against an engine that fills in templates.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from headrace import Flow, Task, flow, task

from .checking import check_choices, check_range, checked_by, refuse

Kind = Literal["text", "plain", "conversion", "format", "item", "attribute"]

_KINDS: tuple[Kind, ...] = ("text", "plain", "conversion", "format", "item", "attribute")
#: Names of parameters, and text around them, that are easily got wrong.
_PARAMETERS = ("name", "n", "day", "row", "_", "größe", "kwargs", "parameters", "format", "x1")
_TRICKY = (
    "-",
    " ",
    "{}",
    "{name}",
    "}",
    "%s",
    "%A",
    "a/b",
    "..",
    "'\"",
    "\n",
    "é",
    "e\u0301",
    "🏁",
    "\u202e",
    "\\",
    "*",
)
_DAYS = st.integers(0, 3650).map(lambda days: date(2026, 1, 1) + timedelta(days=days))


@dataclass(frozen=True)
class RunName:
    """A template, the parameters that fill it in, and what it is `rendered` to."""

    template: str
    parameters: Mapping[str, Any]
    rendered: str

    def as_task(self, **options: Any) -> Task[..., Any]:
        """Return a task that takes these parameters, does nothing, and names its runs so."""
        return task(task_run_name=self.template, **{"name": "named", **options})(self._body())

    def as_flow(self, **options: Any) -> Flow[..., Any]:
        """Return a flow that takes these parameters, does nothing, and names its runs so."""
        return flow(flow_run_name=self.template, **{"name": "named", **options})(self._body())

    def _body(self) -> Any:
        def named(*values: Any) -> None:
            """Do nothing."""

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        named.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in self.parameters]
        )
        return named


@dataclass(frozen=True)
class _Piece:
    """A part of a template: what is written, the value of its parameter if it has one, and what comes out."""

    written: str
    rendered: str
    name: str | None = None
    value: Any = None


def _check(kinds: Any, text: Any, min_pieces: object, max_pieces: object) -> None:
    check_choices("kinds", kinds, _KINDS)
    if text is not None and not isinstance(text, SearchStrategy):
        refuse(f"text={text!r} must be a strategy for strings; write text=st.text().")
    check_range("min_pieces", min_pieces, "max_pieces", max_pieces)
    if isinstance(max_pieces, int) and max_pieces > len(_PARAMETERS):
        refuse(f"max_pieces={max_pieces} is more than the {len(_PARAMETERS)} parameters that there are names for.")


@checked_by(_check)
@st.composite
def run_names(
    draw: st.DrawFn,
    *,
    kinds: Sequence[Kind] = _KINDS,
    text: SearchStrategy[str] | None = None,
    min_pieces: int = 1,
    max_pieces: int = 4,
) -> RunName:
    """Draw templates of run names, with the parameters that fill them in and what they are rendered to.

    `kinds` says which pieces there may be: text (with braces to be doubled, quotes, line ends, letters of any script),
    and fields that are plain, have a conversion (``{x!r}``), a format (``{day:%A}``), an item (``{row[0]}``) or an
    attribute (``{day.year}``). `text` is what text between fields and strings in them are drawn from. Shrinks to one
    short piece. Raises InvalidArgument at once.
    """
    strings = text if text is not None else st.sampled_from(_TRICKY) | st.text(max_size=8)
    names = draw(st.lists(st.sampled_from(_PARAMETERS), min_size=min_pieces, max_size=max_pieces, unique=True))
    allowed = [kind for kind in _KINDS if kind in kinds]
    pieces = [draw(_piece(draw(st.sampled_from(allowed)), name, strings)) for name in names]
    return RunName(
        "".join(piece.written for piece in pieces),
        {piece.name: piece.value for piece in pieces if piece.name is not None},
        "".join(piece.rendered for piece in pieces),
    )


def _piece(kind: Kind, name: str, strings: SearchStrategy[str]) -> SearchStrategy[_Piece]:
    plain = strings | st.integers() | st.booleans() | st.none()
    if kind == "text":
        return strings.filter(bool).map(_said)  # a template of nothing but that would be none
    if kind == "plain":
        return st.builds(_plain, st.just(name), plain)
    if kind == "conversion":
        return st.builds(_converted, st.just(name), plain, st.sampled_from([("s", str), ("r", repr), ("a", ascii)]))
    if kind == "format":
        return st.builds(_formatted, st.just(name), _FORMATTED)
    if kind == "item":
        return st.builds(_with_item, st.just(name), st.lists(strings, min_size=1, max_size=3), st.booleans())
    return st.builds(_with_attribute, st.just(name), _DAYS)


def _said(text: str) -> _Piece:
    return _Piece(text.replace("{", "{{").replace("}", "}}"), text)


def _plain(name: str, value: Any) -> _Piece:
    return _Piece(f"{{{name}}}", str(value), name, value)


def _converted(name: str, value: Any, conversion: tuple[str, Any]) -> _Piece:
    letter, convert = conversion
    return _Piece(f"{{{name}!{letter}}}", convert(value), name, value)


_FORMATTED = st.one_of(
    st.tuples(st.integers(-1000, 10**7), st.sampled_from(["03d", ",", ">12", "^+9d", "x"])),
    st.tuples(_DAYS, st.sampled_from(["%A", "%Y-%m-%d", "%d.%m."])),
    st.tuples(st.integers(-4000, 4000).map(lambda eighths: eighths / 8), st.sampled_from([".1f", "08.3f", "e"])),
)


def _formatted(name: str, given: tuple[Any, str]) -> _Piece:
    value, spec = given
    return _Piece(f"{{{name}:{spec}}}", format(value, spec), name, value)


def _with_attribute(name: str, day: date) -> _Piece:
    return _Piece(f"{{{name}.year}}", str(day.year), name, day)


def _with_item(name: str, items: list[str], by_key: bool) -> _Piece:
    at = len(items) - 1
    if by_key:
        return _Piece(f"{{{name}[last]}}", items[at], name, {"last": items[at]})
    return _Piece(f"{{{name}[{at}]}}", items[at], name, items)
