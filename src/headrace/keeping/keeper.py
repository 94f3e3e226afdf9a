"""Where the results of a flow, a task or a transaction go, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from headrace.keeping.records import ResultRecord, ResultRecordMetadata
from headrace.keeping.shelf import Recent
from headrace.serializers import Serializer


class Part(NamedTuple):
    """Bytes that are to be written."""

    storage: Any
    path: str
    content: bytes


class Keeper:
    """A storage with a serializer. `metadata_storage` (None: the same) holds keys apart from results.

    `is_default`: the storage is the one of the world, and need not be named to be found again.
    """

    def __init__(
        self,
        storage: Any,
        serializer: Serializer,
        recent: Recent | None,
        *,
        metadata_storage: Any = None,
        lock_manager: Any = None,
        is_default: bool = False,
    ) -> None:
        self.result_storage = storage
        self.metadata_storage = metadata_storage
        self.serializer = serializer
        self.lock_manager = lock_manager
        self.cache_result_in_memory = recent is not None
        self.is_default = is_default
        self.recent = recent

    @property
    def location(self) -> str | None:
        """What a state says of the storage, so that the result can be found again; None for the world's own."""
        if self.is_default:
            return None
        named: str | None = getattr(self.result_storage, "location", None)
        return named or f"<{type(self.result_storage).__qualname__}>"

    def seal(self, result: Any, key: str, expiration: datetime | None = None) -> ResultRecord[Any]:
        """Return a record that is to be written under a key."""
        return ResultRecord(ResultRecordMetadata(key, self.serializer, expiration), result)

    def parts(self, record: ResultRecord[Any]) -> list[Part]:
        """Return what is to be written of a record, and where. Raises SerializationError."""
        key = record.metadata.storage_key
        if self.metadata_storage is None:
            return [Part(self.result_storage, key, record.serialize())]
        return [
            Part(self.result_storage, key, record.serialize_result()),
            Part(self.metadata_storage, key, record.serialize_metadata()),  # last: it is what makes the result found
        ]

    def opened(self, key: str, data: bytes, payload: bytes | None) -> ResultRecord[Any]:
        """Return the record of what was read; from memory, where it is there and the same."""
        seen = data if payload is None else data + payload
        record = self.recent.get(self._place(key), seen) if self.recent is not None else None
        if record is None and payload is not None:
            record = ResultRecord.deserialize_from_result_and_metadata(payload, data)
        elif record is None:
            record = ResultRecord.deserialize(data, self.serializer)
        if self.recent is not None:
            self.recent.put(self._place(key), seen, record)
        return record

    def remember(self, record: ResultRecord[Any], parts: Sequence[Part]) -> None:
        """Have a record at hand, for a while, as it was written."""
        if self.recent is not None:
            seen = b"".join(part.content for part in reversed(parts))
            self.recent.put(self._place(record.metadata.storage_key), seen, record)

    def is_same_place(self, other: Keeper) -> bool:
        """Say whether the same key means the same result."""
        return self._place("") == other._place("")

    def _place(self, key: str) -> tuple[str, str]:
        return getattr(self.result_storage, "location", None) or f"{id(self.result_storage)}", key


def method(storage: Any, name: str, is_async: bool) -> Callable[..., Any]:
    """Return a storage's `read_path` or `write_path`, or what it has for async code."""
    found: Callable[..., Any] | None = getattr(storage, f"a{name}", None) if is_async else None
    return found if found is not None else getattr(storage, name)
