"""Opening a file: what is made, what is accepted, what is refused, and that strangers are never altered."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from headrace.exceptions import (
    NotAStore,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
)
from headrace.store import migrations
from headrace.store.migrations import APPLICATION_ID, MIGRATIONS, NEWEST, Migration
from headrace.store.sqlite import SqliteStore

from .making import COMPLETED, PENDING, RUNNING, enter, flow_run, names, record, task_run

NOBODY = 65534


def digest(path: Path) -> str:
    """Return a fingerprint of a file and of all that lies beside it."""
    whole = hashlib.sha256()
    for file in sorted(path.parent.iterdir()):
        whole.update(file.name.encode() + file.read_bytes())
    return whole.hexdigest()


def refused(path: Path, error: type[StoreError], match: str) -> None:
    """Open a file, which must be refused with its path in the message, and left alone."""
    before = digest(path) if path.is_file() else ""
    store = SqliteStore(path)
    for _ in range(2):
        with pytest.raises(error, match=match) as caught:
            record(store, flow_run())
        assert str(path) in str(caught.value)
    store.close()
    assert not path.is_file() or digest(path) == before


def asked(path: Path, sql: str) -> list[object]:
    """Return the first column of what a statement finds in a file."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(sql)]


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    """A store that is not used leaves no file and no folder."""
    store = SqliteStore(tmp_path / "deep" / "runs.db")
    assert store.location == str(tmp_path / "deep" / "runs.db")
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_is_made_with_its_folders(tmp_path: Path) -> None:
    """It says whose it is, which version it has, and what was applied."""
    path = tmp_path / "a" / "b" / "runs.db"
    store = SqliteStore(path)
    record(store, flow_run())
    store.close()
    assert asked(path, "PRAGMA application_id") == [APPLICATION_ID]
    assert asked(path, "PRAGMA user_version") == [NEWEST]
    assert asked(path, "PRAGMA journal_mode") == ["wal"]
    assert asked(path, "SELECT version FROM migrations") == list(range(1, NEWEST + 1))
    assert asked(path, "PRAGMA integrity_check") == ["ok"]


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    """As `mktemp` and `NamedTemporaryFile` leave one."""
    path = tmp_path / "runs.db"
    path.touch()
    store = SqliteStore(path)
    record(store, flow_run())
    store.close()
    assert asked(path, "PRAGMA user_version") == [NEWEST]


def test_what_was_written_is_read_by_the_next_process(tmp_path: Path) -> None:
    """Another store on the same path goes on where the first ended."""
    path = tmp_path / "runs.db"
    first = SqliteStore(path)
    run = record(first, task_run(), PENDING, RUNNING)
    first.close()
    second = SqliteStore(str(path))
    assert second.transition(run, enter(run, COMPLETED)) is None
    assert names(second.history(run.id)) == ["Pending", "Running", "Completed"]
    second.close()


