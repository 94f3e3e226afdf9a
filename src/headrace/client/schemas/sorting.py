"""In which order a client is to give runs and log lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

__all__ = ["FlowRunSort", "LogSort", "TaskRunSort", "in_order"]

T = TypeVar("T")


class FlowRunSort(StrEnum):
    """An attribute of flow runs, and ASC or DESC."""

    ID_DESC = "ID_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    START_TIME_ASC = "START_TIME_ASC"
    START_TIME_DESC = "START_TIME_DESC"
    END_TIME_DESC = "END_TIME_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"


class TaskRunSort(StrEnum):
    """An attribute of task runs, and ASC or DESC."""

    ID_DESC = "ID_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    START_TIME_ASC = "START_TIME_ASC"
    START_TIME_DESC = "START_TIME_DESC"
    END_TIME_DESC = "END_TIME_DESC"
    EXPECTED_START_TIME_ASC = "EXPECTED_START_TIME_ASC"
    EXPECTED_START_TIME_DESC = "EXPECTED_START_TIME_DESC"


class LogSort(StrEnum):
    """The moment of a log line, and ASC or DESC."""

    TIMESTAMP_ASC = "TIMESTAMP_ASC"
    TIMESTAMP_DESC = "TIMESTAMP_DESC"


_NEVER = datetime.max.replace(tzinfo=UTC)


def in_order(things: Iterable[T], sort: StrEnum | str | None) -> list[T]:
    """Return them in this order (None: as they come); those without a moment count as later than all others."""
    if sort is None:
        return list(things)
    attribute, _, direction = str(sort).rpartition("_")

    def key(thing: Any) -> Any:
        value = getattr(thing, attribute.lower())
        return _NEVER if value is None else value

    return sorted(things, key=key, reverse=direction == "DESC")
