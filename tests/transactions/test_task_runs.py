"""Task runs as transactions: what is committed, what is rolled back, and in which order."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from headrace import Task, flow, task
from headrace.cache_policies import INPUTS
from headrace.filesystems import MemoryFileSystem
from headrace.states import Failed
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.transactions import CommitMode, atransaction, get_transaction, transaction
from tests.runs.making import both, call, of_kind

ROLLED_BACK = ["Pending", "Running", "Completed", "RolledBack"]
COMPLETED = ["Pending", "Running", "Completed"]


@both
def test_inside_a_task_its_own_transaction_is_active(kind: str) -> None:
    """It has begun, whether there is a key to look up or not."""

    def body() -> str:
        txn = get_transaction()
        assert txn is not None
        return txn.state

    assert call(kind, task(of_kind(kind, body))) == "ACTIVE"
    assert call(kind, task(cache_policy=INPUTS)(of_kind(kind, body))) == "ACTIVE"


class Journal:
    """What hooks have seen, in order; and tasks whose hooks write to it."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.lines: list[str] = []

    def task(self, name: str, error: Exception | None = None, **options: Any) -> Any:
        def body() -> str:
            self.lines.append(name)
            if error is not None:
                raise error
            return name

        async def async_body() -> str:
            return body()

        return Task(
            body if self.kind == "sync" else async_body,
            name=name,
            on_commit=[lambda txn: self.lines.append(f"commit {name}")],
            on_rollback=[lambda txn: self.lines.append(f"undo {name}")],
            **options,
        )

    def run(self, *tasks: Any, **options: Any) -> Any:
        """Call tasks inside one transaction, in a flow; return the flow's state."""
        if self.kind == "sync":

            @flow
            def around() -> None:
                with transaction(**options):
                    for each in tasks:
                        each()

            return around(return_state=True)

        @flow(name="around")
        async def around_async() -> None:
            async with atransaction(**options):
                for each in tasks:
                    await each()

        return asyncio.run(around_async(return_state=True))


@pytest.fixture(params=["sync", "async"])
def journal(request: pytest.FixtureRequest) -> Journal:
    return Journal(request.param)


def test_a_failure_rolls_back_what_had_completed(journal: Journal, runs: Any) -> None:
    """The last first; the one that failed has nothing to undo."""
    state = journal.run(journal.task("a"), journal.task("b"), journal.task("c", ValueError("no")))
    assert state.is_failed()
    assert journal.lines == ["a", "b", "c", "undo b", "undo a"]
    assert [run.states for run in runs.tasks()] == [ROLLED_BACK, ROLLED_BACK, ["Pending", "Running", "Failed"]]


def test_a_block_that_ends_well_commits_in_order(journal: Journal, runs: Any) -> None:
    """After all of it has run."""
    journal.run(journal.task("a"), journal.task("b"))
    assert journal.lines == ["a", "b", "commit a", "commit b"]
    assert [run.states for run in runs.tasks()] == [COMPLETED, COMPLETED]


def test_a_task_outside_any_block_commits_by_itself(journal: Journal) -> None:
    """At once."""
    call(journal.kind, journal.task("a"))
    assert journal.lines == ["a", "commit a"]


def test_a_retry_rolls_nothing_else_back(journal: Journal, runs: Any) -> None:
    """A task that fails an attempt and succeeds on the next leaves the rest alone."""
    attempts: list[int] = []

    def unsteady() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("once")

    async def unsteady_async() -> None:
        unsteady()

    shaky = task(retries=1, name="shaky")(unsteady if journal.kind == "sync" else unsteady_async)
    journal.run(journal.task("a"), shaky)
    assert journal.lines == ["a", "commit a"]
    assert runs.task("a*").states == COMPLETED


def test_a_task_that_fails_for_good_rolls_the_rest_back(journal: Journal, runs: Any) -> None:
    """After its last retry, not before."""
    state = journal.run(journal.task("a"), journal.task("b", ValueError("no"), retries=2))
    assert state.is_failed()
    assert journal.lines == ["a", "b", "b", "b", "undo a"]


def test_a_returned_failure_rolls_back_too(runs: Any) -> None:
    """As a raised one."""
    a = task(name="a")(lambda: 1)
    b = task(name="b")(lambda: Failed(message="no"))

    @flow
    def around() -> None:
        with transaction():
            a()
            b(return_state=True)

    around()
    assert runs.task("a*").states == ROLLED_BACK


