"""`time.time`, `time.sleep` and their like, and the classes of `datetime`, for code on virtual time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from opcode import opmap
from types import FrameType, ModuleType
from typing import Any

from headrace.clock.virtual import VirtualClock
from headrace.testing.following.active import clock_here, clock_of, wall_ns

_SECOND = 1_000_000_000
#: The real functions, as they were before anybody replaced them.
_REAL: dict[str, Callable[..., Any]] = {
    name: getattr(time, name)
    for name in ("sleep", "time", "time_ns", "monotonic", "monotonic_ns", "localtime", "gmtime", "ctime", "strftime")
}


def _reading(name: str, read: Callable[[VirtualClock], Any]) -> Callable[..., Any]:
    real = _REAL[name]

    def virtual() -> Any:
        clock = clock_of(sys._getframe(1))
        if clock is None:
            return real()
        clock.turns.poll("The time was read")
        return read(clock)

    return _named(virtual, name)


def _defaulting(name: str) -> Callable[..., Any]:
    """Stand in for a function that takes a time, by default now."""
    real = _REAL[name]

    def virtual(seconds: float | None = None, /) -> Any:
        clock = clock_of(sys._getframe(1)) if seconds is None else None
        return real(seconds) if clock is None else real(wall_ns(clock) / _SECOND)

    return _named(virtual, name)


def _strftime(form: str, when: Any = None, /) -> str:
    clock = clock_of(sys._getframe(1)) if when is None else None
    if clock is not None:
        when = _REAL["localtime"](wall_ns(clock) / _SECOND)
    text: str = _REAL["strftime"](form) if when is None else _REAL["strftime"](form, when)
    return text


def _sleep(seconds: float, /) -> None:
    clock = clock_of(sys._getframe(1))
    if clock is None:
        _REAL["sleep"](seconds)
    else:
        clock.sleep(seconds)


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = getattr(_REAL[name], "__doc__", None)
    return function


#: The stand-ins, by the real function that each stands in for.
FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    _REAL["sleep"]: _named(_sleep, "sleep"),
    _REAL["time"]: _reading("time", lambda clock: wall_ns(clock) / _SECOND),
    _REAL["time_ns"]: _reading("time_ns", lambda clock: wall_ns(clock)),
    _REAL["monotonic"]: _reading("monotonic", lambda clock: clock.monotonic_ns() / _SECOND),
    _REAL["monotonic_ns"]: _reading("monotonic_ns", lambda clock: clock.monotonic_ns()),
    _REAL["localtime"]: _defaulting("localtime"),
    _REAL["gmtime"]: _defaulting("gmtime"),
    _REAL["ctime"]: _defaulting("ctime"),
    _REAL["strftime"]: _named(_strftime, "strftime"),
}


class _Like(type):
    """The metaclass of stand-ins: what is an instance of the real class is one of theirs."""

    real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.real

    def __hash__(cls) -> int:
        return hash(cls.real)

    def __repr__(cls) -> str:
        return repr(cls.real)


class VirtualDatetime(datetime, metaclass=_Like):
    """`datetime.datetime`, whose `now` is virtual. Makes real datetimes only."""

    real = datetime

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a real one; a subclass makes its own."""
        kind = cls.real if cls is VirtualDatetime else cls
        return datetime.__new__(kind, *args, **kwargs)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Return the virtual moment, in local time where no time zone is given."""
        return datetime.now(tz) if (at := _seconds()) is None else _exact(at, tz)

    @classmethod
    def today(cls) -> Any:
        """Return the virtual moment in local time."""
        return datetime.today() if (at := _seconds()) is None else _exact(at, None)

    @classmethod
    def utcnow(cls) -> Any:
        """Return the virtual moment in UTC, naive."""
        at = _seconds()
        return _exact(at, UTC).replace(tzinfo=None) if at is not None else datetime.now(UTC).replace(tzinfo=None)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Validate as the real class."""
        return handler.generate_schema(datetime)


class VirtualDate(date, metaclass=_Like):
    """`datetime.date`, whose `today` is virtual. Makes real dates only."""

    real = date

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a real one; a subclass makes its own."""
        kind = cls.real if cls is VirtualDate else cls
        return date.__new__(kind, *args, **kwargs)

    @classmethod
    def today(cls) -> Any:
        """Return the virtual day, in local time."""
        return date.today() if (at := _seconds()) is None else _exact(at, None).date()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Validate as the real class."""
        return handler.generate_schema(date)


CLASSES: dict[type, type] = {datetime: VirtualDatetime, date: VirtualDate}


def _seconds() -> int | None:
    """Return virtual microseconds since 1970; None on real time."""
    clock = clock_here()
    if clock is None:
        return None
    clock.turns.poll("The time was read")
    return wall_ns(clock) // 1000


def _exact(microseconds: int, tz: tzinfo | None) -> datetime:
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, tz).replace(microsecond=rest)


class DatetimeModule(ModuleType):
    """The module `datetime` while somebody follows: it shows its stand-ins to code on virtual time alone."""

    @property
    def datetime(self) -> Any:
        """The class, or its stand-in."""
        return _shown(self, "datetime", datetime, VirtualDatetime, sys._getframe(1))

    @datetime.setter
    def datetime(self, value: Any) -> None:
        self.__dict__["datetime"] = value

    @property
    def date(self) -> Any:
        """The class, or its stand-in."""
        return _shown(self, "date", date, VirtualDate, sys._getframe(1))

    @date.setter
    def date(self, value: Any) -> None:
        self.__dict__["date"] = value


def _shown(module: ModuleType, name: str, real: type, virtual: type, frame: FrameType) -> Any:
    held = module.__dict__[name]  # somebody else's stand-in (freezegun's) is shown to everybody
    return virtual if held is real and clock_of(frame) is not None and _asks_itself(frame) else held


#: How code gets at a name in a module.
_ASKING = {
    opmap[name]
    for name in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM", "IMPORT_STAR", "CALL_INTRINSIC_1")
    if name in opmap
}


def _asks_itself(frame: FrameType) -> bool:
    """Say whether the code of a frame asks, and not what it calls: pickling looks up the class of a datetime, say."""
    return frame.f_code.co_code[frame.f_lasti] in _ASKING
