"""The page of states says what the table says."""

from __future__ import annotations

import re

import draw_states

import headrace.core.states as table
from headrace.core.state_types import NAMES
from headrace.core.transitions import TRANSITIONS

from .reading import DOCS, section, shown

PAGE = DOCS / "states.md"


def test_the_diagram_in_the_repository_is_what_the_table_gives() -> None:
    """After a change of the table, `python docs/draw_states.py` is to be run."""
    assert draw_states.FILE.read_text(encoding="utf-8") == draw_states.svg()


def test_the_diagram_draws_each_allowed_transition_once_and_no_other() -> None:
    """Arrows at frames stand for several; together they are the table."""
    drawn = [pair for arrow in draw_states.arrows() for pair in draw_states.expanded(arrow)]
    allowed = {(before, after) for before, afters in TRANSITIONS.items() for after in afters}
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == allowed


def test_every_type_of_state_has_a_box() -> None:
    """A new type is not forgotten."""
    assert set(draw_states.AT) == set(table.StateType)


def test_the_page_tells_states_in_the_words_of_the_table() -> None:
    """The plain English at the head of the code stands on the page, word for word."""
    assert table.__doc__ is not None
    told = re.search(r"A run is born.*?RolledBack\.", table.__doc__, re.DOTALL)
    assert told is not None
    assert told[0] in shown(PAGE)


def test_the_page_lists_the_names_of_every_type_in_order() -> None:
    """The table of names is that of the code."""
    rows = re.findall(r"^\| ([A-Z]+) \| ([^|]+) \|", section(PAGE, "Names"), re.MULTILINE)
    assert {kind: tuple(names.split(", ")) for kind, names in ((k, n.strip()) for k, n in rows)} == {
        kind.value: names for kind, names in NAMES.items()
    }
