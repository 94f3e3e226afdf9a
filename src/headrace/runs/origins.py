"""Which task run made which object, so that dependencies show when plain results, or what is in them, are passed on.

Objects are told apart by identity, which is good for nothing once an object is gone and its place is taken by another.
So what is remembered is kept alive, within bounds, or forgotten with it.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from typing import Any
from uuid import UUID

from headrace.core.walk import known

#: How many results that can't be referred to weakly (lists, dicts, strings) a flow run remembers, to find where
#: an argument came from. More would keep data alive that the user has let go of.
REMEMBERED_RESULTS = 1000

#: How many items of results that are lists and the like. Of a longer one none is.
REMEMBERED_ITEMS = 10_000

_UNTRACKED = frozenset({type(None), bool, type(...), type(NotImplemented)})


class Origins:
    """The task runs of one flow run, by what they returned."""

    def __init__(self) -> None:
        self._strong: OrderedDict[int, tuple[Any, UUID]] = OrderedDict()
        self._weak: dict[int, tuple[weakref.ref[Any], UUID]] = {}
        self._items: deque[tuple[list[Any], UUID]] = deque()
        self._items_left = REMEMBERED_ITEMS
        self._by_id: dict[int, UUID] = {}
        self._lock = threading.Lock()

    def note(self, value: Any, task_run_id: UUID) -> None:
        """Remember that this task run returned this very object, and the items of a collection with it."""
        if _is_shared(value):
            return
        items = _items_of(value)
        with self._lock:
            self._note_whole(value, task_run_id)
            if items:
                self._note_items(items, task_run_id)

    def _note_whole(self, value: Any, task_run_id: UUID) -> None:
        key = id(value)
        self._by_id[key] = task_run_id
        try:
            self._weak[key] = (weakref.ref(value, lambda _: self._forget(key)), task_run_id)
        except TypeError:
            self._strong[key] = (value, task_run_id)
            self._strong.move_to_end(key)
            if len(self._strong) > REMEMBERED_RESULTS:
                del self._by_id[self._strong.popitem(last=False)[0]]

    def _note_items(self, items: Iterable[Any], task_run_id: UUID) -> None:
        by_id = self._by_id  # what another run made stays its own, though this one passed it on
        fresh = [item for item in items if id(item) not in by_id and not _is_shared(item)]
        by_id.update(dict.fromkeys(map(id, fresh), task_run_id))
        self._items.append((fresh, task_run_id))
        self._items_left -= len(fresh)
        while self._items_left < 0:
            old, made_by = self._items.popleft()
            self._items_left += len(old)
            for key in map(id, old):
                if by_id.get(key) == made_by and key not in self._strong and key not in self._weak:
                    del by_id[key]

    def _forget(self, key: int) -> None:
        # Called by the garbage collector, perhaps within `note`: it must not take the lock.
        self._weak.pop(key, None)
        self._by_id.pop(key, None)

    def of_itself(self, value: Any) -> list[UUID]:
        """Return the task run that made this object, if one did."""
        made_by = self._by_id.get(id(value))
        return [made_by] if made_by is not None else []

    def of(self, value: Any, told: Callable[[Any], UUID | None] | None = None) -> list[UUID]:
        """Return the task runs that made this object or what is inside it, first those that objects tell of."""
        runs = known(value, self._by_id) if told is None else known(value, self._by_id, told)
        return list(dict.fromkeys(runs))


def _is_shared(value: Any) -> bool:
    """Say whether the interpreter shares this object, so that its identity says nothing."""
    kind = type(value)
    if kind is int:
        return -5 <= value <= 256  # type: ignore[no-any-return]
    if kind in (str, bytes):
        return len(value) < 2
    return kind in _UNTRACKED or (kind in (tuple, frozenset) and not value)


def _items_of(value: Any) -> Collection[Any] | None:
    """Return what a list, tuple, set or dict holds (of a dict the values); None for anything else, or too many."""
    if not isinstance(value, list | tuple | set | frozenset | dict) or len(value) > REMEMBERED_ITEMS:
        return None
    return value.values() if isinstance(value, dict) else value
