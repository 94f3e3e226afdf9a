"""Results that outlive the process that made them."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, get_client, task
from headrace.cache_policies import INPUTS
from headrace.drive.world import World, current_world, use_world
from headrace.exceptions import FailedRun, MissingResult
from headrace.filesystems import LocalFileSystem, MemoryFileSystem
from headrace.keeping.shelf import RECENT, Recent
from headrace.results import ResultStore, get_default_result_storage
from headrace.settings import temporary_settings
from headrace.store.sqlite import SqliteStore
from headrace.task_runners import ProcessPoolTaskRunner
from tests.runs.making import both, call, make_task, of_kind, run_task_in_flow


def stored(path: Path, run: Callable[[], Any], state_of: bool | None = None) -> Any:
    """Run in one world, and return the result of the last task run as another world on the same file reads it.

    With `state_of` return its state instead, or, where that is True, that of the last flow run.
    """
    with temporary_settings({"results_local_storage_path": path / "storage"}):
        with use_world(World(lambda: SqliteStore(path / "runs.db")), everywhere=True) as world:
            run()
            world.close()
        with use_world(World(lambda: SqliteStore(path / "runs.db")), everywhere=True) as world:
            try:
                state: Any = (world.store.flow_runs() if state_of else world.store.task_runs())[-1].state
                return state.result() if state_of is None else state
            finally:
                world.close()


def reread(path: Path, read: Callable[[], Any]) -> Any:
    """Read a result in a world of its own."""
    with (
        temporary_settings({"results_local_storage_path": path / "storage"}),
        use_world(World(lambda: SqliteStore(path / "runs.db")), everywhere=True),
    ):
        return read()


@both
def test_a_persisted_result_is_read_by_another_process(kind: str, tmp_path: Path) -> None:
    """From the state in the store, by .result()."""
    big = make_task(kind, lambda: {"a": [1, 2]}, persist_result=True, name="big")
    assert stored(tmp_path, lambda: call(kind, big)) == {"a": [1, 2]}


@pytest.mark.parametrize("of_flow", [True, False], ids=["flow", "task"])
@both
def test_what_a_run_raised_is_raised_elsewhere_too(kind: str, of_flow: bool, tmp_path: Path) -> None:
    """Where results are kept, the exception of a run that failed is one."""

    def body() -> None:
        raise KeyError("lost")

    decorate: Any = flow if of_flow else task
    failing = decorate(persist_result=True, retries=1, name="failing")(of_kind(kind, body))
    state = stored(tmp_path, lambda: call(kind, failing, return_state=True), state_of=of_flow)
    assert state.message == f"{'Flow' if of_flow else 'Task'} run encountered an exception: KeyError: 'lost'"
    assert len(list((tmp_path / "storage").iterdir())) == 1
    again = reread(tmp_path, lambda: state.result(raise_on_failure=False))
    assert isinstance(again, KeyError)
    with pytest.raises(KeyError, match="lost"):
        reread(tmp_path, state.result)


def test_an_exception_whose_file_is_gone_is_told_by_its_message(tmp_path: Path) -> None:
    """What happened is in the history all the same."""

    @task(persist_result=True)
    def failing() -> None:
        raise KeyError("lost")

    state = stored(tmp_path, lambda: failing(return_state=True), state_of=False)
    shutil.rmtree(tmp_path / "storage")
    with pytest.raises(FailedRun, match="KeyError: 'lost'"):
        reread(tmp_path, state.result)


def test_a_failure_that_is_kept_stands_in_for_no_other_run() -> None:
    """It is kept, and not cached."""
    calls: list[int] = []

    @task(cache_policy=INPUTS)
    def failing(x: int) -> None:
        calls.append(x)
        raise ValueError("boom")

    failing(1, return_state=True)
    failing(1, return_state=True)
    assert calls == [1, 1]


@both
def test_a_result_that_was_not_persisted_is_missing_elsewhere(kind: str, tmp_path: Path) -> None:
    """And the error says what to do."""
    plain = make_task(kind, lambda: 3, name="plain")
    with pytest.raises(MissingResult, match="persist_result=True"):
        stored(tmp_path, lambda: call(kind, plain))


def test_a_result_whose_file_is_gone_is_missing(tmp_path: Path) -> None:
    """The error names the key."""

    @task(persist_result=True, result_storage_key="mine")
    def plain() -> int:
        return 3

    def run_and_delete() -> None:
        plain()
        (tmp_path / "storage" / "mine").unlink()

    with pytest.raises(MissingResult, match="'mine'"):
        stored(tmp_path, run_and_delete)


def test_the_persisted_result_of_a_flow_is_read_by_another_process(tmp_path: Path) -> None:
    """As that of a task."""

    @flow(persist_result=True)
    def adds() -> int:
        return 3

    with use_world(World(lambda: SqliteStore(tmp_path / "runs.db")), everywhere=True) as world:
        with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
            adds()
            state = world.store.flow_runs()[0].state
            assert state is not None
            assert state.result() == 3
        world.close()


def test_results_of_tests_go_to_memory(run_store: Any) -> None:
    """A test leaves no files."""

    @task(persist_result=True)
    def plain() -> int:
        return 3

    plain()
    assert isinstance(get_default_result_storage(), MemoryFileSystem)
    assert len(get_default_result_storage().files) == 1


def test_nothing_is_kept_by_default(runs: Any) -> None:
    """Plain flows and tasks write no results, and say of no place."""

    @task
    def plain() -> int:
        return 3

    @flow
    def around() -> int:
        return plain()

    around()
    assert get_default_result_storage().files == {}
    assert runs.task("plain").state.state_details.result_key is None


@pytest.mark.parametrize(
    ("of_flow", "of_task", "settings", "kept"),
    [
        (None, True, {}, True),
        (True, None, {}, True),
        (True, False, {}, False),
        (False, None, {"results_persist_by_default": True}, False),
        (None, None, {"results_persist_by_default": True}, True),
        (None, None, {"tasks_default_persist_result": True}, True),
        (True, None, {"tasks_default_persist_result": False}, False),
        (True, True, {"tasks_default_persist_result": False}, True),
    ],
)
def test_who_decides_whether_a_result_is_kept(
    of_flow: bool | None, of_task: bool | None, settings: dict[str, Any], kept: bool, runs: Any
) -> None:
    """The task, else the setting for tasks, else the flow, else the setting for all."""

    @task(persist_result=of_task)
    def plain() -> int:
        return 3

    @flow(persist_result=of_flow)
    def around() -> int:
        return plain()

    with temporary_settings(settings):
        around()
    assert (runs.task("plain").state.state_details.result_key is not None) is kept


@pytest.mark.parametrize(
    "option", [{"result_storage": MemoryFileSystem()}, {"result_serializer": "json"}, {"result_storage_key": "k"}]
)
def test_saying_how_results_are_kept_is_asking_for_it(option: dict[str, Any]) -> None:
    """A storage, a serializer or a key implies persist_result=True."""
    assert task(**option)(len).persist_result is True


def test_tasks_use_the_storage_and_the_serializer_of_their_flow() -> None:
    """Unless they name their own."""
    outer, own = MemoryFileSystem(), MemoryFileSystem()

    @task(persist_result=True)
    def plain() -> int:
        return 3

    @flow(result_storage=outer, result_serializer="json", persist_result=False)
    def around() -> None:
        plain()
        plain.with_options(result_storage=own)()

    around()
    assert [data.rpartition(b"\n")[2] for data in (*outer.files.values(), *own.files.values())] == [b"3", b"3"]


@both
def test_a_result_that_cannot_be_written_leaves_the_run_as_it_is(
    kind: str, runs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Completed, with a warning that names task and type."""
    lock = make_task(kind, lambda: threading.Lock(), persist_result=True, name="locks")
    assert hasattr(call(kind, lock), "acquire")
    assert runs.task("locks").states == ["Pending", "Running", "Completed"]
    assert runs.task("locks").state.state_details.result_key is None
    assert "task 'locks'" in caplog.text
    assert "can't write a lock" in caplog.text


