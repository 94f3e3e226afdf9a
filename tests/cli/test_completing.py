"""What the shell offers when somebody presses the tab key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace.exceptions import StoreError
from headrace.store.memory import MemoryStore

from .conftest import Cli
from .stories import ENDED, Stories

Complete = Callable[[str], list[str]]


@pytest.fixture
def complete(cli: Cli, stories: Stories, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Ask as bash does: words, and which of them is being typed."""
    first = stories.flow("ingest-Sunday", *ENDED)
    stories.flow("ingest-Monday", *ENDED)
    stories.flow("audit", *ENDED, flow_name="report")
    stories.task("insert-a", first, *ENDED, task_name="insert")

    def ask(line: str) -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_HEADRACE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        ended = cli()
        assert ended.err == ""
        return ended.out.split()

    return ask


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("headrace runs show in", ["ingest-Monday", "ingest-Sunday", "insert-a"]),
        ("headrace runs cancel in", ["ingest-Monday", "ingest-Sunday"]),
        ("headrace runs logs ingest-Sunday --level w", ["warning"]),
        ("headrace runs ls --state f", ["failed"]),
        ("headrace runs ls --state T", ["TimedOut"]),
        ("headrace runs ls --flow r", ["report"]),
        ("headrace runs ls --task i", ["insert"]),
        ("headrace config set HEADRACE_H", ["HEADRACE_HOME"]),
    ],
)
def test_what_was_begun_is_completed(complete: Complete, line: str, offered: list[str]) -> None:
    """The newest runs first, each name once."""
    assert complete(line) == offered


def test_ids_are_offered_after_eight_digits(complete: Complete, stories: Stories) -> None:
    """Before that they would bury the names."""
    (task,) = stories.store.task_runs()
    assert complete(f"headrace runs show {str(task.id)[:18]}") == [str(task.id)]
    assert complete(f"headrace runs show {str(task.id)[:6]}") == []


def test_limits_are_offered(complete: Complete, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one that exists is asked for."""
    cli("concurrency-limit", "create", "database", "3")
    assert complete("headrace concurrency-limit delete d") == ["database"]


def test_a_store_that_cannot_be_read_offers_nothing(complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    """A complaint would be typed into the line."""

    def broken(*_: object, **__: object) -> list[object]:
        raise StoreError("it is locked")

    monkeypatch.setattr(MemoryStore, "flow_runs", broken)
    monkeypatch.setattr(MemoryStore, "task_runs", broken)
    assert complete("headrace runs show in") == []