def test_a_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Going to another folder later does not move the store."""
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("runs.db")
    monkeypatch.chdir("/")
    record(store, flow_run())
    store.close()
    assert (tmp_path / "runs.db").exists()


@pytest.mark.parametrize("content", [b"x", b"hello, world\n" * 100, b"SQLite format 4\x00" + bytes(200), bytes(4096)])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """Text, zeros, something that begins alike."""
    path = tmp_path / "runs.db"
    path.write_bytes(content)
    refused(path, NotAStore, "not an SQLite database")


def foreign(connection: sqlite3.Connection) -> None:
    """Fill the database of another application."""
    connection.execute("CREATE TABLE theirs (x)")
    connection.execute("INSERT INTO theirs VALUES (1)")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()


def test_the_database_of_another_application_is_refused(tmp_path: Path) -> None:
    """It is told by its application_id, whatever its version."""
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as connection:
        foreign(connection)
    refused(path, NotAStore, "another application")


def test_a_foreign_database_in_use_is_not_touched(tmp_path: Path) -> None:
    """Not even its log is folded in, which SQLite does when it opens a file."""
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        foreign(connection)
        assert (tmp_path / "runs.db-wal").stat().st_size > 0
        refused(path, NotAStore, "another application")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """It is not read, which would wait for ever."""
    os.mkfifo(tmp_path / "runs.db")
    refused(tmp_path / "runs.db", NotAStore, "no ordinary file")


def test_a_store_that_was_cut_off_at_once_is_told(tmp_path: Path) -> None:
    """It is ours, and damaged; not somebody else's."""
    path = made(tmp_path)
    os.truncate(path, 50)
    refused(path, StoreError, "it ends after 50 bytes")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder is no file."""
    refused(tmp_path, NotAStore, "folder")


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path) -> None:
    """The parent of the path is a file."""
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "runs.db", StoreError, "can't be opened")


def test_a_store_of_a_later_release_is_refused(tmp_path: Path) -> None:
    """With its version, and what to do."""
    path = made(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {NEWEST + 1}")
    refused_softly(path, StoreTooNew, f"version {NEWEST + 1}.*up to {NEWEST}.*Upgrade")


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    """The message speaks of damage and of what may still be done."""
    path = made(tmp_path)
    whole = bytearray(path.read_bytes())
    whole[100:] = b"\xff" * (len(whole) - 100)
    path.write_bytes(whole)
    refused_softly(path, StoreError, "damaged|malformed|can't be used")


def made(folder: Path) -> Path:
    """Return the path of a store with one run in it."""
    path = folder / "runs.db"
    store = SqliteStore(path)
    record(store, flow_run())
    store.close()
    return path


def refused_softly(path: Path, error: type[StoreError], match: str) -> None:
    """Open a file of ours that must be refused."""
    store = SqliteStore(path)
    with pytest.raises(error, match=match) as caught:
        record(store, flow_run())
    assert str(path) in str(caught.value)
    store.close()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be nobody for a while, for root may write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that nobody, too, may look into."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        if folder.owner() == tmp_path.owner() and folder.name.startswith(("pytest", "test")):
            folder.chmod(0o755)
    return tmp_path


def test_a_file_that_may_not_be_written_is_told(open_folder: Path) -> None:
    """Its permissions are named as the reason."""
    path = made(open_folder)
    path.chmod(0o444)
    with unprivileged():
        refused_softly(path, StoreReadOnly, "may not be written")


def test_a_folder_that_may_not_be_written_is_told(open_folder: Path) -> None:
    """For a new file, and for one that needs its log beside it."""
    folder = open_folder / "closed"
    folder.mkdir()
    path = made(folder)
    path.chmod(0o666)
    folder.chmod(0o555)
    with unprivileged():
        refused_softly(path, StoreReadOnly, "folder writable")
        refused_softly(folder / "other.db", StoreReadOnly, "folder writable")
        refused_softly(folder / "deep" / "other.db", StoreReadOnly, "folder writable")
    folder.chmod(0o755)


def test_a_store_that_another_process_holds_is_told(tmp_path: Path) -> None:
    """After the time-out, and it works again when the other has let go."""
    path = made(tmp_path)
    store = SqliteStore(path, busy_seconds=0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="held by another process") as caught:
            record(store, flow_run())
        assert str(path) in str(caught.value)
        assert store.count("flow") == 1
    record(store, flow_run())
    assert store.count("flow") == 2
    store.close()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_store_that_is_taken_away_under_a_run_is_told(tmp_path: Path, how: str) -> None:
    """Once it was looked whether somebody wants the run cancelled; what is there now is left alone."""
    path = made(tmp_path)
    store = SqliteStore(path)
    run = record(store, flow_run(), PENDING, RUNNING)
    elsewhere = path.rename(tmp_path / "elsewhere.db")
    if how == "replaced":
        path.write_text("a letter")
    for _ in range(2):
        with pytest.raises(StoreError, match="deleted, moved or replaced while it was in use"):
            store.current_states([run.id])
    with pytest.raises(StoreError, match="Put it back, or start again"):
        store.transition(run, run_states := enter(run, COMPLETED))
    assert path.exists() == (how == "replaced")
    assert how == "deleted" or path.read_text() == "a letter"
    elsewhere.rename(path)
    assert store.transition(run, run_states) is None
    assert store.flow_run(run.id).state_name == "Completed"
    store.close()


class _Full:
    """Stands in for a cursor's `execute`: the first COMMIT finds no room."""

    def __init__(self, execute: Callable[..., object]) -> None:
        self.execute = execute
        self.asked: list[str] = []

    def __call__(self, sql: str, parameters: object = ()) -> object:
        self.asked.append(sql)
        if sql == "COMMIT" and self.asked.count(sql) == 1:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self.execute(sql, parameters)


