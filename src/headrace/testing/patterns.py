"""Regular expressions whose letters are the names of states: ``Pending Running (AwaitingRetry Retrying){2} Completed``.

A pattern speaks of a whole history. Names stand one after another; ``( )`` groups, ``|`` chooses, ``* + ?`` and
``{m}``, ``{m,}``, ``{m,n}`` repeat, ``.`` or ``_`` is any state. A name that is no word goes between quotation marks,
and what is quoted is taken at its word.

The pattern is turned into Glushkov's automaton (V. M. Glushkov, "The abstract theory of automata", 1961): one place for
each name in it, and for each place those that may follow. It never goes back, so a match can say how far it came, and
what could have come next.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?: (?P<quoted>'[^']*'|"[^"]*") | (?P<any>[._](?![\w-])) | (?P<name>[^\W\d_][\w-]*)
        | \{\s*(?P<least>\d+)\s*(?P<range>,\s*(?P<most>\d*)\s*)?\} | (?P<sign>[()|*+?]) )\s*""",
    re.VERBOSE,
)
_REPEATS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
#: More places than this are taken for a mistake.
_MOST_PLACES = 2000


class UnknownStateName(AssertionError, ValueError):
    """A name that no state has: a failure of the test that asks for it."""


def check_name(name: str, known: Collection[str], where: str) -> None:
    """Raise UnknownStateName, with near misses, for a name that is none of those known."""
    if name not in known:
        near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
        instead = f"Did you mean {_either(near)}?" if near else f"There are {', '.join(sorted(known))}."
        raise UnknownStateName(f"{where}: no state is named {name!r}. {instead}")


# what a match says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class Match:
    """How a history met a pattern; true where it met it wholly.

    `matched` counts the states that fit, from the first on. `expected` is what could have come then, in words: empty
    where all is well.
    """

    pattern: str
    states: tuple[str, ...]
    matched: int
    expected: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.expected

    @property
    def explanation(self) -> str:
        """How far it came, in one sentence."""
        if self:
            return f"{_shown(self.states)} matches {self.pattern!r}"
        begun = f"matched {_shown(self.states[: self.matched])}, then " if self.matched else ""
        found = repr(self.states[self.matched]) if self.matched < len(self.states) else "the end"
        return f"{begun}found {found} where {_either(self.expected)} could come"

    def __repr__(self) -> str:
        return f"<{'match' if self else 'no match'}: {self.explanation}>"


def _shown(states: Sequence[str]) -> str:
    few = states if len(states) <= 8 else (*states[:2], "…", *states[-4:])
    return repr(" ".join(few)) if states else "no state at all"


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


# the automaton -------------------------------------------------------------------------------------------------


class _Name(NamedTuple):
    """A name in a pattern; None is any state."""

    label: str | None
    quoted: bool = False

    def fits(self, state: str) -> bool:
        return self.label is None or self.label == state

    def __str__(self) -> str:
        return "any state" if self.label is None else repr(self.label)


class _Part(NamedTuple):
    """A stretch of the automaton: the places where it may begin and end, and whether it may be passed over."""

    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    empty: bool = True


class _Automaton:
    """Places, each with a name, and which may follow which."""

    def __init__(self) -> None:
        self.names: list[_Name] = []
        self.follow: list[frozenset[int]] = []

    def place(self, name: _Name) -> _Part:
        """Add a place."""
        self.names.append(name)
        self.follow.append(frozenset())
        if len(self.names) > _MOST_PLACES:
            raise ValueError(f"A pattern may speak of {_MOST_PLACES} states at most: write * or + for more.")
        here = frozenset({len(self.names) - 1})
        return _Part(here, here, False)

    def join(self, before: _Part, after: _Part) -> _Part:
        """Let one part come after another."""
        self._lead(before, after)
        first = before.first | after.first if before.empty else before.first
        last = before.last | after.last if after.empty else after.last
        return _Part(first, last, before.empty and after.empty)

    def loop(self, part: _Part) -> _Part:
        """Let a part come any number of times."""
        self._lead(part, part)
        return part._replace(empty=True)

    def _lead(self, before: _Part, after: _Part) -> None:
        for place in before.last:
            self.follow[place] |= after.first


#: Adds a part to an automaton; a part that is repeated is added again.
_Build = Callable[[_Automaton], _Part]


def _sequence(parts: Sequence[_Build]) -> _Build:
    def build(automaton: _Automaton) -> _Part:
        whole = _Part()
        for part in parts:
            whole = automaton.join(whole, part(automaton))
        return whole

    return build


