"""What every store promises of logs."""

from __future__ import annotations

import logging

import pytest

from headrace.store.protocol import LogFilter, LogRecord, Store

from .making import T0, at, flow_run, new_id, record, task_run


def line(message: str, seconds: float = 0, level: int = logging.INFO, **runs: object) -> LogRecord:
    """Return a line of a log."""
    return LogRecord(at(seconds), level, message, "headrace.flow_runs", **runs)


def messages(store: Store, where: LogFilter, **part: int) -> list[str]:
    """Return the messages that are found."""
    return [found.message for found in store.logs(where, **part)]


def test_a_line_is_read_as_it_was_written(store: Store) -> None:
    """Every field comes back."""
    written = LogRecord(at(0.000001), 35, "über\nall", "my.logger", new_id(), new_id())
    store.append_logs([written])
    assert store.logs(LogFilter()) == [written]


def test_lines_come_in_order_of_time_and_then_of_arrival(store: Store) -> None:
    """Lines of the same moment stay in the order in which they came."""
    store.append_logs([line("c", 2), line("a", 1), line("b", 1)])
    store.append_logs([line("first", 0), line("last", 2)])
    assert messages(store, LogFilter()) == ["first", "a", "b", "c", "last"]
    assert messages(store, LogFilter(), limit=2, offset=1) == ["a", "b"]
    assert messages(store, LogFilter(), offset=3) == ["c", "last"]
    assert messages(store, LogFilter(), limit=0) == []
    assert store.count_logs(LogFilter()) == 5
    assert store.count_logs(LogFilter(text="LAST")) == 1


def test_lines_of_a_flow_run_include_those_of_its_task_runs(store: Store) -> None:
    """Whether they name the flow run or not."""
    flow = record(store, flow_run())
    task, stranger = record(store, task_run(flow_run_id=flow.id)), record(store, task_run())
    store.append_logs(
        [
            line("flow", flow_run_id=flow.id),
            line("both", flow_run_id=flow.id, task_run_id=task.id),
            line("task", task_run_id=task.id),
            line("stranger", task_run_id=stranger.id),
            line("nobody"),
        ]
    )
    assert messages(store, LogFilter(flow_run_id=flow.id)) == ["flow", "both", "task"]
    assert messages(store, LogFilter(task_run_id=task.id)) == ["both", "task"]
    assert messages(store, LogFilter(flow_run_id=flow.id, task_run_id=stranger.id)) == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (LogFilter(min_level=logging.WARNING), ["Odd 100%", "bad"]),
        (LogFilter(min_level=logging.ERROR), ["bad"]),
        (LogFilter(text="ODD"), ["Odd 100%"]),
        (LogFilter(text="0%"), ["Odd 100%"]),
        (LogFilter(text="%"), ["Odd 100%"]),
        (LogFilter(text="?"), ["why?"]),
        (LogFilter(text="d", min_level=logging.ERROR), ["bad"]),
    ],
)
def test_lines_are_found_by(store: Store, where: LogFilter, expected: list[str]) -> None:
    """The level is inclusive, the text a part of the message and never a pattern."""
    store.append_logs([line("why?"), line("Odd 100%", 1, logging.WARNING), line("bad", 2, logging.ERROR)])
    assert messages(store, where) == expected


def test_appending_nothing_is_nothing(store: Store) -> None:
    """No line, no error."""
    store.append_logs([])
    assert store.logs(LogFilter()) == []


def test_a_line_may_come_before_its_run(store: Store) -> None:
    """Logs are not refused for runs that the store does not know."""
    task = task_run()
    store.append_logs([LogRecord(T0, 20, "early", "log", None, task.id)])
    record(store, task)
    assert messages(store, LogFilter(task_run_id=task.id)) == ["early"]
    assert store.delete("task", task.id)
    assert messages(store, LogFilter()) == []