def test_where_there_is_no_room_the_log_is_folded_in_first(tmp_path: Path) -> None:
    """It is tried once more then: the log begins anew within the room that it has."""
    store = SqliteStore(tmp_path / "runs.db")
    run = record(store, flow_run(), PENDING, RUNNING)
    link = store._link
    link._execute = full = _Full(link._ready())  # type: ignore[assignment]
    assert store.transition(run, enter(run, COMPLETED)) is None
    assert "PRAGMA wal_checkpoint(PASSIVE)" in full.asked
    assert [state.name for state in store.history(run.id)] == ["Pending", "Running", "Completed"]
    store.close()


def fill(store: SqliteStore) -> None:
    """Write until something is raised."""
    while True:
        record(store, task_run("x" * 1000), PENDING, RUNNING)


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    """SQLite is told here that there are no pages left."""
    store = SqliteStore(tmp_path / "runs.db")
    run = record(store, task_run(), PENDING, RUNNING)
    pages = store._link.read("PRAGMA page_count")[0][0]
    store._link.read(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFull, match="no room left"):
        fill(store)
    written = store.count("task")
    assert all(len(store.history(run.id)) == 2 for run in store.task_runs())
    store._link.read("PRAGMA max_page_count = 100000")
    assert store.transition(run, enter(run, COMPLETED)) is None
    assert store.count("task") == written
    store.close()


# migrations ----------------------------------------------------------------------------------------------

SECOND = Migration("a second step", ("CREATE TABLE second (x)", "INSERT INTO second SELECT id FROM flow_run"))


@pytest.fixture
def second_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[Migration], None]:
    """A release with one migration more."""

    def release(step: Migration) -> None:
        monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, step))
        monkeypatch.setattr(migrations, "NEWEST", NEWEST + 1)

    return release


def test_an_older_store_is_brought_up_to_date(tmp_path: Path, second_step: Callable[[Migration], None]) -> None:
    """Once; what was in it stays, and the step leaves its record."""
    path = made(tmp_path)
    second_step(SECOND)
    for _ in range(2):
        store = SqliteStore(path)
        assert store.count("flow") == 1
        store.close()
    assert len(asked(path, "SELECT x FROM second")) == 1
    assert asked(path, "SELECT name FROM migrations")[-1] == "a second step"
    assert asked(path, "PRAGMA user_version") == [NEWEST + 1]


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    tmp_path: Path, second_step: Callable[[Migration], None]
) -> None:
    """Its first statements too are undone, and it is tried again when opened again."""
    path = made(tmp_path)
    second_step(Migration("broken", ("CREATE TABLE second (x)", "INSERT INTO nowhere VALUES (1)")))
    refused_softly(path, StoreError, "nowhere")
    assert asked(path, "PRAGMA user_version") == [NEWEST]
    assert asked(path, "SELECT count(*) FROM sqlite_master WHERE name = 'second'") == [0]
    second_step(SECOND)
    store = SqliteStore(path)
    assert store.count("flow") == 1
    store.close()


def test_an_interrupted_beginning_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while the first tables are made leaves an empty file."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "__version__", None)  # applied_by must not be NULL: the last statement fails
        with pytest.raises(StoreError, match="applied_by"):
            store.count("flow")
        patch.setattr(migrations, "_apply", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.count("flow")
    assert path.stat().st_size == 0
    record(store, flow_run())
    assert store.count("flow") == 1
    store.close()
