"""Putting the stand-ins in place, and taking them out again.

They go where the real things live, and wherever a module of the user's holds one under a name (``from time import
sleep``), or holds one otherwise (see `holders`). Looking through all modules takes milliseconds, so what was found is
kept: only modules that are new are looked through.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from headrace.clock.virtual import VirtualClock
from headrace.runners.places import PLACES
from headrace.testing.following import locks, native, times, waits
from headrace.testing.following.active import CLOCKS, frozen_moment, is_users
from headrace.testing.following.holders import Holders
from headrace.testing.following.times import FUNCTIONS

_BY_ID = {id(real): stand_in for real, stand_in in FUNCTIONS.items()}
_BACK = {id(stand_in): real for real, stand_in in FUNCTIONS.items()}
_METHODS = [*times.METHODS, *locks.METHODS, *waits.METHODS]

#: Where in the standard library the real things live, or are held by code in which users wait.
_AT_HOME: list[tuple[Any, str]] = [
    *((time, real.__name__) for real in FUNCTIONS),
    (threading, "_time"),
    (queue, "time"),
]

for _real, _stand_in in FUNCTIONS.items():
    PLACES[id(_real)] = PLACES[id(_stand_in)] = "time", _real.__name__


class _Places:
    """Names of real things in modules of users: (namespace, name)."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._places: list[tuple[dict[str, Any], str]] = []

    def all(self) -> list[tuple[dict[str, Any], str]]:
        """Return them, those in new modules included."""
        new = [module for module in list(sys.modules.values()) if id(module) not in self._seen]
        found = [place for module in new for place in _places_in(module)]
        if (
            frozen_moment() is not None
        ):  # freezegun has its own things in some places: they are looked through again later
            return self._places + found
        self._seen.update(map(id, new))
        self._places += found
        return self._places

    def restore_new(self) -> None:
        """Give modules that were imported meanwhile the real things."""
        for module in list(sys.modules.values()):
            if id(module) in self._seen:
                continue
            names = getattr(module, "__dict__", None) or {}
            for name, value in list(names.items()) if is_users(names.get("__name__")) else ():
                if id(value) in _BACK:
                    names[name] = _BACK[id(value)]


def _places_in(module: Any) -> list[tuple[dict[str, Any], str]]:
    names = getattr(module, "__dict__", None)
    if names is None or not is_users(names.get("__name__")):
        return []
    return [(names, name) for name, value in list(names.items()) if id(value) in _BY_ID]


_PLACES = _Places()
_HOLDERS = Holders(FUNCTIONS, times.held_methods)


class _Undo:
    """What was put in place, so that it can be taken out: where it is still ours."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any, Any]] = []

    def put(self, owner: Any, name: str, stand_in: Any) -> None:
        """Put a stand-in in the place of an attribute, or of a name in a namespace."""
        self._done.append((owner, name, _get(owner, name), stand_in))
        _set(owner, name, stand_in)

    def all(self) -> None:
        """Take everything out again. What somebody else has put there meanwhile stays theirs."""
        for owner, name, before, stand_in in reversed(self._done):
            if _get(owner, name) is stand_in:
                _set(owner, name, before)
        self._done.clear()


#: What stands for an attribute that is not there.
_NOTHING = object()


def _get(owner: Any, name: str) -> Any:
    return (owner if isinstance(owner, dict) else vars(owner)).get(name, _NOTHING)


def _set(owner: Any, name: str, value: Any) -> None:
    if value is _NOTHING:
        delattr(owner, name)
    elif isinstance(owner, dict):
        owner[name] = value
    elif native.is_native(owner):
        native.replace(owner, name, value)
    else:
        setattr(owner, name, value)


_UNDO = _Undo()


@contextmanager
def following(clock: VirtualClock) -> Iterator[None]:
    """Let user code follow a clock in the block, in all threads that take part in it."""
    CLOCKS.append(clock)
    if len(CLOCKS) == 1:
        _put_in_place()
    try:
        yield
    finally:
        CLOCKS.remove(clock)
        if not CLOCKS:
            _UNDO.all()
            _PLACES.restore_new()
            locks.forget_holders()


def _put_in_place() -> None:
    from headrace.testing.following import loops  # asyncio is slow to import

    _HOLDERS.give()
    _put_names()
    for kind, name, method in [*_METHODS, *loops.METHODS]:
        _UNDO.put(kind, name, method)
    _put_after_freezegun()


def _put_names() -> None:
    """Put the stand-ins where the real things are; where somebody else (freezegun) has theirs, that stays."""
    for owner, name in _AT_HOME:
        _stand_in_for(owner, name)
    for namespace, name in _PLACES.all():
        _stand_in_for(namespace, name)


def _stand_in_for(owner: Any, name: str) -> None:
    stand_in = _BY_ID.get(id(_get(owner, name)))
    if stand_in is not None:
        _UNDO.put(owner, name, stand_in)


def _put_after_freezegun() -> None:
    """Let the end of a `freeze_time` within the simulation lead back to virtual time: it puts the real things back."""
    freezegun = sys.modules.get("freezegun.api")
    if freezegun is None:
        return
    really: Callable[[Any], Any] = freezegun._freeze_time.stop

    def stop(frozen: Any) -> None:
        really(frozen)
        if CLOCKS:
            _put_names()

    _UNDO.put(freezegun._freeze_time, "stop", stop)