def _choice(parts: Sequence[_Build]) -> _Build:
    def build(automaton: _Automaton) -> _Part:
        built = [part(automaton) for part in parts]
        first, last = (frozenset().union(*(part[at] for part in built)) for at in (0, 1))  # type: ignore[arg-type]
        return _Part(first, last, any(part.empty for part in built))

    return build


def _repeated(part: _Build, least: int, most: int | None) -> _Build:
    if most is None:
        return _sequence([*[part] * least, lambda automaton: automaton.loop(part(automaton))])
    return _sequence([*[part] * least, *[_choice([part, _sequence([])])] * (most - least)])


# reading -------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads a pattern from left to right; each method reads what it is named after."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = len(text) - len(text.lstrip())
        self._token = _TOKEN.match(text, self._place)

    def pattern(self) -> _Build:
        whole = self._choice()
        if self._place < len(self._text):
            raise self._wrong("')' closes nothing" if self._sees(")") else "that can't be read")
        return whole

    def _choice(self) -> _Build:
        parts = [self._sequence()]
        while self._take("|"):
            parts.append(self._sequence())
        return _choice(parts)

    def _sequence(self) -> _Build:
        parts: list[_Build] = []
        while self._token is not None and not self._sees("|") and not self._sees(")"):
            parts.append(self._repeated())
        return _sequence(parts)

    def _repeated(self) -> _Build:
        part = self._single()
        while self._token is not None and (times := self._times(self._token)) is not None:
            part = _repeated(part, *times)
            self._go_on()
        return part

    def _times(self, token: re.Match[str]) -> tuple[int, int | None] | None:
        if token["least"] is None:
            return _REPEATS.get(token["sign"])
        least = int(token["least"])
        most = least if token["range"] is None else int(token["most"]) if token["most"] else None
        if most is not None and most < least:
            raise self._wrong("the first number is the smaller one")
        return least, most

    def _single(self) -> _Build:
        token = self._token
        assert token is not None, "asked for only where there is something"
        if self._take("("):
            inner = self._choice()
            if not self._take(")"):
                raise self._wrong("a ')' is missing")
            return inner
        name = _name(token)
        if name is None:
            raise self._wrong(f"{token[0].strip()!r} repeats nothing; it comes after a name or a group")
        self._go_on()
        return lambda automaton: automaton.place(name)

    def _sees(self, sign: str) -> bool:
        return self._token is not None and self._token["sign"] == sign

    def _take(self, sign: str) -> bool:
        seen = self._sees(sign)
        if seen:
            self._go_on()
        return seen

    def _go_on(self) -> None:
        assert self._token is not None, "there is something to go past"
        self._place = self._token.end()
        self._token = _TOKEN.match(self._text, self._place)

    def _wrong(self, what: str) -> ValueError:
        rest = self._text[self._place :]
        where = f"at {rest!r}" if rest else "at its end"
        return ValueError(
            f"The pattern {self._text!r} can't be read {where}: {what}. Write names of states with spaces between "
            "them, groups in ( ), | between choices, and * + ? {2} {1,3} after what is repeated."
        )


def _name(token: re.Match[str]) -> _Name | None:
    if token["any"]:
        return _Name(None)
    if token["quoted"]:
        return _Name(token["quoted"][1:-1], quoted=True)
    return _Name(token["name"]) if token["name"] else None


class Pattern:
    """A pattern that has been read. Raises ValueError, with the place, where it can't be."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._automaton = _Automaton()
        self._whole = _Reader(text).pattern()(self._automaton)

    def check(self, known: Collection[str]) -> None:
        """Raise UnknownStateName for a name that is none of those known, and is not quoted."""
        for name in self._automaton.names:
            if name.label is not None and not name.quoted:
                check_name(name.label, known, f"In the pattern {self.text!r}")

    def match(self, states: Iterable[str]) -> Match:
        """Compare a whole history with the pattern."""
        names = tuple(map(str, states))
        coming, may_end = self._whole.first, self._whole.empty
        for done, name in enumerate(names):
            here = {place for place in coming if self._automaton.names[place].fits(name)}
            if not here:
                return Match(self.text, names, done, self._said(coming, may_end))
            coming = frozenset().union(*(self._automaton.follow[place] for place in here))
            may_end = not self._whole.last.isdisjoint(here)
        return Match(self.text, names, len(names), () if may_end else self._said(coming, may_end))

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def _said(self, coming: Iterable[int], may_end: bool) -> tuple[str, ...]:
        names = dict.fromkeys(str(self._automaton.names[place]) for place in sorted(coming))
        return (*names, "the end") if may_end else tuple(names)
