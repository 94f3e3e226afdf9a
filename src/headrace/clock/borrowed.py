"""Virtual time that another process keeps.

A worker process takes part in the virtual time of the process that started it. Its own participants take turns as ever,
but time does not jump here: where nobody can go on, the other process is told until when they wait, or that somebody is
in a real wait. There the thread that waits for the worker stands for all of them; when its time has come it says so.

What one side says may cross with what the other does. So each counts what this process was told, here as soon as it has
been acted on; a report that does not know of the last thing told is out of date, and is followed by another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from headrace.clock.participants import Doing, Waits
from headrace.clock.protocol import datetime_of
from headrace.clock.report import waits_of
from headrace.clock.turns import Turns
from headrace.clock.virtual import VirtualClock

#: Tells the process that keeps the time; called with the lock of the turns held.
Tell = Callable[[Waits], object]


class BorrowedTurns(Turns):
    """Turns whose time moves when another process says so."""

    def __init__(self, start: int, tell: Tell) -> None:
        super().__init__(start)
        self._tell = tell
        self._heard = 0
        self.most_jumps = sys.maxsize  # they are counted by who makes them

    def heard(self, now: int | None = None) -> None:
        """Note that one more thing that was told has been acted on; `now` is the time, where that was told."""
        with self.lock:
            self._heard += 1
            if now is not None and now > self.now:
                self._move_to(now)
            if self.current is None:
                self._pass_on()

    def _pass_on(self) -> None:
        super()._pass_on()
        if self.current is None and self.everybody():
            self._tell(self._waits())

    def _jump(self, no_further_than: int | None = None) -> bool:
        """Make those ready whose time has come; it does not jump here."""
        return super()._jump(no_further_than=self.now)

    def _waits(self) -> Waits:
        deadline = min((timer[0] for timer in self._timers if not timer[2].woken), default=None)
        is_real = any(one.doing is Doing.ASIDE and not one.background for one in self.everybody())
        where = waits_of(self) if is_real or deadline is None else ""
        return Waits(self._heard, deadline, is_real, where)

    @property
    def is_stuck(self) -> bool:
        """Never: whether anything can go on is for the other process to say."""
        return False

    def tell_stall(self) -> None:
        """Say nothing, for the same reason."""


class BorrowedClock(VirtualClock):
    """The virtual clock of another process, which started at `start_ns`."""

    def __init__(self, start_ns: int, tell: Tell) -> None:
        super().__init__(datetime_of(start_ns))
        self._borrowed = BorrowedTurns(start_ns, tell)
        self._live_by(self._borrowed)

    def heard(self, now: int | None = None) -> None:
        """Note that one more thing that was told has been acted on; `now` is the time, where that was told."""
        self._borrowed.heard(now)
