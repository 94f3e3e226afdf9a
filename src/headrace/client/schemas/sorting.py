"""In which order a client is to give runs, log lines, artifacts and variables."""

from __future__ import annotations

from enum import StrEnum

from headrace.store.protocol import Order

__all__ = ["ArtifactSort", "FlowRunSort", "LogSort", "TaskRunSort", "VariableSort", "order_of"]


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
    TOTAL_RUN_TIME_ASC = "TOTAL_RUN_TIME_ASC"
    TOTAL_RUN_TIME_DESC = "TOTAL_RUN_TIME_DESC"


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
    TOTAL_RUN_TIME_ASC = "TOTAL_RUN_TIME_ASC"
    TOTAL_RUN_TIME_DESC = "TOTAL_RUN_TIME_DESC"


class LogSort(StrEnum):
    """The moment of a log line, and ASC or DESC."""

    TIMESTAMP_ASC = "TIMESTAMP_ASC"
    TIMESTAMP_DESC = "TIMESTAMP_DESC"


class ArtifactSort(StrEnum):
    """An attribute of artifacts, and ASC or DESC."""

    ID_DESC = "ID_DESC"
    KEY_ASC = "KEY_ASC"
    KEY_DESC = "KEY_DESC"
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"


class VariableSort(StrEnum):
    """An attribute of variables, and ASC or DESC."""

    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"


def order_of(sort: str) -> Order:
    """Return the order that such a word means. Raises ValueError for one that ends neither in _ASC nor in _DESC."""
    field, _, direction = sort.rpartition("_")
    if direction not in ("ASC", "DESC"):
        raise ValueError(f"There is no order {sort!r}: write the name of an attribute and _ASC or _DESC.")
    return Order(field.lower(), direction == "DESC")
