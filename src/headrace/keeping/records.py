"""A result with what is to be known to read it back, and both as bytes.

The bytes begin with a line that says what they are, and a line of JSON, the metadata; the rest is what the serializer
wrote. Where keys have a storage of their own, that holds the first two lines, and the result's storage the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from headrace._version import __version__
from headrace.core.wording import kind_of
from headrace.exceptions import SerializationError
from headrace.serializers import Serializer

R = TypeVar("R")

_MAGIC = b"headrace result 1\n"


@dataclass(frozen=True, slots=True)
class ResultRecordMetadata:
    """What is to be known of a result. `expiration` is when it may no longer stand in for a run; None is never."""

    storage_key: str
    serializer: Serializer
    expiration: datetime | None = None
    headrace_version: str = __version__

    def dump_bytes(self) -> bytes:
        """Return the metadata as bytes."""
        said = {
            "storage_key": self.storage_key,
            "serializer": self.serializer.described(),
            "expiration": self.expiration.isoformat() if self.expiration is not None else None,
            "headrace_version": self.headrace_version,
        }
        return b"%s%s\n" % (_MAGIC, json.dumps(said).encode())

    @classmethod
    def load_bytes(cls, data: bytes) -> ResultRecordMetadata:
        """Return the metadata at the beginning of bytes. Raises SerializationError for what is none of ours."""
        return opened(data)[0]

    def is_expired(self, now: datetime) -> bool:
        """Say whether the result may no longer stand in for a run."""
        return self.expiration is not None and self.expiration <= now


@dataclass(frozen=True, slots=True)
class ResultRecord(Generic[R]):
    """A result and its metadata."""

    metadata: ResultRecordMetadata
    result: R

    @property
    def expiration(self) -> datetime | None:
        """When the result may no longer stand in for a run; None is never."""
        return self.metadata.expiration

    @property
    def serializer(self) -> Serializer:
        """What writes and reads it."""
        return self.metadata.serializer

    def serialize_result(self) -> bytes:
        """Return the result as bytes. Raises SerializationError."""
        try:
            return self.serializer.dumps(self.result)
        except Exception as error:
            raise SerializationError(
                f"The serializer {self.serializer.type!r} can't write {kind_of(self.result)} "
                f"({type(error).__name__}: {error}). Give another result_serializer, or persist_result=False."
            ) from error

    def serialize_metadata(self) -> bytes:
        """Return the metadata as bytes."""
        return self.metadata.dump_bytes()

    def serialize(self) -> bytes:
        """Return metadata and result as bytes. Raises SerializationError."""
        return self.serialize_metadata() + self.serialize_result()

    @classmethod
    def deserialize(cls, data: bytes, backup_serializer: Serializer | None = None) -> ResultRecord[Any]:
        """Return the record that bytes hold.

        Bytes that are none of ours are given to `backup_serializer`. Raises SerializationError where there is none, and
        what the serializer raises.
        """
        if backup_serializer is not None and not data.startswith(_MAGIC):
            return ResultRecord(ResultRecordMetadata("", backup_serializer), backup_serializer.loads(data))
        metadata, payload = opened(data)
        return ResultRecord(metadata, metadata.serializer.loads(payload))

    @classmethod
    def deserialize_from_result_and_metadata(cls, result: bytes, metadata: bytes) -> ResultRecord[Any]:
        """Return the record whose parts were written apart."""
        known = ResultRecordMetadata.load_bytes(metadata)
        return ResultRecord(known, known.serializer.loads(result))


def opened(data: bytes) -> tuple[ResultRecordMetadata, bytes]:
    """Return the metadata at the beginning of bytes, and the result as it was written. Raises SerializationError."""
    if not data.startswith(_MAGIC):
        raise SerializationError(f"These bytes are no result of headrace: they begin with {data[:20]!r}.")
    line, _, payload = data[len(_MAGIC) :].partition(b"\n")
    said = json.loads(line)
    expiration = said["expiration"]
    metadata = ResultRecordMetadata(
        storage_key=said["storage_key"],
        serializer=Serializer(**said["serializer"]),
        expiration=datetime.fromisoformat(expiration) if expiration is not None else None,
        headrace_version=said["headrace_version"],
    )
    return metadata, payload
