"""Transactions: blocks of work that is committed, or rolled back, together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import Token
from types import TracebackType
from typing import Any

from headrace.core.transactions import BaseTransaction, CommitMode, IsolationLevel, TransactionState
from headrace.drive.sync import drive
from headrace.drive.world import current_world
from headrace.effects import Cancelled
from headrace.exceptions import ConfigurationError
from headrace.keeping.records import ResultRecord
from headrace.results import ResultStore, get_result_store
from headrace.runs import transactions as stories
from headrace.runs.context import BLOCK, CURRENT, transaction_around

__all__ = [
    "AsyncTransaction",
    "BaseTransaction",
    "CommitMode",
    "IsolationLevel",
    "Transaction",
    "TransactionState",
    "atransaction",
    "get_transaction",
    "transaction",
]

Modes = CommitMode | str | None
Levels = IsolationLevel | str | None


class _Block(BaseTransaction):
    """A transaction that is a block of code."""

    _token: Token[BaseTransaction | None] | None = None

    @classmethod
    def get_active(cls) -> BaseTransaction | None:
        """Return the innermost transaction around this code, as `get_transaction` does."""
        return get_transaction()

    def _prepare(self) -> None:
        if self._token is not None:
            raise RuntimeError(f"{self!r} was entered already. Make another transaction for the block inside it.")
        self.context = CURRENT.get()
        self.parent = transaction_around(self.context)
        self.inherit()
        needs_locks = self.key is not None and self.store is not None
        if needs_locks and not self.store.supports_isolation_level(self.isolation_level):
            raise ConfigurationError(
                "Isolation level SERIALIZABLE needs a lock manager: give the transaction a "
                "store=ResultStore(lock_manager=MemoryLockManager()), or one with a FileSystemLockManager."
            )

    def _begun(self, found: Any) -> None:
        if isinstance(found, Cancelled):
            raise found.reason
        if isinstance(found, Exception):
            raise found
        if found is not None:
            self.state = TransactionState.COMMITTED
        self._token = BLOCK.set(self)

    def _left(self) -> None:
        if self._token is None:
            raise RuntimeError(f"{self!r} is left, and was not entered.")
        BLOCK.reset(self._token)
        self._token = None

    def _raise_interrupt(self) -> None:
        reason, self.interrupted_by = self.interrupted_by, None
        if reason is not None:
            raise reason


class Transaction(_Block):
    """A block of work in sync code; made by `transaction`, which describes its arguments."""

    def __enter__(self) -> Transaction:
        self._prepare()
        self._begun(drive(stories.begin(self), current_world()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._left()
        drive(stories.leave(self, failed=kind is not None), current_world())
        if kind is None:
            self._raise_interrupt()

    def commit(self) -> bool:
        """Commit now; False where it is rolled back instead, or was decided already."""
        committed = drive(stories.commit(self), current_world())
        self._raise_interrupt()
        return committed

    def rollback(self) -> bool:
        """Roll back now; False where a hook raised, or it was decided already."""
        all_well = drive(stories.rollback(self), current_world())
        self._raise_interrupt()
        return all_well

    def read(self) -> ResultRecord[Any] | None:
        """Return the record under the key; None without a key. Raises what the storage raises."""
        return self.store.read(self.key, self.holder) if self.key is not None and self.store is not None else None


class AsyncTransaction(_Block):
    """A block of work in async code; made by `atransaction`."""

    async def __aenter__(self) -> AsyncTransaction:
        from headrace.drive.asyncio import drive  # slow to import; only async code comes here

        self._prepare()
        self._begun(await drive(stories.begin(self), current_world()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from headrace.drive.asyncio import drive  # as above

        self._left()
        await drive(stories.leave(self, failed=kind is not None), current_world())
        if kind is None:
            self._raise_interrupt()

    async def commit(self) -> bool:
        """Commit now; False where it is rolled back instead, or was decided already."""
        from headrace.drive.asyncio import drive  # as above

        committed = await drive(stories.commit(self), current_world())
        self._raise_interrupt()
        return committed

    async def rollback(self) -> bool:
        """Roll back now; False where a hook raised, or it was decided already."""
        from headrace.drive.asyncio import drive  # as above

        all_well = await drive(stories.rollback(self), current_world())
        self._raise_interrupt()
        return all_well

    async def read(self) -> ResultRecord[Any] | None:
        """Return the record under the key; None without a key. Raises what the storage raises."""
        if self.key is None or self.store is None:
            return None
        record: ResultRecord[Any] = await self.store.aread(self.key, self.holder)
        return record


def get_transaction() -> BaseTransaction | None:
    """Return the innermost transaction that this code is in, a block or a task run; None outside."""
    return transaction_around(CURRENT.get())


@contextmanager
def transaction(
    key: str | None = None,
    store: ResultStore | None = None,
    commit_mode: Modes = None,
    isolation_level: Levels = None,
    overwrite: bool = False,
    write_on_commit: bool = True,
    logger: Any = None,
) -> Iterator[Transaction]:
    """Commit what is done in the block together, or roll it back if it raises.

    With a `key`, what is staged is written to the `store` (the current run's) when it commits, unless `write_on_commit`
    is False; where an earlier one did that already, the transaction is committed from the start, unless it is to
    `overwrite`. `commit_mode` and `isolation_level` are by default those of the transaction around it, else LAZY and
    READ_COMMITTED. Raises ConfigurationError for SERIALIZABLE without a lock manager. Hooks are logged to `logger`,
    by default that of the run.
    """
    store = store if store is not None or key is None else get_result_store()
    with Transaction(key, store, commit_mode, isolation_level, overwrite, write_on_commit, logger) as block:
        yield block


@asynccontextmanager
async def atransaction(
    key: str | None = None,
    store: ResultStore | None = None,
    commit_mode: Modes = None,
    isolation_level: Levels = None,
    overwrite: bool = False,
    write_on_commit: bool = True,
    logger: Any = None,
) -> AsyncIterator[AsyncTransaction]:
    """Do as `transaction`, in async code."""
    store = store if store is not None or key is None else get_result_store()
    async with AsyncTransaction(key, store, commit_mode, isolation_level, overwrite, write_on_commit, logger) as block:
        yield block
