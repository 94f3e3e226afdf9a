"""What has happened since, from a mark that anybody can keep: states that runs entered, and runs that were deleted.

Nothing is written for this while runs are recorded; of those that are deleted the last few thousand are noted. What has
changed is found by comparing: a run that has arrived since has a higher number than all that had been seen; one that
was going on has a longer history than it had. So a mark is the highest numbers, and of each run that was going on how
long its history was. It says all that there is to know, so no server has to remember it, and it is good for whichever
process serves the store next.

The price: a run that had ended and is rolled back is not looked at again; and a mark grows with what goes on at once.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from headrace.core.state_types import TERMINAL
from headrace.core.states import State
from headrace.store.wanted import RunKind

KINDS: tuple[RunKind, RunKind] = ("flow", "task")
#: How many runs that go on a mark names at most; of more, the oldest are left out.
_MOST = 5000
#: How many numbers it names that are not there yet. Where many write at once, a higher one may be seen first.
_MOST_AWAITED = 256
_LONGEST = 1_000_000
_BEFORE = datetime.min.replace(tzinfo=UTC)


class Seen(NamedTuple):
    """How much is known of the runs of a kind: all numbers up to `last`, and of those that go on how far they were."""

    last: int = 0
    going_on: Mapping[int, int] = {}

    def up_to(self, last: int) -> Seen:
        """Return what is known of the runs up to a number."""
        return Seen(last, {seq: length for seq, length in self.going_on.items() if seq <= last})


class Mark(NamedTuple):
    """How much is known; without anything, nothing is. `deleted` is the number of the last deletion."""

    flow: Seen = Seen()
    task: Seen = Seen()
    deleted: int = 0

    @property
    def runs(self) -> tuple[Seen, Seen]:
        """How much is known of runs, by kind."""
        return self.flow, self.task

    def __str__(self) -> str:
        told = [*([seen.last, _packed(seen.going_on)] for seen in self.runs), self.deleted]
        text = zlib.compress(json.dumps(told, separators=(",", ":")).encode())
        return base64.urlsafe_b64encode(text).decode().rstrip("=")


class Change(NamedTuple):
    """A state that a run entered. `flow_run_id` is the flow run that it belongs to: for a subflow run, its parent."""

    kind: RunKind
    run_id: UUID
    run_name: str
    flow_run_id: UUID | None
    position: int
    state: State


class Deleted(NamedTuple):
    """A run that was deleted, a flow run with its task runs. `flow_run_id` is as in a Change."""

    kind: RunKind
    run_id: UUID
    flow_run_id: UUID | None


class Found(NamedTuple):
    """A change, and the number of its run."""

    seq: int
    change: Change


class News(NamedTuple):
    """What has changed, in order of time; the mark to ask from the next time, and whether there may be more by now.

    What was `deleted` was so after its changes.
    """

    changes: Sequence[Change]
    mark: Mark
    is_all: bool = True
    #: Differs whenever there may be news; None where that is not known.
    version: object = None
    deleted: Sequence[Deleted] = ()


def mark_of(text: str) -> Mark:
    """Return the mark that a text stands for. Raises ValueError for one that is none."""
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        unpack = zlib.decompressobj()
        *runs, deleted = json.loads(unpack.decompress(packed, _LONGEST))
        if not unpack.eof:
            raise ValueError(text)
        flow, task = (Seen(_number(last), _unpacked(pairs)) for last, pairs in runs)
        return Mark(flow, task, _number(deleted))
    except (ValueError, TypeError, zlib.error, binascii.Error, RecursionError):
        raise ValueError(f"{text[:60]!r} is no place in the feed: send the id of an event of it.") from None


def seen_with(
    seen: Seen, found: Iterable[Found], gone: Iterable[int], last: int, *, may_come_late: bool = False
) -> Seen:
    """Return what is known after this was found; `gone` are numbers that are there no longer.

    `may_come_late`: a run may be seen after one with a higher number. Numbers that were passed over are looked for,
    as runs whose histories have no length yet.
    """
    going_on = dict(seen.going_on)
    if may_come_late and seen.last:
        going_on.update(dict.fromkeys(range(max(seen.last + 1, last - _MOST_AWAITED), last + 1), 0))
    for seq in gone:
        if going_on.get(seq):
            del going_on[seq]
    for seq, change in found:
        if change.state.type in TERMINAL or change.state.name == "NotReady":
            going_on.pop(seq, None)
        else:
            going_on[seq] = change.position + 1
    awaited = sorted(seq for seq, length in going_on.items() if not length)
    for seq in awaited[:-_MOST_AWAITED]:
        del going_on[seq]
    return Seen(last, dict(sorted(going_on.items())[-_MOST:]))


def in_time(found: Iterable[Found]) -> list[Change]:
    """Return changes in order of time; those of one run, and of one moment, as they came."""
    return sorted((one.change for one in found), key=lambda change: change.state.timestamp or _BEFORE)


def _packed(going_on: Mapping[int, int]) -> list[int]:
    """Return pairs as one list, each number as its distance from the one before."""
    packed: list[int] = []
    before = 0
    for seq, length in sorted(going_on.items()):
        packed += (seq - before, length)
        before = seq
    return packed


def _unpacked(packed: Sequence[int]) -> dict[int, int]:
    going_on, seq = {}, 0
    for distance, length in zip(packed[::2], packed[1::2], strict=True):
        seq += _number(distance)
        going_on[seq] = _number(length)
    return going_on


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**62:
        raise ValueError(value)
    return value
