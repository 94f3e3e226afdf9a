"""Where a part of a list ended, as a word that clients send back."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException

from headrace.core.records import Run
from headrace.store.protocol import Order, Place

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_MICROSECONDS = 200_000_000_000_000_000  # some 6,300 years on


def cursor_after(run: Run, order: Order) -> str:
    """Return the word for the place after a run in a list of this order."""
    told = [order.field, order.descending, _plain(getattr(run, order.field)), run.id.hex]
    return base64.urlsafe_b64encode(json.dumps(told, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(cursor: str, order: Order) -> Place:
    """Return the place that a word means. Raises HTTPException for one that is no cursor of a list of this order."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        field, descending, value, run_id = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        place = Place(_value(order.field, value), UUID(hex=run_id))
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise HTTPException(400, f"{cursor!r} is no cursor: send the header X-Next-Cursor of an answer.") from None
    if (field, descending) != (order.field, order.descending):
        raise HTTPException(400, f"The cursor is of a list that is sorted by {field!r}, not of this one.")
    return place


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    return value.hex if isinstance(value, UUID) else value


def _value(field: str, value: Any) -> Any:
    if value is None:
        return None
    if field in ("id", "name"):
        if not isinstance(value, str):
            raise ValueError(value)
        return UUID(hex=value) if field == "id" else value
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MOST_MICROSECONDS:
        raise ValueError(value)
    if field == "run_count":
        return value
    passed = timedelta(microseconds=value)
    return passed if field == "total_run_time" else _EPOCH + passed
