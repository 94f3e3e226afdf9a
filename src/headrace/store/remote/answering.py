"""The server's side of the store over HTTP, whatever carries the bytes: news that is delivered, and questions.

News: ``POST {PREFIX}/spools/{id}?after=…&until=…``, whose body is a JSON array of lines, compressed or not. Questions:
``POST {PREFIX}/ask/{name}``, whose body holds the arguments of the operation of `Store` that is called so.
This is between headrace and headrace: it may change with every release, and `PREFIX` with it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from headrace.exceptions import HeadraceError
from headrace.store import lines, values
from headrace.store.operations import Delivery, Operation
from headrace.store.protocol import ServedStore
from headrace.store.remote.paths import STRICTLY

#: How many bytes a delivery may have when it is unpacked.
MOST_UNPACKED = 64_000_000
#: What may be asked.
QUESTIONS = frozenset(
    (
        *("propose", "flow_run", "task_run", "flow_runs", "task_runs", "count", "tally", "tallies", "flows"),
        *("history", "histories", "current_states", "delete", "claim", "renew_claims", "dismiss", "logs"),
        "count_logs",
        *("put_limit", "delete_limit", "limit", "limits", "request_slots", "renew_slots", "release_slots", "leases"),
        *("create_artifact", "update_artifact", "artifacts", "count_artifacts", "delete_artifact"),
        *("put_variable", "update_variable", "variables", "count_variables", "delete_variable"),
    )
)


class CantBeAnswered(HeadraceError, ValueError):
    """A question or delivery that makes no sense."""


def deliver(store: ServedStore, delivery: Delivery, body: bytes, now: datetime, *, packed: bool = False) -> bytes:
    """Take news, and answer how much of the spool is known now, and what was refused. Raises CantBeAnswered."""
    told = _array(_unpacked(body) if packed else body)
    if len(told) != delivery.until - delivery.after:
        raise CantBeAnswered(f"There are {len(told)} lines here, not those from {delivery.after} to {delivery.until}.")
    operations: list[Operation] = list(map(lines.operation, told))
    return values.dumps(store.ingest(operations, delivery, now))


def answer(store: ServedStore, question: str, body: bytes, now: datetime) -> bytes:
    """Answer a question as the store does. Raises CantBeAnswered, and what the store raises about it."""
    if question == STRICTLY:
        return values.dumps(store.ingest(list(map(lines.operation, _array(body))), None, now))
    if question not in QUESTIONS:
        raise CantBeAnswered(f"There is no question {question!r}.")
    ask: Callable[..., Any] = getattr(store, question)
    try:
        args, options = values.loads(body)
        return values.dumps(ask(*args, **options))
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise CantBeAnswered(str(error)) from error


def spool_id(text: str) -> UUID:
    """Return the id of a spool. Raises CantBeAnswered."""
    try:
        return lines.identity(text)
    except (ValueError, TypeError) as error:
        raise CantBeAnswered(str(error)) from None


def _unpacked(body: bytes) -> bytes:
    unpack = zlib.decompressobj()
    try:
        plain = unpack.decompress(body, MOST_UNPACKED)
    except zlib.error as error:
        raise CantBeAnswered(f"The body is not what it says, deflated: {error}.") from None
    if unpack.unconsumed_tail or not unpack.eof:
        raise CantBeAnswered(f"Unpacked, the body has more than {MOST_UNPACKED} bytes, or ends in the middle.")
    return plain


def _array(body: bytes) -> list[Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CantBeAnswered(f"The body is no JSON: {error}.") from None
    if not isinstance(told, list):
        raise CantBeAnswered("The body is no array of lines.")
    return told
