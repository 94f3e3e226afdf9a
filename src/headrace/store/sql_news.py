"""What has happened since, in an SQL database, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.store import rows
from headrace.store import statements as sql
from headrace.store.later import Later
from headrace.store.link import Link
from headrace.store.protocol import RunKind

if TYPE_CHECKING:
    from headrace.store import news
    from headrace.store.news import Found, Mark, News, Seen
    from headrace.store.queries import Queries
else:
    news = Later("headrace.store.news")


class NewsTables:
    """The part of a store that tells what has happened. See `ServedStore` for what its method promises."""

    _link: Link
    #: Whether a run may be seen after one with a higher number, as where several write at once.
    _come_late = False

    def _queries(self) -> Queries:
        raise NotImplementedError

    def _version(self) -> object:
        """Return what differs whenever there may be news; None where that is not known."""
        return None

    def mark(self) -> Mark:
        """Return the mark after which nothing has happened yet."""
        last: int | None = self._link.read(sql.LAST_DELETED)[0][0]
        return news.Mark(self._standing("flow"), self._standing("task"), last or 0)

    def news(self, since: Mark, version: object = None, most: int = 1000) -> News:
        """Return what has happened since; of no more than `most` runs that are new."""
        now = self._version()
        if now is not None and now == version:
            return news.News((), since, version=version)
        found: list[Found] = []
        marks: list[Seen] = []
        deletions = self._link.read(sql.NEW_DELETED, (since.deleted, most))
        is_all = len(deletions) < most
        for kind, seen in zip(news.KINDS, self._seen_still(since, deletions), strict=True):
            going_on, gone = self._of_those_going_on(kind, seen.going_on)
            last = min(seen.last, self._last(kind))
            new = self._new(kind, last, most)
            is_all = is_all and len({one.seq for one in new}) < most
            both = (*going_on, *new)
            last = max((one.seq for one in new), default=last)
            marks.append(news.seen_with(seen, both, gone, last, may_come_late=self._come_late))
            found += both
        flow, task = marks
        mark = news.Mark(flow, task, deletions[-1][0] if deletions else since.deleted)
        deleted = [news.Deleted(kind, UUID(bytes=run), rows.uuid_or_none(of)) for _, kind, run, of, *_ in deletions]
        return news.News(news.in_time(found), mark, is_all, now if is_all else None, deleted)

    def _seen_still(self, since: Mark, deletions: Sequence[rows.Row]) -> Iterator[Seen]:
        """Yield what is known of each kind, less what is not known any more.

        In SQLite the numbers of the newest runs are given again when they are deleted: what has a higher one than there
        was at a deletion was recorded after it.
        """
        for seen, place in zip(since.runs, (-2, -1), strict=True):
            last = min((row[place] for row in deletions if not self._come_late), default=seen.last)
            yield seen if last >= seen.last else seen.up_to(last)

    def _standing(self, kind: RunKind) -> Seen:
        last = self._last(kind)
        lengths = self._link.read(sql.RUNS_GOING_ON.format(run=f"{kind}_run"))
        return news.Seen(last, {seq: length for seq, length in lengths if seq <= last})

    def _last(self, kind: RunKind) -> int:
        last: int | None = self._link.read(sql.LAST_RUN.format(run=f"{kind}_run"))[0][0]
        return last or 0

    def _new(self, kind: RunKind, last: int, most: int) -> list[Found]:
        rows_ = self._link.read(sql.NEW_STATES[kind], (last, last, most))
        return [_found(kind, row) for row in rows_]

    def _of_those_going_on(self, kind: RunKind, lengths: Mapping[int, int]) -> tuple[list[Found], set[int]]:
        """Return what they have entered since, and those that are gone."""
        if not lengths:
            return [], set()
        listed, frame = self._queries().listed(sorted(lengths))
        now = dict(self._link.read(sql.LENGTHS.format(run=f"{kind}_run", frame=frame), (listed,)))
        longer = [seq for seq, length in now.items() if length > lengths[seq]]
        found: list[Found] = []
        if longer:
            listed, frame = self._queries().listed(longer)
            states = self._link.read(sql.STATES_OF[kind].format(frame=frame), (listed,))
            found = [one for row in states if (one := _found(kind, row)).change.position >= lengths[one.seq]]
        return found, set(lengths) - set(now)


def _found(kind: RunKind, row: rows.Row) -> Found:
    seq, run_id, name, belongs_to, *state = row
    identity = UUID(bytes=run_id)
    change = news.Change(kind, identity, name, rows.uuid_or_none(belongs_to), state[0], rows.state(identity, state))
    return news.Found(seq, change)