def test_a_failure_that_the_block_catches_has_rolled_it_back(runs: Any) -> None:
    """All or nothing: what runs after it in the block is rolled back, too."""
    a, c = task(name="a")(lambda: 1), task(name="c")(lambda: 3)

    @task(name="b")
    def b() -> None:
        raise ValueError("no")

    @flow
    def around() -> bool:
        with transaction() as block:
            a()
            with pytest.raises(ValueError, match="no"):
                b()
            c()
        return block.is_rolled_back()

    assert around() is True
    assert [runs.task(name).states for name in ("a*", "c*")] == [ROLLED_BACK, ROLLED_BACK]


@both
def test_what_a_task_called_is_rolled_back_with_it(kind: str, runs: Any) -> None:
    """Tasks called by a task are inside its transaction."""
    if kind == "sync":
        inner = task(name="inner")(lambda: 1)

        @task(name="outer")
        def outer() -> None:
            inner()
            raise ValueError("no")
    else:

        @task(name="inner")
        async def inner_async() -> int:
            return 1

        @task(name="outer")
        async def outer() -> None:  # type: ignore[misc]
            await inner_async()
            raise ValueError("no")

    assert call(kind, outer, return_state=True).is_failed()
    assert runs.task("inner*").states == ROLLED_BACK


def test_a_failed_attempt_rolls_back_what_it_called(runs: Any) -> None:
    """The next attempt does it again; what that does stays."""
    inner = task(name="inner")(lambda: 1)
    attempts: list[int] = []

    @task(retries=1)
    def outer() -> None:
        inner()
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("once")

    outer()
    assert [run.states for run in runs.tasks("inner*")] == [ROLLED_BACK, COMPLETED]


def test_a_task_that_catches_a_failure_keeps_what_else_it_did(runs: Any) -> None:
    """Only its own failure undoes that."""
    good = task(name="good")(lambda: 1)

    @task(name="bad")
    def bad() -> None:
        raise ValueError("no")

    @task
    def outer() -> str:
        good()
        try:
            bad()
        except ValueError:
            return "caught"
        return "not reached"

    assert outer() == "caught"
    assert runs.task("good*").states == COMPLETED


def test_a_task_that_catches_the_failure_of_a_block_keeps_what_else_it_did(runs: Any) -> None:
    """What was in the block is undone, what was outside of it is not."""
    good, undone = task(name="good")(lambda: 1), task(name="undone")(lambda: 1)

    @task
    def outer() -> str:
        good()
        try:
            with transaction():
                undone()
                raise ValueError("no")
        except ValueError:
            return "caught"

    assert outer() == "caught"
    assert runs.task("good*").states == COMPLETED
    assert runs.task("undone*").states == ROLLED_BACK


def test_tasks_of_a_subflow_are_in_the_transaction_around_it(runs: Any) -> None:
    """However deep."""
    inner = task(name="inner")(lambda: 1)

    @flow
    def sub() -> None:
        inner()

    @flow
    def around() -> None:
        with transaction():
            sub()
            raise ValueError("no")

    assert around(return_state=True).is_failed()
    assert runs.task("inner*").states == ROLLED_BACK


def test_submitted_tasks_are_in_the_transaction_that_they_were_submitted_in(runs: Any) -> None:
    """On threads."""
    a = task(name="a")(lambda: 1)

    @flow
    def around() -> None:
        with transaction():
            a.submit().result()
            raise ValueError("no")

    assert around(return_state=True).is_failed()
    assert runs.task("a*").states == ROLLED_BACK


@pytest.mark.parametrize("fails", [True, False])
def test_what_ends_after_its_block_follows_it(fails: bool, runs: Any) -> None:
    """Committed or rolled back, as the block was."""
    lines: list[str] = []
    began, ended = threading.Event(), threading.Event()

    def late() -> None:
        began.set()
        ended.wait()

    late_task = Task(
        late, on_commit=[lambda txn: lines.append("commit")], on_rollback=[lambda txn: lines.append("undo")]
    )

    @flow
    def around() -> None:
        try:
            with transaction():
                future = late_task.submit()
                began.wait()
                if fails:
                    raise ValueError("no")
        except ValueError:
            pass
        ended.set()
        future.wait()

    around()
    assert lines == (["undo"] if fails else ["commit"])
    assert runs.task("late*").states == (ROLLED_BACK if fails else COMPLETED)


