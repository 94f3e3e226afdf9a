"""Drawing a timeline as markup: what is drawn, where, and never by colour alone."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.state_types import StateType
from headrace.core.timeline import Row, Segment
from headrace.pages.timeline import CHUNK, Axis, Mark, axis, bar, legend, timeline

PENDING, WAITING, RUNNING = StateType.PENDING, StateType.SCHEDULED, StateType.RUNNING


def made(*segments: Segment, name: str = "fetch-a", kind: str = "task", number: int = 1) -> Row:
    return Row(
        id=UUID(int=number),
        kind=kind,  # type: ignore[arg-type]
        name=name,
        definition="fetch",
        depth=0,
        state_type=StateType.COMPLETED,
        state_name="Completed",
        message=None,
        attempts=1,
        offset=0.0,
        duration=1.0,
        segments=segments,
    )


def shapes(drawn: str) -> list[str]:
    """Return what a bar consists of, by class, in the order in which it is painted."""
    return re.findall(r'<(?:line|rect|use) class="([\w -]+)"', drawn)


def test_attempts_are_painted_over_waits_and_marks_over_both() -> None:
    """So that none is hidden."""
    row = made(
        Segment(PENDING, "Pending", 0, 1),
        Segment(RUNNING, "Running", 1, 2, failing=True),
        Segment(WAITING, "AwaitingRetry", 2, 5),
        Segment(RUNNING, "Retrying", 5, 10),
    )
    drawn = bar(row, Axis(10), [Mark("fault", 1, 1), Mark("slot", 6, 7)])
    assert shapes(drawn) == [
        *("wait s-PENDING", "wait s-SCHEDULED", "attempt failing", "attempt"),
        *("held", "slot", "cross", "fault"),
    ]
    assert '<rect class="attempt" x="50%" y="7" width="50%" height="14"/>' in drawn
    assert '<line class="wait s-SCHEDULED" x1="20%" x2="50%"' in drawn


def test_an_attempt_that_took_no_time_is_drawn_all_the_same() -> None:
    """A width of nothing would leave nothing; a wait that took none is nothing to see."""
    row = made(Segment(PENDING, "Pending", 3, 3), Segment(RUNNING, "Running", 3, 3))
    drawn = bar(row, Axis(10))
    assert shapes(drawn) == ["attempt"]
    assert 'width="0.1"' in drawn


def test_each_kind_of_wait_is_drawn_in_its_own_way() -> None:
    """By a class of its own, whose dashes differ; the legend explains those that occur, and no others."""
    names = {
        "Pending": PENDING,
        "AwaitingRetry": WAITING,
        "AwaitingConcurrencySlot": WAITING,
        "Paused": StateType.PAUSED,
        "Cancelling": StateType.CANCELLING,
    }
    rows = [made(Segment(type_, name, 0, 1)) for name, type_ in names.items()]
    drawn = [shapes(bar(row, Axis(1)))[0] for row in rows]
    assert len(set(drawn)) == len(names)
    explained = re.findall(r"</svg>(.*?)</li>", legend(rows))
    assert explained == ["pending", "waits for a retry", "waits for a slot", "paused", "asked to stop"]


def test_a_row_says_what_its_bar_shows() -> None:
    """State, attempts, start and duration are text; names of users are escaped."""
    text = timeline([made(name="<b>")], Axis(1), lambda number, row: f"inside {number}")
    assert '<details class="run task d0" id="run-0">' in text
    assert "&lt;b&gt;</b> <small>fetch</small>" in text
    assert "Completed" in text
    assert "attempts: </span>1<" in text
    assert "inside 0" in text


def test_many_rows_are_laid_out_in_portions() -> None:
    """A browser need not look at those that are out of sight."""
    text = timeline([made(number=n) for n in range(CHUNK + 1)], Axis(1), lambda number, row: "")
    assert re.findall(r'class="(chunk[ \w]*)"', text) == ["chunk full", "chunk"]


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (0, ["0 s"]),
        (30, ["0 s", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]),
        (0.0042, ["0 s", "1 ms", "2 ms", "3 ms", "4 ms"]),
        (3700, ["0 s", "15m", "30m", "45m", "1h"]),
        (86_400 * 9, ["0 s", "2d", "4d", "6d", "8d"]),
    ],
)
def test_an_axis_has_round_ticks(span: float, labels: list[str]) -> None:
    """In the unit that fits."""
    assert [text for _, text in Axis(span).ticks()] == labels
    assert re.findall(r">([^<]+)</text>", axis(Axis(span))) == labels


@given(st.floats(min_value=1e-5, max_value=1e9))
def test_ticks_are_few_and_lie_on_the_axis(span: float) -> None:
    """Whatever its length."""
    places = [at for at, _ in Axis(span).ticks()]
    assert 1 <= len(places) <= 8
    assert all(0 <= at <= span * 1.000001 for at in places)


@given(st.floats(min_value=0, max_value=1e9), st.floats(min_value=-10, max_value=2e9))
def test_nothing_is_drawn_outside_the_axis(span: float, value: float) -> None:
    """What is said to be there is cut off."""
    assert 0 <= float(Axis(span).percent(value).removesuffix("%")) <= 100
