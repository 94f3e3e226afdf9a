"""`time.time`, `time.sleep` and their like, and what `datetime` knows of now, for code on virtual time."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from types import BuiltinMethodType, MethodType
from typing import Any

from headrace.clock.virtual import VirtualClock
from headrace.testing.following.active import clock_of, wall_ns

_SECOND = 1_000_000_000


class StandIn:
    """What is called in the place of a function of `time`.

    Like that, and unlike a function of Python's, it is no method where it is an attribute of a class. On virtual time
    `reached` is called, with the clock, this and the arguments: not with the real function, whose holders are counted
    (see `holders`), for who waits would hold it.
    """

    def __init__(self, name: str, reached: Callable[..., Any]) -> None:
        self.real = getattr(time, name)
        self.__name__ = self.__qualname__ = name
        self.__module__, self.__doc__ = "time", self.real.__doc__
        self._reached = reached

    def __call__(self, *args: Any) -> Any:
        """Call the real function, or what it is on virtual time."""
        clock = clock_of(sys._getframe(1))
        return self.real(*args) if clock is None else self._reached(clock, self, *args)

    def __reduce__(self) -> Any:
        return _stand_in, (self.__name__,)

    def __repr__(self) -> str:
        return f"<time.{self.__name__}, of virtual time in simulations>"


def _reading(read: Callable[[VirtualClock], Any]) -> Callable[..., Any]:
    def reached(clock: VirtualClock, stand_in: StandIn) -> Any:
        clock.turns.poll("The time was read")
        return read(clock)

    return reached


def _defaulting(clock: VirtualClock, stand_in: StandIn, seconds: float | None = None) -> Any:
    """Call a function that takes a time, by default now."""
    return stand_in.real(_seconds(clock) if seconds is None else seconds)


def _asctime(clock: VirtualClock, stand_in: StandIn, *when: Any) -> Any:
    return stand_in.real(*(when or (_LOCALTIME(_seconds(clock)),)))


def _strftime(clock: VirtualClock, stand_in: StandIn, form: str, *when: Any) -> Any:
    return stand_in.real(form, *(when or (_LOCALTIME(_seconds(clock)),)))


def _seconds(clock: VirtualClock) -> float:
    return wall_ns(clock) / _SECOND


_LOCALTIME = time.localtime


def _stand_in(name: str) -> StandIn:
    return next(stand_in for stand_in in FUNCTIONS.values() if stand_in.__name__ == name)


#: The stand-ins, by the real function that each stands in for.
FUNCTIONS: dict[Callable[..., Any], StandIn] = {
    stand_in.real: stand_in
    for stand_in in (
        StandIn("sleep", lambda clock, stand_in, seconds: clock.sleep(seconds)),
        StandIn("time", _reading(_seconds)),
        StandIn("time_ns", _reading(wall_ns)),
        StandIn("monotonic", _reading(lambda clock: clock.monotonic_ns() / _SECOND)),
        StandIn("monotonic_ns", _reading(lambda clock: clock.monotonic_ns())),
        StandIn("localtime", _defaulting),
        StandIn("gmtime", _defaulting),
        StandIn("ctime", _defaulting),
        StandIn("asctime", _asctime),
        StandIn("strftime", _strftime),
    )
}


def _now(cls: Any, tz: tzinfo | None = None) -> Any:
    """Return the virtual moment, in local time where no time zone is given."""
    clock = clock_of(sys._getframe(1))
    return _NOW.__get__(None, cls)(tz) if clock is None else _moment(clock, cls, tz)


def _utcnow(cls: Any) -> Any:
    """Return the virtual moment in UTC, naive."""
    clock = clock_of(sys._getframe(1))
    return _UTCNOW.__get__(None, cls)() if clock is None else _moment(clock, cls, UTC).replace(tzinfo=None)


def _today(cls: Any) -> Any:
    """Return the virtual day, of a `datetime` the moment, in local time."""
    clock = clock_of(sys._getframe(1))
    if clock is None:
        return _TODAY.__get__(None, cls)()
    return _moment(clock, cls, None) if issubclass(cls, datetime) else cls.fromtimestamp(wall_ns(clock) // _SECOND)


def _moment(clock: VirtualClock, kind: Any, tz: tzinfo | None) -> Any:
    clock.turns.poll("The time was read")
    seconds, microseconds = divmod(wall_ns(clock) // 1000, 1_000_000)
    return kind.fromtimestamp(seconds, tz).replace(microsecond=microseconds)


def held_methods() -> dict[Any, Any]:
    """Return what was taken from these types (``default_factory=datetime.now``), and what stands in for each."""
    found = [one for one in gc.get_referrers(datetime, date) if type(one) is BuiltinMethodType]
    functions = {"now": _now, "utcnow": _utcnow, "today": _today}
    return {one: MethodType(functions[one.__name__], one.__self__) for one in found if one.__name__ in functions}


_NOW, _UTCNOW, _TODAY = vars(datetime)["now"], vars(datetime)["utcnow"], vars(date)["today"]

#: Methods to be replaced: owner, name, stand-in.
METHODS: list[tuple[type, str, Any]] = [
    (datetime, "now", classmethod(_now)),
    (datetime, "utcnow", classmethod(_utcnow)),
    (date, "today", classmethod(_today)),
]