def test_hooks_read_what_the_task_set(journal: Journal) -> None:
    """By get_transaction().set, and txn.get in the hook; the values are copies."""
    seen: list[Any] = []

    def body() -> None:
        own = get_transaction()
        assert own is not None
        own.set("path", ["/a"])

    writes = Task(body, name="writes", on_rollback=[lambda txn: seen.append(txn.get("path"))])

    @flow
    def around() -> None:
        with transaction() as outer:
            outer.set("outer", 1)
            writes()
            assert outer.get("path", None) is None
            raise ValueError("no")

    assert around(return_state=True).is_failed()
    assert seen == [["/a"]]


def test_hooks_may_be_async(runs: Any) -> None:
    """Of sync tasks as well."""
    lines: list[str] = []
    a = task(name="a")(lambda: 1)

    @a.on_rollback
    async def undo(txn: Any) -> None:
        await asyncio.sleep(0)
        lines.append("undo")

    @a.on_commit
    async def commit(txn: Any) -> None:
        lines.append("commit")

    a()

    @flow
    def around() -> None:
        with transaction():
            a()
            raise ValueError("no")

    around(return_state=True)
    assert lines == ["commit", "undo"]


def test_a_commit_hook_that_raises_rolls_the_run_back(journal: Journal, runs: Any) -> None:
    """Its rollback hooks are called; the value is given all the same, and nothing is cached."""

    def refuse(txn: Any) -> None:
        raise ValueError("not now")

    refused = journal.task("a", cache_policy=INPUTS)
    refused.on_commit(refuse)
    assert call(journal.kind, refused) == "a"
    assert journal.lines == ["a", "commit a", "undo a"]
    assert runs.task("a").states == ROLLED_BACK
    assert runs.task("a").state.state_details.result_key is None


