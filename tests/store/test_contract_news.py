"""What has happened since: on every store that a server can serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.store import memory, sql_runs
from headrace.store import news as news_module
from headrace.store.memory import MemoryStore
from headrace.store.news import Mark, News, mark_of
from headrace.store.sqlite import SqliteStore

from .making import CANCELLING, COMPLETED, FAILED, PENDING, RUNNING, at, enter, flow_run, record, task_run


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Each store that a server can serve."""
    opened: Any
    if request.param == "postgres":
        from headrace.store.postgres import PostgresStore

        opened = PostgresStore(request.getfixturevalue("postgres_url"), connections=4)
    else:
        opened = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "runs.db")
    yield opened
    opened.close()


def told(news: News) -> list[tuple[str, int, str]]:
    """Return what is told, shortly."""
    return [(change.run_name, change.position, change.state.name) for change in news.changes]


def test_what_happens_after_a_mark_is_told_once(store: Any) -> None:
    """Of runs that are new, and of those that were going on; in order of time."""
    old = record(store, flow_run("old"), PENDING, RUNNING)
    record(store, flow_run("ended"), PENDING, COMPLETED)
    mark = store.mark()
    assert told(store.news(mark)) == []
    new = record(store, task_run("new", flow_run_id=old.id), PENDING)
    store.transition(old, enter(old, FAILED, now=at(9)))
    store.transition(new, enter(new, RUNNING, COMPLETED, now=at(5)))
    first = store.news(mark)
    assert told(first) == [("new", 0, "Pending"), ("new", 1, "Running"), ("new", 2, "Completed"), ("old", 2, "Failed")]
    assert {change.flow_run_id for change in first.changes} == {old.id}
    assert told(store.news(first.mark)) == []


def test_everything_is_told_from_the_beginning(store: Any) -> None:
    """A part at a time, each state once."""
    names = [f"run-{number}" for number in range(7)]
    for name in names:
        record(store, task_run(name), PENDING, RUNNING)
    news, found = store.news(Mark(), most=3), list[Any]()
    while news.changes:
        found += told(news)
        news = store.news(news.mark, news.version, most=3)
    assert sorted(found) == [(name, *state) for name in names for state in ((0, "Pending"), (1, "Running"))]


def test_nothing_is_asked_while_nothing_happens(store: Any) -> None:
    """Where the store can tell; what then happens is told all the same."""
    run = record(store, flow_run("one"), PENDING)
    news = store.news(Mark())
    again = store.news(news.mark, news.version)
    assert (told(again), again.mark) == ([], news.mark)
    store.propose("flow", run.id, CANCELLING)
    assert told(store.news(again.mark, again.version)) == [("one", 1, "Cancelling")]


def test_a_mark_goes_through_a_text_and_is_good_for_another_process(store: Any) -> None:
    """Whatever is going on when it is taken."""
    runs = [record(store, task_run(f"run-{number}"), PENDING) for number in range(40)]
    mark = store.mark()
    assert mark_of(str(mark)) == mark
    assert len(str(mark)) < 200
    store.transition(runs[17], enter(runs[17], RUNNING))
    assert told(store.news(mark_of(str(mark)))) == [("run-17", 1, "Running")]


def test_a_run_that_is_deleted_is_told_of_no_more(store: Any) -> None:
    """And the next one is, though it may be given its number."""
    gone = record(store, flow_run("gone"), PENDING)
    mark = store.mark()
    store.delete("flow", gone.id)
    after = store.news(mark)
    assert told(after) == []
    record(store, flow_run("next"), PENDING)
    assert told(store.news(after.mark)) == [("next", 0, "Pending")]


def test_a_run_that_is_deleted_is_told_once(store: Any) -> None:
    """By whichever way; a flow run with its task runs. What belongs to a flow run says to which."""
    parent = record(store, flow_run("parent"), PENDING)
    child = record(store, flow_run("child", parent_flow_run_id=parent.id), PENDING)
    first, second, alone = (
        record(store, task_run(name, flow_run_id=within), PENDING)
        for name, within in (("first", parent.id), ("second", parent.id), ("alone", None))
    )
    news = store.news(Mark())
    assert news.deleted in ([], ())
    for kind, run in (("task", first), ("flow", child), ("task", alone), ("flow", parent)):
        assert store.delete(kind, run.id)
        assert not store.delete(kind, run.id)
    after = store.news(mark_of(str(news.mark)), news.version)
    assert list(after.deleted) == [
        ("task", first.id, parent.id),
        ("flow", child.id, parent.id),
        ("task", alone.id, None),
        ("flow", parent.id, parent.id),
    ]
    assert not store.delete("task", second.id)
    assert list(store.news(after.mark).deleted) == []
    assert list(store.news(store.mark()).deleted) == []
    assert list(store.news(Mark(deleted=99)).deleted) == []


