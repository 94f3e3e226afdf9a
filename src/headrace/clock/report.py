"""Saying why virtual time can't go on: who waits for what, since when, where."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from types import FrameType
from typing import Any, Protocol

from headrace.clock.participants import Doing, Participant
from headrace.exceptions import DeadlockError, RunawayError, StallError

_SECOND = 1_000_000_000
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))


class Reported(Protocol):
    """What is told of those who take turns; see `Turns`. Moments are in nanoseconds."""

    now: int
    start: int
    stall_seconds: float

    def everybody(self) -> Iterable[Participant]:
        """Return all who take part."""


def deadlock(turns: Reported) -> DeadlockError:
    """Return the error for: everybody waits, and nothing will come by itself."""
    return DeadlockError(
        "Deadlock: everybody waits, and there is no deadline that time could jump to.", _rows(turns), _at(turns)
    )


def stall(turns: Reported) -> StallError:
    """Return the error for: a real wait has stopped everything."""
    return StallError(
        f"Stall: nothing has moved for {turns.stall_seconds:g} real seconds, because of a wait that virtual time does "
        "not reach (a socket, a process, a lock that is held outside). Time does not jump over work in flight. "
        "Replace what is waited for by a stub, give it more time with simulate(stall_seconds=60), or make the thread a "
        "daemon if it only serves others.",
        _rows(turns),
        _at(turns),
    )


def runaway(turns: Reported, why: str) -> RunawayError:
    """Return the error for: time moves, or is asked for, without end and without anything getting done."""
    return RunawayError(f"Runaway: {why}", _rows(turns), _at(turns))


def waits_of(turns: Reported) -> str:
    """Say in one line who waits for what, and where in the code."""
    return "; ".join(
        f"{name} {doing}, {where}" if where else f"{name} {doing}" for name, doing, _, where in _rows(turns)
    )


def _at(turns: Reported) -> float:
    return (turns.now - turns.start) / _SECOND


#: Name, what it does, since when, where in the code.
Row = tuple[str, str, str, str]


def _rows(turns: Reported) -> list[Row]:
    """Return of each participant, and of tasks of its loop: name, what it does, since when, where in the code."""
    frames = sys._current_frames()
    return [row for one in turns.everybody() for row in _told(_row(turns, one, frames), one.loop)]


def _told(row: Row, loop: Any) -> Iterator[Row]:
    """Yield what is told of a participant: where its event loop has one task that is what it waits for, else each."""
    if loop is None:
        yield row
        return
    from headrace.clock import tasks  # asyncio is slow to import, and most who wait have no loop

    waiting = [
        (tasks.told_name_of(task), f"waits for {_said(partial(tasks.waited_for, task))}", tasks.frames_of(task))
        for task in tasks.all_tasks(loop)
    ]
    name, _, since, _ = row
    if len(waiting) == 1:
        yield name, waiting[0][1], since, "; ".join(_places(waiting[0][2]))
        return
    yield row
    for who, what, frames in waiting:
        yield who, what, "–", "; ".join(_places(frames))


def _row(turns: Reported, one: Participant, frames: dict[int, FrameType]) -> Row:
    why = one.why if isinstance(one.why, str) else _said(one.why)
    waits = one.doing in (Doing.WAITING, Doing.ASIDE)
    doing = f"waits for {why}" if one.doing is Doing.WAITING and why else one.doing.value
    if one.doing is Doing.ASIDE and why:
        doing = f"{one.doing.value}: {why}"
    since = f"{(one.since - turns.start) / _SECOND:g} s" if waits else "–"
    frame = frames.get(one.thread_id) if one.thread_id is not None else None
    return one.name, doing, since, "; ".join(_places(_outwards(frame)))


def _said(why: Any) -> str:
    try:
        return str(why())
    except Exception as error:  # noqa: BLE001 - a report must not fail because something in it can't be described
        return f"something that can't be described ({type(error).__name__})"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _places(frames: Iterable[FrameType]) -> Iterator[str]:
    """Yield where frames are: the innermost line that is neither ours nor, if there is such a one, the library's."""
    librarys = None
    for frame in frames:
        name = frame.f_code.co_filename
        if not name.startswith((_OURS, _LIBRARY, "<frozen")):
            yield _place(frame)
            return
        if librarys is None and not name.startswith(_OURS):
            librarys = frame
    if librarys is not None:
        yield _place(librarys)


def _place(frame: FrameType) -> str:
    name, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(name, line).strip()
    return f"{os.path.relpath(name) if name.startswith(os.getcwd()) else name}:{line}" + (f"  {text}" if text else "")
