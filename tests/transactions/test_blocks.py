"""Transactions as blocks of code."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace import flow
from headrace.exceptions import ConfigurationError
from headrace.filesystems import MemoryFileSystem
from headrace.locking.filesystem import FileSystemLockManager
from headrace.locking.memory import MemoryLockManager
from headrace.results import ResultStore
from headrace.transactions import (
    CommitMode,
    IsolationLevel,
    Transaction,
    TransactionState,
    atransaction,
    get_transaction,
    transaction,
)


def test_a_transaction_goes_from_pending_to_committed() -> None:
    """By way of active and staged."""
    block = Transaction()
    seen = [block.state]
    with block:
        seen.append(block.state)
        block.stage("x")
        seen.append(block.state)
    seen.append(block.state)
    assert seen == ["PENDING", "ACTIVE", "STAGED", "COMMITTED"]
    assert (block.is_committed(), block.is_pending(), block.is_active(), block.is_staged()) == (
        True,
        False,
        False,
        False,
    )


def test_an_error_rolls_back_and_goes_on() -> None:
    """The block raises what it raised."""
    block = Transaction()
    with pytest.raises(ValueError, match="no"), block:
        raise ValueError("no")
    assert block.state is TransactionState.ROLLED_BACK
    assert get_transaction() is None


def test_get_transaction_gives_the_innermost() -> None:
    """And the one around it is its parent, in hooks as well."""
    parents: list[Any] = []
    assert get_transaction() is None
    with transaction() as outer:
        assert get_transaction() is outer
        assert Transaction.get_active() is outer
        with transaction() as inner:
            inner.stage(None, on_commit_hooks=[lambda txn: parents.append(txn.get_parent())])
            assert get_transaction() is inner
        assert get_transaction() is outer
    assert get_transaction() is None
    assert parents == [outer]


def test_the_outermost_commits() -> None:
    """What is inside waits for it, unless it is eager."""
    with transaction(key="outer") as outer:
        with transaction(key="lazy") as lazy:
            pass
        with transaction(key="eager", commit_mode=CommitMode.EAGER) as eager:
            pass
        assert (outer.state, lazy.state, eager.state) == ("ACTIVE", "ACTIVE", "COMMITTED")
    assert (outer.state, lazy.state) == ("COMMITTED", "COMMITTED")


def test_rolling_back_inside_rolls_back_all_around() -> None:
    """When the inner block is left."""
    with transaction() as outer, transaction() as middle:
        with transaction() as inner:
            assert inner.rollback() is True
        assert middle.is_rolled_back()
    assert outer.is_rolled_back()


@pytest.mark.parametrize(
    ("mode", "by_hand", "state"),
    [("OFF", False, "ROLLED_BACK"), ("OFF", True, "COMMITTED"), ("EAGER", False, "COMMITTED")],
)
def test_the_commit_mode_decides_how_a_block_ends(mode: str, by_hand: bool, state: str) -> None:
    """OFF rolls back what was not committed by hand."""
    with transaction(commit_mode=mode) as block:
        if by_hand:
            assert block.commit() is True
            assert block.commit() is False
    assert block.state == state


def test_what_was_staged_is_there_for_the_next_with_the_same_key() -> None:
    """Which is committed from the start."""
    for expected in (False, True):
        with transaction(key="k") as block:
            assert block.is_committed() is expected
            block.stage({"a": 1})
    record = block.read()
    assert record is not None
    assert record.result == {"a": 1}


def test_a_transaction_without_a_store_writes_nothing() -> None:
    """Its key is a name, and no more; one inside with the same key and a store looks there."""
    with Transaction(key="outer"):
        with Transaction(key="k") as bare:
            bare.stage(1)
        with transaction(key="k") as kept:
            assert not kept.is_committed()
            kept.stage(2)
    assert bare.is_committed()
    assert bare.read() is None
    record = kept.read()
    assert record is not None
    assert record.result == 2


def test_overwriting_begins_anew() -> None:
    """And replaces what was there."""
    for value in (1, 2):
        with transaction(key="k", overwrite=True) as block:
            assert not block.is_committed()
            block.stage(value)
    record = block.read()
    assert record is not None
    assert record.result == 2


def test_nothing_is_written_where_that_is_not_wanted() -> None:
    """write_on_commit=False; or a rollback."""
    store = ResultStore(MemoryFileSystem())
    with transaction(key="k", store=store, write_on_commit=False) as block:
        block.stage(1)
    with transaction(key="k", store=store) as block:
        block.stage(1)
        block.rollback()
    assert not store.exists("k")


def test_what_cannot_be_written_rolls_the_block_back(caplog: pytest.LogCaptureFixture) -> None:
    """And the log says why."""
    undone: list[Any] = []
    with transaction(key="k") as block:
        block.stage(threading.Lock(), on_rollback_hooks=[undone.append])
    assert block.is_rolled_back()
    assert undone == [block]
    assert "The transaction 'k' can't be committed" in caplog.text


def test_values_are_found_from_further_in_and_are_copies() -> None:
    """A default, or ValueError, for what nobody set."""
    with transaction() as outer:
        outer.set("list", [1])
        with transaction() as inner:
            inner.get("list").append(2)
            assert inner.get("list") == [1]
            assert inner.get("nothing", None) is None
            with pytest.raises(ValueError, match="'nothing'"):
                inner.get("nothing")
            inner.set("list", [3])
            assert (inner.get("list"), outer.get("list")) == ([3], [1])


def test_a_block_of_async_code() -> None:
    """The same."""
    lines: list[str] = []

    async def undo(txn: Any) -> None:
        lines.append("undo")

    async def do() -> Any:
        async with atransaction(key="k") as outer:
            outer.stage(1)
            async with atransaction() as inner:
                assert get_transaction() is inner
        async with atransaction() as failed:
            failed.stage(None, on_rollback_hooks=[undo])
            assert await failed.rollback() is True
        record = await outer.read()
        assert record is not None
        return outer.state, inner.state, failed.state, record.result

    assert asyncio.run(do()) == ("COMMITTED", "COMMITTED", "ROLLED_BACK", 1)
    assert lines == ["undo"]


def test_blocks_side_by_side_do_not_mix() -> None:
    """Each coroutine has its own innermost transaction."""

    async def one(name: str) -> bool:
        async with atransaction() as block:
            block.set("name", name)
            await asyncio.sleep(0)
            here = get_transaction()
            assert here is not None
            return bool(here.get("name") == name)

    async def both() -> list[bool]:
        return await asyncio.gather(one("a"), one("b"))

    assert asyncio.run(both()) == [True, True]


def test_a_block_is_entered_once() -> None:
    """RuntimeError."""
    block = Transaction()
    with block, pytest.raises(RuntimeError, match="entered already"):
        block.__enter__()


def test_hooks_are_logged_where_one_says(caplog: pytest.LogCaptureFixture) -> None:
    """`logger`; by default the run's, outside runs headrace's."""
    import logging

    with transaction(logger=logging.getLogger("mine")) as block:
        block.stage(None, on_commit_hooks=[lambda txn: 1 / 0])
    assert [record.name for record in caplog.records if "raised ZeroDivisionError" in record.getMessage()] == ["mine"]


def test_serializable_needs_a_lock_manager() -> None:
    """ConfigurationError, saying what to give."""
    block = transaction(key="k", isolation_level=IsolationLevel.SERIALIZABLE)
    with pytest.raises(ConfigurationError, match="MemoryLockManager"), block:
        pass
    with transaction(isolation_level=IsolationLevel.SERIALIZABLE):
        pass  # without a key there is nothing to lock


MANAGERS: list[Callable[[Path], Any]] = [lambda path: MemoryLockManager(), FileSystemLockManager]


@pytest.fixture(params=MANAGERS, ids=["memory", "files"])
def locks(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return request.param(tmp_path / "locks")


def test_serializable_blocks_wait_for_one_another(locks: Any, fake_clock: Any) -> None:
    """The second sees what the first has committed."""
    storage = MemoryFileSystem()
    seen: list[Any] = []

    async def one(value: int) -> None:
        store = ResultStore(storage, lock_manager=locks)
        async with atransaction("k", store=store, isolation_level=IsolationLevel.SERIALIZABLE) as block:
            seen.append((value, block.is_committed()))
            await asyncio.sleep(5)
            block.stage(value)

    @flow
    async def both() -> None:
        await asyncio.gather(one(1), one(2))

    asyncio.run(both())
    assert seen == [(1, False), (2, True)]
    assert ResultStore(storage).read("k").result == 1
    assert not locks.is_locked("k")


def test_what_is_inside_uses_the_locks_of_what_is_around(locks: Any) -> None:
    """And the isolation level; a store of one's own is not changed by that."""
    own = ResultStore(MemoryFileSystem())
    around = ResultStore(MemoryFileSystem(), lock_manager=locks)
    with (
        transaction("outer", store=around, isolation_level=IsolationLevel.SERIALIZABLE),
        transaction("inner", store=own) as inner,
    ):
        assert inner.isolation_level is IsolationLevel.SERIALIZABLE
        assert locks.is_locked("inner")
    assert not locks.is_locked("inner")
    assert own.lock_manager is None


