"""Noticing, in real time, that virtual time stands still.

One thread of the process looks at all virtual clocks a few times a second: is somebody in a real wait who holds the
turn? Then it is put aside, so that the others go on. Does everybody wait for each other? Then that is a deadlock. Has a
real wait stopped everything for too long? Then that is a stall. A participant that computes is left alone: its thread
uses the processor, or is in line for it where the machine is busy.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headrace.clock.participants import Participant

#: How often the watch looks, in seconds.
TICK_SECONDS = 0.02
#: For how many ticks a participant must stand still to count as waiting. One that came late counts less: where the
#: watch did not get the processor, others may not have got it. Still less does one at which another thread of this
#: process was in line for it: it may hold what the participant waits for.
PATIENCE_TICKS = 3
_LATE_SECONDS = 2 * TICK_SECONDS
_A_LATE_TICK = 0.25
_A_BUSY_TICK = 0.1
#: How many idle ticks the thread outlives the last clock: simulations come in hundreds.
IDLE_TICKS = 250


class Watchable(Protocol):
    """What the watch looks at, and whom it tells; see `Turns`."""

    current: Participant | None
    changes: int
    stall_seconds: float

    @property
    def is_stuck(self) -> bool:
        """Say whether everybody waits, without a deadline."""

    @property
    def is_served(self) -> bool:
        """Say whether something real may still come."""

    def put_aside(self, one: Participant) -> None:
        """Let the others go on."""

    def tell_deadlock(self) -> None:
        """Say that everybody waits for each other."""

    def tell_stall(self) -> None:
        """Say that a real wait has stopped everything."""


class _Watched:
    """What the last look at one clock has shown."""

    __slots__ = ("changes", "place", "since", "still", "turns")

    def __init__(self, turns: Watchable) -> None:
        self.turns = turns
        self.changes = -1
        self.still = 0.0
        self.place: object = None
        self.since = 0.0

    def look(self, late: bool = False) -> None:
        """Look once more; `late`: later than was meant."""
        turns = self.turns
        current = turns.current
        place = _place(current) if current is not None else None
        if turns.changes != self.changes or place != self.place:
            self.changes, self.place, self.still, self.since = turns.changes, place, 0.0, time.monotonic()
            return
        self.still += _A_BUSY_TICK if _others_in_line(current) else _A_LATE_TICK if late else 1
        if self.still < PATIENCE_TICKS:
            return
        if current is not None:
            if current.thread_id is not None and not current.delegated:
                turns.put_aside(current)
        elif turns.is_stuck and not turns.is_served:
            turns.tell_deadlock()
        elif time.monotonic() - self.since > turns.stall_seconds:
            self.since = time.monotonic()
            turns.tell_stall()


def _place(one: Participant) -> object:
    """Return what stays the same while a thread waits: where it is, and how long it has computed, in milliseconds."""
    if one.thread_id is None:
        return None
    frame = sys._current_frames().get(one.thread_id)
    place = (id(frame), frame.f_lasti) if frame is not None else None
    try:
        computed = time.clock_gettime_ns(time.pthread_getcpuclockid(one.thread_id)) // 1_000_000
    except (AttributeError, OSError):  # not on every system
        return place
    return place, computed, _in_line(one.native_id)


def _in_line(native_id: int | None) -> object:
    """Return what changes while a thread is in line for the processor, or for a disk, as far as the system tells.

    A thread that computes may go without the processor for long where the machine is busy; it is in no real wait.
    """
    if _state(native_id) in (b"R", b"D"):
        return object()
    try:
        with open(f"/proc/self/task/{native_id}/schedstat", "rb") as schedstat:
            return int(schedstat.read().split()[1]) // 1_000_000
    except (OSError, IndexError, ValueError):  # Linux tells, if it was built so
        return None


def _others_in_line(one: Participant | None) -> bool:
    """Say whether another thread than this participant's, and the watch's, runs or is about to, as far as is known."""
    known = {threading.get_native_id(), one.native_id if one is not None else None}
    try:
        others = [name for name in os.listdir("/proc/self/task") if int(name) not in known]
    except (OSError, ValueError):  # Linux tells
        return False
    return any(_state(name) in (b"R", b"D") for name in others)


def _state(native_id: object) -> bytes | None:
    """Return what a thread does, as the system has it; None where that is not known, or it has ended."""
    try:
        with open(f"/proc/self/task/{native_id}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return None


class _Watch:
    """The thread, begun with the first clock and ended a few seconds after the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, _Watched] = {}
        self._thread: threading.Thread | None = None

    def add(self, turns: Watchable) -> None:
        with self._lock:
            self._watched[id(turns)] = _Watched(turns)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._look, name="headrace-watch-time", daemon=True)
                self._thread.start()

    def remove(self, turns: Watchable) -> None:
        with self._lock:
            self._watched.pop(id(turns), None)

    def _look(self) -> None:
        idle = 0
        while True:
            before = time.monotonic()
            _NEVER.acquire(timeout=TICK_SECONDS)  # `time.sleep` follows virtual time, and so does who holds it
            late = time.monotonic() - before > _LATE_SECONDS
            with self._lock:
                watched = list(self._watched.values())
                idle = 0 if watched else idle + 1
                if idle > IDLE_TICKS:
                    self._thread = None
                    return
            for one in watched:
                one.look(late)


#: What nobody gives back.
_NEVER = threading.Lock()
_NEVER.acquire()
_WATCH = _Watch()


def watch(turns: Watchable) -> None:
    """Look at this clock from now on."""
    _WATCH.add(turns)


def unwatch(turns: Watchable) -> None:
    """Look at it no more."""
    _WATCH.remove(turns)
