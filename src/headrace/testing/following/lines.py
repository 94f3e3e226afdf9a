"""Who waits, on virtual time, for a thing that others give back: a lock, an item of a queue.

Things are known by their ids, so that it does not matter when they were made, and by whom.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable

from headrace.clock.participants import Why
from headrace.clock.virtual import VirtualClock, VirtualEvent
from headrace.testing.following.active import clock_here

_LINES: dict[int, deque[VirtualEvent]] = {}


def wait_for(clock: VirtualClock, thing: object, take: Callable[[], bool], seconds: float | None, why: Why) -> bool:
    """Wait until `take` succeeds, which is tried whenever `thing` comes free; False after so many virtual seconds.

    It also ends, without success, when this thread takes no part any more.
    """
    deadline = None if seconds is None else clock.monotonic_ns() + int(seconds * 1e9)
    while clock_here() is clock:
        event = clock.event(why)
        _LINES.setdefault(id(thing), deque()).append(event)
        try:
            if take():  # after lining up: it may come free at any moment, by a thread that takes no part
                return True
            left = None if deadline is None else (deadline - clock.monotonic_ns()) / 1e9
            if left is not None and left <= 0:
                return False
            event.wait(left)
        except BaseException:
            if event.is_set():  # it was this one's turn: now it is the next one's
                come_free(thing)
            raise
        finally:
            _leave(thing, event)
    return False


def come_free(thing: object) -> None:
    """Let who has waited longest try again."""
    line = _LINES.get(id(thing))
    if line:
        line.popleft().set()


def _leave(thing: object, event: VirtualEvent) -> None:
    line = _LINES.get(id(thing))
    if line is None:
        return
    with contextlib.suppress(ValueError):
        line.remove(event)
    if not line:
        _LINES.pop(id(thing), None)
