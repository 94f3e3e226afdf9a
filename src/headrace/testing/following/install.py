"""Putting the stand-ins in place, and taking them out again.

They go where the real things live, and wherever a module of the user's holds one under a name (``from time import
sleep``). Looking through all modules takes milliseconds, so what was found is kept: only modules that are new are
looked through.
"""

from __future__ import annotations

import datetime
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headrace.clock.virtual import VirtualClock
from headrace.testing.following.active import CLOCKS, is_users
from headrace.testing.following.times import CLASSES, FUNCTIONS, DatetimeModule
from headrace.testing.following.waits import FACTORIES, METHODS

_STAND_INS: dict[Any, Any] = {**FUNCTIONS, **CLASSES, **FACTORIES}
_BY_ID = {id(real): (real, stand_in) for real, stand_in in _STAND_INS.items()}
_BACK = {id(stand_in): real for real, stand_in in _STAND_INS.items()}

#: Where in the standard library the real things live, or are held by code in which users wait.
_AT_HOME: list[tuple[Any, str]] = [
    *((time, real.__name__) for real in FUNCTIONS),
    (threading, "Lock"),
    (threading, "RLock"),
    (queue, "SimpleQueue"),
    (threading, "_time"),
    (queue, "time"),
]


class _Places:
    """Names of real things in modules of users: (namespace, name)."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._places: list[tuple[dict[str, Any], str]] = []

    def all(self) -> list[tuple[dict[str, Any], str]]:
        """Return them, those in new modules included."""
        modules = list(sys.modules.values())
        new = [module for module in modules if id(module) not in self._seen]
        for module in new:
            self._seen.add(id(module))
            names = getattr(module, "__dict__", None)
            if names is not None and is_users(names.get("__name__")):
                self._places += [(names, name) for name, value in list(names.items()) if id(value) in _BY_ID]
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


_PLACES = _Places()


@contextmanager
def following(clock: VirtualClock) -> Iterator[None]:
    """Let user code follow a clock in the block, in all threads that take part in it."""
    CLOCKS.append(clock)
    if len(CLOCKS) > 1:  # everything is in place
        try:
            yield
        finally:
            CLOCKS.remove(clock)
        return
    undo = _put_in_place()
    try:
        yield
    finally:
        CLOCKS.remove(clock)
        for owner, name, value in reversed(undo):
            if isinstance(owner, dict):
                owner[name] = value
            else:
                setattr(owner, name, value)
        datetime.__class__ = _PLAIN_MODULE
        _PLACES.restore_new()


_PLAIN_MODULE = type(sys)


def _put_in_place() -> list[tuple[Any, str, Any]]:
    undo: list[tuple[Any, str, Any]] = []
    for owner, name in _AT_HOME:
        held = getattr(owner, name)
        if id(held) in _BY_ID:  # else somebody else has a stand-in there: freezegun
            undo.append((owner, name, held))
            setattr(owner, name, _BY_ID[id(held)][1])
    for namespace, name in _PLACES.all():
        held = namespace.get(name)
        if id(held) in _BY_ID:
            undo.append((namespace, name, held))
            namespace[name] = _BY_ID[id(held)][1]
    for kind, name, method in METHODS:
        undo.append((kind, name, kind.__dict__[name]))
        setattr(kind, name, method)
    datetime.__class__ = DatetimeModule
    return undo