def test_a_run_that_takes_the_number_of_a_deleted_one_is_told(store: Any) -> None:
    """Though nobody has looked in between, and however much goes on; what was told before is not told again."""
    kept = record(store, flow_run("kept"), PENDING)
    gone = record(store, flow_run("gone"), PENDING, RUNNING)
    tasks = [record(store, task_run(name, flow_run_id=gone.id), PENDING) for name in ("a", "b")]
    mark = store.news(Mark()).mark
    store.delete("flow", gone.id)
    record(store, flow_run("next"), PENDING, RUNNING, FAILED)
    again = record(store, task_run("c"), PENDING)
    store.transition(kept, enter(kept, RUNNING))
    news = store.news(mark)
    assert sorted(told(news)) == [
        *[("c", 0, "Pending"), ("kept", 1, "Running")],
        *[("next", 0, "Pending"), ("next", 1, "Running"), ("next", 2, "Failed")],
    ]
    assert [one.run_id for one in news.deleted] == [gone.id]
    assert not store.delete("task", tasks[0].id)
    store.transition(again, enter(again, RUNNING))
    assert told(store.news(news.mark)) == [("c", 1, "Running")]


def test_the_last_deletions_are_remembered(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many, and not for ever; numbers go on."""
    for module in (memory, sql_runs):
        monkeypatch.setattr(module, "MOST_DELETED", 3)
    store = MemoryStore() if isinstance(store, MemoryStore) else store
    runs = [record(store, task_run(f"run-{number}"), PENDING) for number in range(5)]
    for run in runs:
        store.delete("task", run.id)
    news = store.news(Mark())
    assert [gone.run_id for gone in news.deleted] == [run.id for run in runs[2:]]
    assert news.mark.deleted == store.mark().deleted == 5


def test_deletions_come_a_part_at_a_time(store: Any) -> None:
    """As runs do."""
    runs = [record(store, task_run(f"run-{number}"), PENDING) for number in range(5)]
    for run in runs:
        store.delete("task", run.id)
    news, found = store.news(Mark(), most=2), list[Any]()
    while news.deleted:
        found += [gone.run_id for gone in news.deleted]
        news = store.news(news.mark, news.version, most=2)
    assert found == [run.id for run in runs]


def test_a_mark_names_no_more_than_it_can(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of very many runs that go on, the oldest are left out."""
    monkeypatch.setattr(news_module, "_MOST", 3)
    for number in range(5):
        record(store, task_run(f"run-{number}"), PENDING)
    assert len(store.news(Mark()).mark.task.going_on) == 3


def test_a_run_that_is_seen_late_is_told(postgres_url: str) -> None:
    """Where many write, one with a lower number may be committed after one with a higher."""
    from headrace.store.postgres import PostgresStore

    store = PostgresStore(postgres_url, connections=4)
    record(store, task_run("first"), PENDING)
    mark = store.mark()
    late = task_run("late")
    states = enter(late, PENDING)
    store._names.state(store._link.apart, states[0])

    def hold(execute: Any) -> None:
        store.create_within(execute, late, states)
        record(store, task_run("quick"), PENDING)  # by another connection, while ours is not committed

    inside: list[News] = []

    def work(execute: Any) -> None:
        hold(execute)
        inside.append(store.news(mark))

    store._link.write(work)
    assert told(inside[0]) == [("quick", 0, "Pending")]
    assert told(store.news(inside[0].mark)) == [("late", 0, "Pending")]
    store.close()


@pytest.mark.parametrize("text", ["", "x", "!!!", "eJyrVkrLz1eyUlBKSixSqgUAHXoE1w", str(Mark())[:-3]])
def test_what_is_no_mark_is_refused(text: str) -> None:
    """With what to send instead."""
    with pytest.raises(ValueError, match="is no place in the feed: send the id of an event"):
        mark_of(text)