def test_a_rollback_hook_that_raises_keeps_no_other_from_it(
    journal: Journal, runs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged."""

    def refuse(txn: Any) -> None:
        raise ValueError("not now")

    b = journal.task("b")
    b.on_rollback(refuse)
    journal.run(journal.task("a"), b, journal.task("c", ValueError("no")))
    assert journal.lines == ["a", "b", "c", "undo b", "undo a"]
    assert "The rollback hook 'refuse' raised ValueError('not now')" in caplog.text
    assert runs.task("b*").states == ROLLED_BACK


def test_hooks_run_in_the_run_that_they_are_of(runs: Any) -> None:
    """Loggers and headrace.runtime say so."""
    from headrace import get_run_logger
    from headrace.runtime import task_run

    seen: list[str] = []
    a = task(name="a")(lambda: 1)

    @a.on_rollback
    def undo(txn: Any) -> None:
        seen.append(task_run.task_name)
        get_run_logger().info("undone by hand")

    @flow
    def around() -> None:
        with transaction():
            a()
            raise ValueError("no")

    around(return_state=True)
    assert seen == ["a"]
    assert "undone by hand" in runs.task("a*").logs


def test_an_interrupt_rolls_back(runs: Any) -> None:
    """A crash is a failure, here."""
    a = task(name="a")(lambda: 1)

    @task(name="b")
    def b() -> None:
        raise KeyboardInterrupt

    @flow
    def around() -> None:
        with transaction():
            a()
            b()

    with pytest.raises(KeyboardInterrupt):
        around()
    assert runs.task("a*").states == ROLLED_BACK
    assert runs.task("b*").states == ["Pending", "Running", "Crashed"]


def test_an_interrupt_in_a_commit_hook_crashes_the_run(runs: Any) -> None:
    """It is rolled back, and the interrupt goes on its way."""
    undone: list[Any] = []

    def interrupt(txn: Any) -> None:
        raise KeyboardInterrupt

    interrupted = Task(lambda: 1, name="interrupted", on_commit=[interrupt], on_rollback=[undone.append])
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert runs.task("interrupted").states == ["Pending", "Running", "Crashed"]
    assert len(undone) == 1


def test_a_block_of_sync_code_in_async_code(runs: Any) -> None:
    """Async tasks and hooks are rolled back there, too."""
    lines: list[str] = []

    async def undo(txn: Any) -> None:
        await asyncio.sleep(0)
        lines.append("undo")

    async def body() -> int:
        return 1

    a = Task(body, name="a", on_rollback=[undo])

    @flow
    async def around() -> None:
        with transaction():
            await a()
            raise ValueError("no")

    assert asyncio.run(around(return_state=True)).is_failed()
    assert lines == ["undo"]
    assert runs.task("a*").states == ROLLED_BACK


def test_results_in_a_block_are_written_when_it_commits() -> None:
    """Not before, and not if it is rolled back."""
    storage = MemoryFileSystem()
    counts: list[int] = []

    @task(result_storage=storage, result_storage_key="k-{parameters[x]}")
    def keeps(x: int) -> int:
        counts.append(len(storage.files))
        return x

    @flow
    def around(fail: bool) -> None:
        with transaction():
            keeps(1)
            keeps(2)
            if fail:
                raise ValueError("no")

    around(True, return_state=True)
    assert storage.files == {}
    around(False)
    assert counts == [0, 0, 0, 0]
    assert sorted(storage.files) == ["k-1", "k-2"]


def test_the_same_key_twice_in_a_block_is_found(runs: Any) -> None:
    """Though nothing is written yet; if the first is rolled back there is nothing to find."""
    counts: list[int] = []

    @task(cache_policy=INPUTS, name="keeps")
    def keeps(x: int) -> int:
        counts.append(x)
        return x

    @flow
    def around() -> None:
        with transaction():
            assert [keeps(1), keeps(1)] == [1, 1]

    around()
    assert counts == [1]
    assert [run.states[-1] for run in runs.tasks("keeps*")] == ["Completed", "Cached"]


def test_a_cached_run_is_not_rolled_back(runs: Any) -> None:
    """It was committed by an earlier one; its hooks are not called either."""
    lines: list[str] = []
    cached = task(cache_policy=INPUTS, name="cached")(lambda x: x)
    cached.on_rollback(lambda txn: lines.append("undo"))
    cached.on_commit(lambda txn: lines.append("commit"))
    cached(1)

    @flow
    def around() -> None:
        with transaction():
            cached(1)
            raise ValueError("no")

    around(return_state=True)
    assert lines == ["commit"]
    assert runs.tasks("cached*")[-1].states == ["Pending", "Running", "Cached"]


def test_eager_commits_each_as_it_ends(journal: Journal, runs: Any) -> None:
    """What is committed is not rolled back."""
    journal.run(journal.task("a"), journal.task("b"), journal.task("c", ValueError("no")), commit_mode=CommitMode.EAGER)
    assert journal.lines == ["a", "commit a", "b", "commit b", "c"]
    assert runs.task("a*").states == COMPLETED


def test_off_rolls_back_in_the_end(journal: Journal, runs: Any) -> None:
    """Unless it was committed by hand."""
    journal.run(journal.task("a"), commit_mode="OFF")
    assert journal.lines == ["a", "undo a"]
    assert runs.task("a*").states == ROLLED_BACK


def shout() -> str:
    return "A"


def test_tasks_in_other_processes_are_rolled_back_here(runs: Any) -> None:
    """Hooks are called in the process of the flow."""
    lines: list[str] = []
    shouting = task(shout)
    shouting.on_rollback(lambda txn: lines.append("undo"))

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def around() -> None:
        with transaction():
            shouting.submit().result()
            raise ValueError("no")

    around(return_state=True)
    assert lines == ["undo"]
    assert runs.task("shout*").states == ROLLED_BACK


def call_and_fail() -> None:
    task(shout)()
    raise ValueError("no")


def test_what_a_task_called_in_another_process_is_rolled_back_with_it(runs: Any) -> None:
    """There."""
    outer = task(call_and_fail)

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def around() -> None:
        outer.submit().wait()

    around()
    assert runs.task("shout*").states == ROLLED_BACK


def test_plain_tasks_are_not_touched(runs: Any) -> None:
    """A flow is no transaction: what completed before it failed stays completed."""
    a = task(name="a")(lambda: 1)

    @flow
    def around() -> None:
        a()
        raise ValueError("no")

    around(return_state=True)
    assert runs.task("a*").states == COMPLETED
