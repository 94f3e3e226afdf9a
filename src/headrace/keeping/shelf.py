"""What a world has at hand of results: the storage for those that name none, and the most recent ones in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime
from typing import Any
from zlib import crc32

from headrace.filesystems import LocalFileSystem, MemoryFileSystem
from headrace.keeping.records import ResultRecord
from headrace.settings import current_settings

#: How many results are kept in memory beside their storage.
RECENT = 1000


#: A storage's location, and a key in it.
Place = tuple[str, str]


class Recent:
    """The results that were written or read last, by place, each with a checksum of the bytes that say the same."""

    def __init__(self, size: int = RECENT) -> None:
        self._size = size
        self._records: OrderedDict[Place, tuple[int, ResultRecord[Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, place: Place, data: bytes, record: ResultRecord[Any]) -> None:
        """Remember a record; the one that was not asked for longest makes room."""
        with self._lock:
            self._records[place] = (crc32(data), record)
            self._records.move_to_end(place)
            if len(self._records) > self._size:
                self._records.popitem(last=False)

    def get(self, place: Place, data: bytes) -> ResultRecord[Any] | None:
        """Return the record that these bytes say; None where it is not remembered, or the bytes are others."""
        with self._lock:
            checksum, record = self._records.get(place, (None, None))
            if record is None or checksum != crc32(data):
                return None
            self._records.move_to_end(place)
            return record

    def __len__(self) -> int:
        return len(self._records)


class Shelf:
    """The results of one world. `in_memory`: where its runs go to memory, its results do, unless settings say where."""

    def __init__(self, in_memory: bool) -> None:
        self._in_memory = in_memory
        self.memory: Any = MemoryFileSystem()
        self.recent = Recent()
        #: Who holds which lock in memory, and when it is free by itself.
        self.locks: dict[str, tuple[str, datetime | None]] = {}

    @property
    def storage(self) -> Any:
        """The storage for results that name none."""
        if self._in_memory and not self.is_redirected:
            return self.memory
        return LocalFileSystem(current_settings().results_local_storage_path)

    @property
    def is_redirected(self) -> bool:
        """Say whether `temporary_settings` name a directory."""
        return current_settings().source_of("results_local_storage_path").kind == "temporary"
