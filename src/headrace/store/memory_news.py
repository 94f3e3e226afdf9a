"""What has happened since, in memory, where every state has its place in the order of all."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from headrace.store.news import KINDS, Change, Deleted, Found, Mark, News, Seen, in_time, seen_with
from headrace.store.protocol import RunKind


class NewsInMemory:
    """The part of a store that tells what has happened. See `ServedStore` for what its method promises."""

    _lock: threading.Lock
    _taken: int
    #: The last deletions, and how many there have been.
    _deleted: deque[Deleted]
    _deletions: int

    def _check_open(self) -> None:
        """Raise StoreError where the store was closed."""
        raise NotImplementedError

    def _numbered(self, kind: RunKind) -> Iterator[tuple[int, Any]]:
        """Yield all runs of a kind with their numbers, which grow in order of arrival."""
        raise NotImplementedError

    def mark(self) -> Mark:
        """Return the mark after which nothing has happened yet."""
        return self.news(Mark(), most=sys.maxsize).mark

    def news(self, since: Mark, version: object = None, most: int = 1000) -> News:
        """Return what has happened since; of no more than `most` runs that are new."""
        with self._lock:
            self._check_open()
            if version == self._taken:
                return News((), since, version=version)
            found: list[Found] = []
            marks: list[Seen] = []
            is_all = True
            for kind, seen in zip(KINDS, since.runs, strict=True):
                runs = dict(self._numbered(kind))
                new = [seq for seq in runs if seq > seen.last][: most + 1]
                is_all, new = is_all and len(new) <= most, new[:most]
                lengths = {seq: length for seq, length in seen.going_on.items() if seq in runs} | dict.fromkeys(new, 0)
                here = [one for seq, length in lengths.items() for one in _changes(kind, seq, runs[seq], length)]
                marks.append(seen_with(seen, here, set(seen.going_on) - set(runs), max([seen.last, *new])))
                found += here
            missed = max(min(self._deletions - since.deleted, len(self._deleted)), 0)
            deleted = list(self._deleted)[len(self._deleted) - missed :]
            flow, task = marks
            mark = Mark(flow, task, self._deletions)
            return News(in_time(found), mark, is_all, self._taken if is_all else None, deleted)

    def _note_deleted(self, kind: RunKind, run: Any) -> None:
        """Note that a run is deleted."""
        self._deleted.append(Deleted(kind, run.id, _belongs_to(kind, run)))
        self._deletions += 1
        self._taken += 1  # there are news


def _changes(kind: RunKind, seq: int, run: Any, length: int) -> Iterator[Found]:
    built, states = run
    belongs_to = _belongs_to(kind, built)
    for position in range(length, len(states)):
        yield Found(seq, Change(kind, built.id, built.name, belongs_to, position, states[position]))


def _belongs_to(kind: RunKind, run: Any) -> UUID | None:
    found: UUID | None = run.flow_run_id if kind == "task" else run.parent_flow_run_id or run.id
    return found
