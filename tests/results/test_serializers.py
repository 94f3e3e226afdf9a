"""Values become bytes, and bytes values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.keeping.records import ResultRecord, ResultRecordMetadata
from headrace.serializers import (
    CompressedJSONSerializer,
    CompressedPickleSerializer,
    CompressedSerializer,
    JSONSerializer,
    PickleSerializer,
    Serializer,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Point:
    x: int
    y: int


class Shouting(Serializer):
    type: str = "shouting"
    suffix: str = "!"

    def dumps(self, obj: Any) -> bytes:
        return f"{obj}{self.suffix}".encode()

    def loads(self, blob: bytes) -> Any:
        return blob.decode().removesuffix(self.suffix)


SERIALIZERS = [
    PickleSerializer(),
    JSONSerializer(),
    CompressedPickleSerializer(),
    CompressedJSONSerializer(),
    CompressedSerializer(serializer="json", compressionlib="zlib"),
]


@pytest.mark.parametrize("serializer", SERIALIZERS, ids=repr)
@pytest.mark.parametrize("value", [None, 1, "ä", [1, {"a": [2.5]}], Point(1, 2), NOW])
def test_a_value_comes_back(serializer: Serializer, value: Any) -> None:
    """From each serializer, for plain values and for those that JSON has no words for."""
    assert serializer.loads(serializer.dumps(value)) == value


def test_json_keeps_exceptions() -> None:
    """Their class and message."""
    serializer = JSONSerializer()
    back = serializer.loads(serializer.dumps({"error": KeyError("k")}))["error"]
    assert (type(back), str(back)) == (KeyError, "\"'k'\"")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("pickle", PickleSerializer), ("json", JSONSerializer), ("compressed/json", CompressedJSONSerializer)],
)
def test_a_serializer_is_known_by_its_type(name: str, kind: type) -> None:
    """Serializer(type=...) makes one of that class."""
    assert type(Serializer(type=name)) is kind


def test_one_of_your_own_is_known_by_its_type() -> None:
    """With its options."""
    found = Serializer(type="shouting", suffix="?")
    assert isinstance(found, Shouting)
    assert found.dumps("hi") == b"hi?"
    assert found.described() == {"type": "shouting", "suffix": "?"}


def test_a_type_that_none_has_is_refused_with_those_there_are() -> None:
    """The message lists them."""
    with pytest.raises(ValueError, match=r"'yaml'; there are .*compressed/json.*pickle"):
        Serializer(type="yaml")


@pytest.mark.parametrize(
    ("serializer", "options"),
    [
        (PickleSerializer, {"picklelib": "nope"}),
        (JSONSerializer, {"jsonlib": "nope"}),
        (CompressedSerializer, {"compressionlib": "no.nope"}),
    ],
)
def test_a_module_that_is_not_there_is_refused(serializer: type[Serializer], options: dict[str, str]) -> None:
    """Before there is a result that can't be written."""
    with pytest.raises(ValueError, match=r"there is no module '.*nope'"):
        serializer(**options)


def test_an_option_that_it_does_not_have_is_refused() -> None:
    """The message lists those it has."""
    with pytest.raises(TypeError, match="no option 'indent'"):
        JSONSerializer(indent=2)


@pytest.mark.parametrize("serializer", [*SERIALIZERS, Shouting(suffix="?")], ids=repr)
def test_a_record_says_how_it_is_read(serializer: Serializer) -> None:
    """Key, expiration, and a serializer equal to the one that wrote it."""
    record = ResultRecord(ResultRecordMetadata("k", serializer, NOW), "value")
    assert ResultRecord.deserialize(record.serialize()) == record


def test_what_headrace_did_not_write_goes_to_the_backup_serializer() -> None:
    """Bytes that somebody else put there."""
    assert ResultRecord.deserialize(b"[1, 2]", JSONSerializer()).result == [1, 2]
