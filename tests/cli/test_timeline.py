"""The timeline: its rows, and how they are drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.timeline import Row, cell_width, fit, lines, one_line, render, rows, seconds_text
from headrace.store.memory import MemoryStore

from .stories import ENDED, Stories, at

RETRIED = (
    (0, "Pending"),
    (0, "Running"),
    (0, "AwaitingRetry"),
    (10, "Retrying"),
    (10, "AwaitingRetry"),
    (30, "Retrying"),
    (30, "Completed"),
)


@pytest.fixture
def told() -> Stories:
    return Stories(MemoryStore())


def test_a_row_tells_the_run_its_attempts_and_its_times(told: Stories) -> None:
    """Offset is the first attempt, duration goes to the end with all waits."""
    flow = told.flow(
        "ingest", (0, "Pending"), (2, "Running"), (4, "AwaitingRetry"), (8, "Retrying"), (9, "Failed", "no")
    )
    (row,) = rows(flow, histories=told.histories)
    assert (row.name, row.kind, row.depth, row.state_name, row.message) == (
        "ingest",
        "flow",
        0,
        "Failed",
        "no",
    )
    assert (row.attempts, row.offset, row.duration) == (2, 2.0, 7.0)
    assert [(s.name, s.start, s.end, s.failing) for s in row.segments] == [
        ("Pending", 0, 2, False),
        ("Running", 2, 4, True),
        ("AwaitingRetry", 4, 8, False),
        ("Retrying", 8, 9, True),
    ]


def test_subflows_stand_in_the_place_of_their_task_runs_with_their_own_below(told: Stories) -> None:
    """One row for a subflow, not two, and its task runs a step further in."""
    parent = told.flow("parent", (0, "Pending"), (0, "Running"), (9, "Completed"))
    first = told.task("first", parent, (1, "Pending"), (1, "Running"), (2, "Completed"))
    child = told.flow("child", (3, "Pending"), (3, "Running"), (8, "Completed"), parent_flow_run_id=parent.id)
    stands = told.task("child-0", parent, (3, "Pending"), (3, "Running"), (8, "Completed"), child_flow_run_id=child.id)
    inner = told.task("inner", child, (4, "Pending"), (5, "Running"), (8, "Completed"))
    found = rows(parent, [inner, stands, first], [child], told.histories)
    assert [(row.name, row.depth, row.kind) for row in found] == [
        ("parent", 0, "flow"),
        ("first", 1, "task"),
        ("child", 1, "flow"),
        ("inner", 2, "task"),
    ]


def test_a_run_that_goes_on_reaches_to_now(told: Stories) -> None:
    """The axis ends at `until`, and so does the bar of what has not ended."""
    flow = told.flow("ingest", (0, "Pending"), (1, "Running"))
    (row,) = rows(flow, histories=told.histories, until=at(11))
    assert (row.duration, row.segments[-1].end) == (10.0, 11.0)


def test_a_run_without_a_history_has_a_row_without_a_bar(told: Stories) -> None:
    """What the store no longer tells is not made up."""
    flow = told.flow("ingest", *ENDED)
    (row,) = rows(flow)
    assert (row.segments, row.state_name) == ((), "Completed")


def test_it_is_drawn_with_columns_bars_and_a_legend(told: Stories) -> None:
    """The whole picture, once."""
    flow = told.flow("ingest", (0, "Pending"), (0, "Running"), (40, "Failed", "1/2 states failed."))
    tasks = [
        told.task("fetch-a", flow, *RETRIED),
        told.task("fetch-b", flow, (0, "Pending"), (20, "Running"), (40, "Failed")),
        told.task("store", flow, (0, "Pending"), (20, "NotReady")),
    ]
    assert render(rows(flow, tasks, histories=told.histories), 70).splitlines() == [
        "run        state        attempts  start  took  0──────────────────40 s",
        "ingest     ✗ Failed            1    0 s  40 s  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓",
        "  fetch-a  ✓ Completed         3    0 s  30 s  ▓╌╌╌╌▓╌╌╌╌╌╌╌╌╌╌╌█",
        "  fetch-b  ✗ Failed            1   20 s  20 s  ···········▓▓▓▓▓▓▓▓▓▓▓▓",
        "  store    ○ NotReady          0      –     –  ···········",
        "· pending   ╌ waiting   ▓ failed attempt   █ running",
    ]


def test_columns_are_left_out_where_there_is_no_room(told: Stories) -> None:
    """Attempts first, then when it began and how long it took; the legend takes more lines."""
    flow = told.flow("ingest", (0, "Pending"), (0, "Running"), (40, "Failed", "1/2 states failed."))
    tasks = [told.task("fetch-a", flow, *RETRIED)]
    assert render(rows(flow, tasks, histories=told.histories), 40).splitlines() == [
        "run        state        took  0─────40 s",
        "ingest     ✗ Failed     40 s  ▓▓▓▓▓▓▓▓▓▓",
        "  fetch-a  ✓ Completed  30 s  ▓╌▓╌╌╌╌█",
        "╌ waiting   ▓ failed attempt   █ running",
    ]
    assert render(rows(flow, tasks, histories=told.histories), 34).splitlines() == [
        "run        state        0─────40 s",
        "ingest     ✗ Failed     ▓▓▓▓▓▓▓▓▓▓",
        "  fetch-a  ✓ Completed  ▓╌▓╌╌╌╌█",
        "╌ waiting   ▓ failed attempt",
        "█ running",
    ]


def test_attempts_that_took_no_time_are_still_seen(told: Stories) -> None:
    """On a virtual clock most do not."""
    flow = told.flow("ingest", *RETRIED)
    drawn = render(rows(flow, histories=told.histories), 80)
    assert [drawn.count(cell) for cell in ("▓", "█")] == [2 + 1, 1 + 1]  # one of each is the legend's


def test_a_timeline_of_no_time_at_all_is_drawn(told: Stories) -> None:
    """An axis of zero seconds divides nothing by zero."""
    flow = told.flow("ingest", (0, "Pending"), (0, "Running"), (0, "Completed"))
    assert "█" in render(rows(flow, histories=told.histories), 60)
    assert render([], 60) == ""


names = st.text(max_size=60)
steps = st.lists(st.floats(0, 1e6), min_size=3, max_size=3).map(sorted)


@given(st.lists(st.tuples(names, steps), min_size=1, max_size=6), st.integers(20, 200))
def test_no_line_is_wider_than_asked_for(runs: list[tuple[str, list[float]]], width: int) -> None:
    """Whatever the names hold: columns are left out, down to the run, its state and its bar."""
    told = Stories(MemoryStore())
    flow = told.flow("ingest", *ENDED)
    tasks = [
        told.task(name, flow, (one, "Pending"), (two, "Running"), (three, "Failed")) for name, (one, two, three) in runs
    ]
    drawn = lines(rows(flow, tasks, histories=told.histories), width)
    assert all(cell_width("".join(text for text, _ in line)) <= max(width, 34) for line in drawn)
    assert all("\n" not in text and "\x1b" not in text for line in drawn for text, _ in line)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.000002, "0 s"),
        (0.0004, "0.4 ms"),
        (0.25, "250 ms"),
        (0.9999, "1 s"),
        (3.2149, "3.21 s"),
        (59.97, "1m 00s"),
        (125, "2m 05s"),
        (3599.7, "1h 00m"),
        (3720, "1h 02m"),
        (90000, "1d 01h"),
    ],
)
def test_durations_are_written_for_people(seconds: float | None, text: str) -> None:
    """Three digits, or two units."""
    assert seconds_text(seconds) == text


def test_wide_characters_take_two_columns_and_control_characters_none() -> None:
    """Tables stay tables, and a run's name can't write to the terminal."""
    assert fit("日本語", 5) == "日本…"
    assert fit("ab", 4, right=True) == "  ab"
    assert one_line("a\nb\x1b[31m") == "a·b·[31m"


def test_rows_are_values(told: Stories) -> None:
    """Two tellings of the same runs are equal."""
    flow = told.flow("ingest", *ENDED)
    first, second = (rows(flow, histories=told.histories) for _ in range(2))
    assert first == second
    assert isinstance(first[0], Row)
