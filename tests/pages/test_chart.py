"""The timeline of one run as a tree, with what depends on what as arrows."""

from __future__ import annotations

import re
from uuid import UUID

from headrace.core.state_types import StateType
from headrace.core.timeline import Row
from headrace.pages import arrows as arrows_module
from headrace.pages.arrows import HEIGHT, arrows
from headrace.pages.chart import chart
from headrace.pages.forest import forest
from headrace.pages.timeline import Axis

COMPLETED, FAILED = StateType.COMPLETED, StateType.FAILED


def row(
    number: int, depth: int = 1, kind: str = "task", state: StateType = COMPLETED, after: tuple[int, ...] = ()
) -> Row:
    """Return the row of a run that begins at its number and takes a second."""
    return Row(
        id=UUID(int=number + 1),
        kind=kind,  # type: ignore[arg-type]
        name=f"run-{number}",
        definition="run",
        depth=depth,
        state_type=state,
        state_name=state.capitalize(),
        message=None,
        attempts=1,
        offset=float(number),
        duration=1.0,
        segments=(),
        upstream=tuple(UUID(int=one + 1) for one in after),
    )


def drawn(*rows: Row) -> list[tuple[str, str, str]]:
    """Return the arrows between rows: from which, to which, and at which height they end; "none" where not seen."""
    text = arrows(forest(rows), Axis(10))
    pattern = r'<g data-from="(\d+)" data-to="(\d+)"( display="none")?>.*?<use href="#tip" x="[\d.]+%" y="(\d+)"'
    found = re.findall(pattern, text)
    return [(before, after, "none" if hidden else y) for before, after, hidden, y in found]


def test_what_a_subflow_started_lies_within_it() -> None:
    """And what the run of the page started, beside it."""
    top = forest([row(0, 0, "flow"), row(1), row(2, 1, "flow"), row(3, 2, "flow"), row(4, 3), row(5)])
    assert [node.number for node in top] == [0, 1, 2, 5]
    assert [node.number for node in top[2].within] == [3]
    assert [node.number for node in top[2].within[0].within] == [4]


def test_of_many_rows_only_subflows_that_did_not_complete_are_open_at_first() -> None:
    """Of few, all."""
    few = [row(0, 0, "flow"), row(1, 1, "flow"), row(2, 2), row(3, 1, "flow", FAILED), row(4, 2)]
    many = few + [row(n) for n in range(5, 80)]
    assert [node.opened for node in forest(few) if node.within] == [True, True]
    assert [node.opened for node in forest(many) if node.within] == [False, True]
    assert [bool(one) for one in re.findall(r"<details [^>]*?( open)?>", chart(many, lambda row: "/"))] == [False, True]


def test_an_arrow_goes_from_the_end_of_one_bar_to_the_beginning_of_the_other() -> None:
    """Down, then across, to the middle of the row."""
    text = arrows(forest([row(0, 0, "flow"), row(1), row(2), row(4, after=(1,))]), Axis(10))
    assert '<line x1="20%" x2="20%" y1="55" y2="112"/><line x1="20%" x2="40%" y1="112" y2="112"/>' in text
    assert f'height="{4 * HEIGHT}"' in text
    assert '<use href="#tip" x="40%" y="112"/>' in text


def test_a_row_that_is_folded_into_another_is_stood_for_by_it() -> None:
    """Arrows within what is folded are there, for when it is opened, and not seen."""
    rows = [row(0, 0, "flow"), row(1), row(2, 1, "flow"), row(3, 2, after=(1,)), row(4, 2, after=(3,))]
    rows.append(row(5, after=(2, 4)))
    assert drawn(*rows) == [("1", "3", "112"), ("3", "4", "144"), ("2", "5", "176"), ("4", "5", "176")]
    many = [row(n) for n in range(6, 80)]
    assert drawn(*rows, *many) == [("1", "3", "80"), ("3", "4", "none"), ("2", "5", "112"), ("4", "5", "112")]


def test_what_depends_on_runs_that_have_no_row_has_no_arrow() -> None:
    """Nor does a run depend on itself; without arrows there is no drawing."""
    assert arrows(forest([row(0, 0, "flow"), row(1, after=(1, 77))]), Axis(10)) == ""


def test_arrows_are_bounded() -> None:
    """So that a run of very many can be looked at."""
    rows = [row(0, 0, "flow"), *(row(n, after=tuple(range(1, n))) for n in range(1, 90))]
    assert len(drawn(*rows)) == arrows_module.MOST


def test_names_lead_to_their_pages_and_are_text() -> None:
    """Whatever runs are called."""
    text = chart([row(0, 0, "flow")], lambda row: f"/runs?a=1&b={row.id}")
    assert f'<a href="/runs?a=1&amp;b={UUID(int=1)}"><b>run-0</b></a>' in text