def test_a_storage_that_fails_leaves_the_run_as_it_is(runs: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Its error is in the log."""

    class Full(MemoryFileSystem):
        def write_path(self, path: str, content: bytes) -> str:
            raise OSError("disk full")

    @task(result_storage=Full())
    def plain() -> int:
        return 3

    assert plain() == 3
    assert runs.task("plain").states == ["Pending", "Running", "Completed"]
    assert "disk full" in caplog.text


@both
def test_storages_may_be_async(kind: str) -> None:
    """In sync and in async code."""

    class Slow:
        def __init__(self) -> None:
            self.files: dict[str, bytes] = {}

        async def read_path(self, path: str) -> bytes:
            await asyncio.sleep(0)
            return self.files[path]

        async def write_path(self, path: str, content: bytes) -> None:
            await asyncio.sleep(0)
            self.files[path] = content

    storage = Slow()
    plain = make_task(kind, lambda: 3, result_storage=storage, result_storage_key="k", name="plain")
    assert run_task_in_flow(kind, plain) == 3
    assert list(storage.files) == ["k"]
    assert run_task_in_flow(kind, plain) == 3


@both
def test_a_url_names_whatever_fsspec_reaches(kind: str, tmp_path: Path) -> None:
    """It is opened when it is first needed; the state says which it was."""
    pytest.importorskip("fsspec")
    url = f"memory://{tmp_path.name}"
    far = make_task(kind, lambda: 3, result_storage=url, result_storage_key="k", name="far")
    assert call(kind, far, return_state=True).state_details.result_storage == url
    assert call(kind, far, return_state=True).name == "Cached"


def test_a_storage_that_cannot_be_found_again_is_named(tmp_path: Path) -> None:
    """One of your own that does not say where it is."""

    class Drawer(MemoryFileSystem):
        location = None  # type: ignore[assignment]

    plain = task(result_storage=Drawer())(lambda: 3)
    with pytest.raises(MissingResult, match=r"Drawer, which does not say how to open it"):
        stored(tmp_path, plain)


def test_a_storage_key_is_a_template_over_the_run() -> None:
    """Parameters, and what headrace.runtime knows."""
    storage = MemoryFileSystem()

    @task(result_storage=storage, result_storage_key="{flow_run.flow_name}/{task_run.task_name}-{parameters[day]}.json")
    def plain(day: str) -> str:
        return day

    @flow
    def around() -> None:
        plain("monday")

    around()
    assert list(storage.files) == ["around/plain-monday.json"]


def test_a_result_may_be_kept_out_of_memory(runs: Any) -> None:
    """`cache_result_in_memory=False`: the state reads it each time; a plain call gives the object itself."""
    made: list[list[int]] = []

    @task(persist_result=True, cache_result_in_memory=False)
    def plain() -> list[int]:
        made.append([1, 2])
        return made[-1]

    assert plain() is made[0]
    state = plain(return_state=True)
    assert state.result() == made[1]
    assert state.result() is not made[1]
    assert state.result() is not state.result()


def test_results_that_hold_futures_are_kept_as_values() -> None:
    """What a plain call gives is what is written."""

    @task
    def one() -> int:
        return 1

    @flow(persist_result=True, result_storage=(storage := MemoryFileSystem()), result_serializer="json")
    def around() -> Any:
        return {"a": one.with_options(persist_result=False).submit()}

    assert around() == {"a": 1}
    assert [data.rpartition(b"\n")[2] for data in storage.files.values()] == [b'{"a": 1}']


@pytest.mark.parametrize("template", ["{nope}", "{parameters[nope]}", "{parameters[x]:%Q}"])
@both
def test_a_storage_key_that_cannot_be_formed_fails_the_run(kind: str, template: str) -> None:
    """As a run name does: what was to be found under it would not be found."""
    keyed = make_task(kind, lambda x: x, result_storage_key=template, name="keyed")
    state = call(kind, keyed, 3, return_state=True)
    assert state.is_failed()
    assert isinstance(state.result(raise_on_failure=False), KeyError | ValueError)


def in_another_process() -> str:
    return "far"


def nested_in_another_process() -> str:
    inner = task(persist_result=True, result_storage_key="inner")(in_another_process)
    return inner() + inner()


def test_tasks_in_other_processes_keep_their_results(runs: Any) -> None:
    """Those that run there, and those that they call in turn, which find what is there."""
    outer = task(persist_result=True, result_storage_key="outer")(nested_in_another_process)

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def around() -> str:
        return outer.submit().result()  # type: ignore[no-any-return]

    assert around() == "farfar"
    storage = current_world().shelf.storage
    assert sorted(storage.files) == ["inner", "outer"]
    inner = [run.states[-1] for run in runs.tasks("in_another_process-*")]
    assert inner == ["Completed", "Cached"]


def test_a_result_store_writes_reads_and_knows_what_is_there() -> None:
    """By key, sync and async."""
    store = ResultStore(MemoryFileSystem())
    store.write({"a": 1}, "k")
    assert store.exists("k")
    assert not store.exists("other")
    assert store.read("k").result == {"a": 1}

    async def do() -> Any:
        await store.awrite(2, "async")
        assert await store.aexists("async")
        return (await store.aread("async")).result

    assert asyncio.run(do()) == 2


def test_a_result_store_has_the_last_thousand_at_hand() -> None:
    """The very objects, unless it is told not to; and never what the storage no longer says."""
    storage = MemoryFileSystem()
    value = [1]
    near, far = ResultStore(storage), ResultStore(storage, cache_result_in_memory=False)
    near.write(value, "k")
    assert near.read("k").result is value
    assert far.read("k").result is not value
    far.write([2], "k")
    assert near.read("k").result == [2]


def test_the_one_not_asked_for_longest_makes_room() -> None:
    """Of those at hand."""
    recent = Recent(size=2)
    record = ResultStore(MemoryFileSystem()).create_result_record(1, "k")
    for name in ("a", "b"):
        recent.put(("memory", name), b"1", record)
    assert recent.get(("memory", "a"), b"1") is record
    recent.put(("memory", "c"), b"1", record)
    found = [recent.get(("memory", name), b"1") is record for name in "abc"]
    assert found == [True, False, True]
    assert len(current_world().shelf.recent) == 0
    assert RECENT == 1000


def test_keys_may_have_a_storage_of_their_own() -> None:
    """What is known of a result there, the result here."""
    keys, values = MemoryFileSystem(), MemoryFileSystem()
    store = ResultStore(values, metadata_storage=keys, serializer="json")
    store.write([1], "k")
    assert values.files == {"k": b"[1]"}
    assert ResultStore(values, metadata_storage=keys).read("k").result == [1]
    assert b'"json"' in keys.files["k"]


def test_the_client_gives_states_with_results(run_store: Any) -> None:
    """Of runs that were persisted to where results usually go."""

    @task(persist_result=True, cache_result_in_memory=False)
    def plain() -> int:
        return 3

    state = plain(return_state=True)
    with get_client(sync_client=True) as client:
        found = client.read_task_run(state.state_details.task_run_id).state
    assert found is not None
    assert found.result() == 3


def test_a_local_file_system_may_be_the_storage(tmp_path: Path) -> None:
    """Or the path of its directory."""

    @task(result_storage=LocalFileSystem(tmp_path), result_storage_key="a")
    def one() -> int:
        return 1

    one()
    one.with_options(result_storage=tmp_path, result_storage_key="b")()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("decorate", [task, flow])
def test_what_is_no_storage_or_serializer_is_refused_at_once(decorate: Any) -> None:
    """When it is decorated, not when it runs."""
    with pytest.raises(TypeError, match="storage"):
        decorate(result_storage=3)(len)
    with pytest.raises(ValueError, match="yaml"):
        decorate(result_serializer="yaml")(len)