def test_a_lock_has_one_holder(locks: Any) -> None:
    """Who may take it again; others may not give it back."""
    assert locks.acquire_lock("k", "a") is True
    assert locks.acquire_lock("k", "a") is True
    assert locks.acquire_lock("k", "b", acquire_timeout=0) is False
    assert (locks.is_locked("k"), locks.is_lock_holder("k", "a"), locks.is_lock_holder("k", "b")) == (True, True, False)
    with pytest.raises(ValueError, match="b does not hold"):
        locks.release_lock("k", "b")
    locks.release_lock("k", "a")
    assert not locks.is_locked("k")
    assert locks.acquire_lock("k", "b") is True


def test_a_lock_may_end_by_itself(locks: Any, fake_clock: Any) -> None:
    """After its `hold_timeout`; a wait for it ends then."""
    locks.acquire_lock("k", "a", hold_timeout=10)
    assert locks.wait_for_lock("k", timeout=5) is False
    assert locks.acquire_lock("k", "b", acquire_timeout=6) is True
    assert 10 <= fake_clock.elapsed < 10.2


def test_locks_in_async_code(locks: Any, fake_clock: Any) -> None:
    """The same."""

    @flow
    async def do() -> list[bool]:
        return [
            await locks.aacquire_lock("k", "a", hold_timeout=10),
            await locks.aacquire_lock("k", "b", acquire_timeout=1),
            await locks.await_for_lock("k"),
        ]

    assert asyncio.run(do()) == [True, False, True]


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    """On the same machine."""
    code = (
        "from pathlib import Path; from headrace.locking.filesystem import FileSystemLockManager; "
        f"assert FileSystemLockManager(Path({str(tmp_path)!r})).acquire_lock('k', 'dead')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert len(list(tmp_path.iterdir())) == 1
    locks = FileSystemLockManager(tmp_path)
    assert not locks.is_locked("k")
    assert locks.acquire_lock("k", "alive", acquire_timeout=0)


def test_only_one_of_many_gets_a_file_lock(tmp_path: Path) -> None:
    """However many try at the same moment."""
    locks = FileSystemLockManager(tmp_path)
    barrier, got = threading.Barrier(8), []

    def try_it(holder: str) -> None:
        barrier.wait()
        if locks.acquire_lock("k", holder, acquire_timeout=0):
            got.append(holder)

    threads = [threading.Thread(target=try_it, args=(f"{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_result_store_waits_for_the_lock_of_a_key(fake_clock: Any) -> None:
    """As its lock manager does, in sync and in async code; a time-out ends the wait."""
    store = ResultStore(MemoryFileSystem(), lock_manager=MemoryLockManager())
    store.lock_manager.acquire_lock("k", "a", hold_timeout=10)
    assert store.wait_for_lock("k", timeout=1) is False
    assert asyncio.run(store.await_for_lock("k", timeout=1)) is False
    assert (store.wait_for_lock("k"), asyncio.run(store.await_for_lock("k"))) == (True, True)


def test_a_result_store_refuses_to_write_what_another_has_locked() -> None:
    """And waits before it reads."""
    store = ResultStore(MemoryFileSystem(), lock_manager=MemoryLockManager())
    assert store.acquire_lock("k", "a")
    with pytest.raises(RuntimeError, match="somebody else"):
        store.write(1, "k", holder="b")
    store.write(1, "k", holder="a")
    store.release_lock("k", "a")
    assert store.read("k").result == 1
