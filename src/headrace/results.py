"""Where results are kept: `ResultStore` reads and writes them, `ResultRecord` is one with what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from headrace.drive.sync import drive
from headrace.drive.world import current_world
from headrace.effects import Cancelled, Outcome, Raised
from headrace.exceptions import ConfigurationError
from headrace.filesystems import WritableFileSystem, resolve_storage
from headrace.keeping.keeper import Keeper
from headrace.keeping.records import ResultRecord, ResultRecordMetadata
from headrace.runs import results as stories
from headrace.runs.context import CURRENT, RunContext
from headrace.serializers import Serializer, resolve_serializer
from headrace.settings import current_settings

__all__ = [
    "ResultRecord",
    "ResultRecordMetadata",
    "ResultStore",
    "get_default_result_serializer",
    "get_default_result_storage",
    "get_result_store",
    "resolve_result_storage",
    "resolve_serializer",
    "should_persist_result",
]

resolve_result_storage = resolve_storage


def get_default_result_storage() -> Any:
    """Return the storage for results that name none."""
    return current_world().shelf.storage


def get_default_result_serializer() -> Serializer:
    """Return the serializer that the settings name."""
    return resolve_serializer(current_settings().results_default_serializer)


def should_persist_result() -> bool:
    """Say whether results are kept where nothing else says so: as the run around this code does, else the setting."""
    here = CURRENT.get()
    return here.persist_result if here is not None else current_settings().results_persist_by_default


def get_result_store() -> ResultStore:
    """Return the result store of the run around this code; outside a run the default one."""
    here = CURRENT.get()
    storage, serializer = here.kept_by if here is not None else (None, None)
    return ResultStore(storage, serializer=serializer)


class ResultStore(Keeper):
    """Read and write results by key.

    `result_storage` is a storage, path or URL, `metadata_storage` one for what is known of a result, apart from it.
    `serializer` is one or its type. A `lock_manager` is needed for locks, and for transactions that are SERIALIZABLE.
    The last 1000 results are at hand in memory, unless `cache_result_in_memory` is False. `storage_key_fn` makes keys
    for what is written without one.
    """

    def __init__(
        self,
        result_storage: WritableFileSystem | str | Path | Any = None,
        metadata_storage: WritableFileSystem | str | Path | Any = None,
        lock_manager: Any = None,
        cache_result_in_memory: bool = True,
        serializer: Serializer | str | None = None,
        storage_key_fn: Callable[[], str] | None = None,
    ) -> None:
        shelf = current_world().shelf
        super().__init__(
            resolve_storage(result_storage) if result_storage is not None else shelf.storage,
            resolve_serializer(serializer) if serializer is not None else get_default_result_serializer(),
            shelf.recent if cache_result_in_memory else None,
            metadata_storage=resolve_storage(metadata_storage) if metadata_storage is not None else None,
            lock_manager=lock_manager,
            is_default=result_storage is None and not shelf.is_redirected,
        )
        self.storage_key_fn = storage_key_fn or (lambda: current_world().new_id().hex)

    def exists(self, key: str) -> bool:
        """Say whether there is a result under this key that has not expired."""
        return drive(stories.find(self, key, None), current_world()) is not None

    def read(self, key: str, holder: str | None = None) -> ResultRecord[Any]:
        """Return a record, expired or not; where somebody else has its lock, wait. Raises what the storage raises."""
        if self.is_locked(key) and not self.is_lock_holder(key, holder):
            self.lock_manager.wait_for_lock(key)
        record: ResultRecord[Any] = _value(drive(stories.read(self, key, None), current_world()))
        return record

    def write(
        self, obj: Any, key: str | None = None, expiration: datetime | None = None, holder: str | None = None
    ) -> None:
        """Write a result. Raises SerializationError, what the storage raises, RuntimeError if another has the lock."""
        self.persist_result_record(self.create_result_record(obj, key, expiration), holder)

    def create_result_record(
        self, obj: Any, key: str | None = None, expiration: datetime | None = None
    ) -> ResultRecord[Any]:
        """Return a record that is not written yet."""
        return self.seal(obj, key or self.storage_key_fn(), expiration)

    def persist_result_record(self, result_record: ResultRecord[Any], holder: str | None = None) -> None:
        """Write a record. Raises as `write`."""
        self._check_lock(result_record.metadata.storage_key, holder)
        staged = _value(drive(stories.stage(self, result_record, None), current_world()))
        _value(drive(stories.write(self, staged, None), current_world()))

    async def aexists(self, key: str) -> bool:
        """Do as `exists`, in async code."""
        from headrace.drive.asyncio import drive  # slow to import; only async code comes here

        return await drive(stories.find(self, key, None, is_async=True), current_world()) is not None

    async def aread(self, key: str, holder: str | None = None) -> ResultRecord[Any]:
        """Do as `read`, in async code."""
        from headrace.drive.asyncio import drive  # as above

        if self.is_locked(key) and not self.is_lock_holder(key, holder):
            await self.lock_manager.await_for_lock(key)
        record: ResultRecord[Any] = _value(await drive(stories.read(self, key, None, is_async=True), current_world()))
        return record

    async def awrite(
        self, obj: Any, key: str | None = None, expiration: datetime | None = None, holder: str | None = None
    ) -> None:
        """Do as `write`, in async code."""
        await self.apersist_result_record(self.create_result_record(obj, key, expiration), holder)

    async def apersist_result_record(self, result_record: ResultRecord[Any], holder: str | None = None) -> None:
        """Do as `persist_result_record`, in async code."""
        from headrace.drive.asyncio import drive  # as above

        self._check_lock(result_record.metadata.storage_key, holder)
        staged = _value(await drive(stories.stage(self, result_record, None), current_world()))
        _value(await drive(stories.write(self, staged, None, is_async=True), current_world()))

    # locks -----------------------------------------------------------------------------------------------------

    def supports_isolation_level(self, level: Any) -> bool:
        """Say whether transactions of this isolation level can use the store."""
        return level != "SERIALIZABLE" or self.lock_manager is not None

    def acquire_lock(self, key: str, holder: str | None = None, timeout: float | None = None) -> bool:
        """Take the lock of a key within `timeout` seconds (None: as long as it takes); say whether it is held."""
        return bool(self._locks().acquire_lock(key, holder or _holder(), timeout))

    async def aacquire_lock(self, key: str, holder: str | None = None, timeout: float | None = None) -> bool:
        """Do as `acquire_lock`, in async code."""
        return bool(await self._locks().aacquire_lock(key, holder or _holder(), timeout))

    def release_lock(self, key: str, holder: str | None = None) -> None:
        """Give the lock of a key back. Raises ValueError where this holder does not have it."""
        self._locks().release_lock(key, holder or _holder())

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds until nobody has the lock of a key; say whether that is so."""
        return bool(self._locks().wait_for_lock(key, timeout))

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Do as `wait_for_lock`, in async code."""
        return bool(await self._locks().await_for_lock(key, timeout))

    def is_locked(self, key: str) -> bool:
        """Say whether anybody has the lock of a key."""
        return self.lock_manager is not None and bool(self.lock_manager.is_locked(key))

    def is_lock_holder(self, key: str, holder: str | None = None) -> bool:
        """Say whether this holder (by default this thread) has the lock of a key."""
        return self.lock_manager is not None and bool(self.lock_manager.is_lock_holder(key, holder or _holder()))

    def _locks(self) -> Any:
        if self.lock_manager is None:
            raise ConfigurationError(
                "This result store has no locks: make it with a lock_manager, MemoryLockManager() or "
                "FileSystemLockManager(directory)."
            )
        return self.lock_manager

    def _check_lock(self, key: str, holder: str | None) -> None:
        if self.is_locked(key) and not self.is_lock_holder(key, holder):
            raise RuntimeError(f"The result {key!r} can't be written: somebody else has its lock.")


def _holder() -> str:
    """Name this thread, as one that may hold a lock."""
    import os
    import socket
    import threading

    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


def _value(outcome: Outcome) -> Any:
    if isinstance(outcome, Raised):
        raise outcome.error
    if isinstance(outcome, Cancelled):
        raise outcome.reason
    return outcome.value


def kept_by(definition: Any, parent: RunContext | None) -> tuple[Any, Any]:
    """Return the storage and the serializer for runs of a flow or task: its own, else those of the run around it."""
    storage, serializer = parent.kept_by if parent is not None else (None, None)
    own, own_serializer = definition.result_storage, definition.result_serializer
    return own if own is not None else storage, own_serializer if own_serializer is not None else serializer


def keeper_of(definition: Any, kept_by: tuple[Any, Any]) -> ResultStore:
    """Return what keeps the result of a run."""
    storage, serializer = kept_by
    policy = getattr(definition, "cache_policy", None)
    return ResultStore(
        storage,
        metadata_storage=_key_storage(policy),
        lock_manager=policy.lock_manager if policy is not None else None,
        cache_result_in_memory=definition.cache_result_in_memory,
        serializer=serializer,
    )


def _key_storage(policy: Any) -> Any:
    storage = policy.key_storage if policy is not None else None
    return Path(storage) if isinstance(storage, str) and "://" not in storage else storage
