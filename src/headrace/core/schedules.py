"""When something is due: times by cron, by interval, by rule, on the wall clock of a time zone.

Each kind of schedule gives its times after a moment, as aware UTC datetimes that strictly increase. What days, weeks
and months mean is a library's (cronsim for cron, dateutil for rules), and what a wall clock shows is zoneinfo's. Where
clocks are put forward, a time that does not exist is due as long after the change as it would have been after the hour
that is left out; where they are put back, a time that exists twice is due the first time, but for what is due every
hour or more often, which is due both times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from itertools import count
from typing import Any

from headrace.core.wording import kind_of

_DAY = timedelta(days=1)
_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True)
class CronSchedule:
    """Due when a wall clock of `timezone` (None: UTC) shows what `cron` says, five fields or a word like ``@daily``.

    `day_or`: where both the day of the month and that of the week are restricted, either will do, as cron has it;
    False: both must fit. Raises ValueError for what is no cron expression, or no time zone.
    """

    cron: str
    timezone: str | None = None
    day_or: bool = True

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        if not isinstance(self.cron, str):
            raise TypeError(f"'cron' is text such as '0 9 * * 1-5', not {self.cron!r}, {kind_of(self.cron)}.")
        self._lines()

    def times(self, after: datetime) -> Iterator[datetime]:
        """Give the times after a moment, in order."""
        local = after.astimezone(zone_of(self.timezone))
        lines = [_utc(_cronsim().CronSim(line, local), after) for line in self._lines()]
        return lines[0] if len(lines) == 1 else _common(*lines)

    def _lines(self) -> list[str]:
        """Return expressions, all of which must fit. Raises ValueError."""
        line = _ALIASES.get(self.cron.strip().lower(), self.cron)
        fields = line.split()
        try:
            if len(fields) != 5:
                raise ValueError(f"it has {len(fields)} fields")
            _cronsim().CronSim(line, datetime(2000, 1, 1, tzinfo=UTC))
        except (ValueError, _cronsim().CronSimError) as error:
            raise ValueError(
                f"{self.cron!r} is no cron expression: {error}. Write five fields, minute, hour, "
                "day of the month, month and day of the week, such as '30 9 * * 1-5', or one of: "
                f"{', '.join(_ALIASES)}."
            ) from None
        minute, hour, day, month, weekday = fields
        if self.day_or or day == "*" or weekday == "*":
            return [line]
        return [f"{minute} {hour} {day} {month} *", f"{minute} {hour} * {month} {weekday}"]

    def __str__(self) -> str:
        return f"cron {self.cron!r}{_in_zone(self.timezone)}"


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """Due every `interval` (a timedelta, or seconds), counted from `anchor_date` (None: from when it is first asked).

    An interval of a day or more is counted on the wall clock of `timezone` (None: UTC), so that it is due at the same
    time of day all year; a shorter one in elapsed time. An anchor without a zone is meant in `timezone`.
    Raises ValueError for an interval that is not above 0, or no time zone.
    """

    interval: timedelta
    anchor_date: datetime | None = None
    timezone: str | None = None

    def __post_init__(self) -> None:
        zone = zone_of(self.timezone)
        object.__setattr__(self, "interval", _as_interval(self.interval))
        object.__setattr__(self, "anchor_date", _as_anchor(self.anchor_date, zone))

    def anchored(self, moment: datetime) -> IntervalSchedule:
        """Return it counted from a moment, unless it says itself from when."""
        return self if self.anchor_date else IntervalSchedule(self.interval, moment, self.timezone)

    def times(self, after: datetime) -> Iterator[datetime]:
        """Give the times after a moment, in order."""
        zone = zone_of(self.timezone)
        anchor = (self.anchor_date or after).astimezone(UTC)
        by_wall_clock = self.interval >= _DAY
        start = anchor.astimezone(zone).replace(tzinfo=None) if by_wall_clock else anchor
        ahead = after.astimezone(zone).replace(tzinfo=None) if by_wall_clock else after
        first = (ahead - start) // self.interval - 1  # one earlier: wall clocks differ from elapsed time by hours
        times = _counted(start, self.interval, first)
        return _utc(_localised(times, zone, twice=False) if by_wall_clock else times, after)

    def __str__(self) -> str:
        return f"interval {self.interval}{_in_zone(self.timezone)}"


@dataclass(frozen=True, slots=True)
class RRuleSchedule:
    """Due when a rule in the words of iCalendar (RFC 5545) says, on the wall clock of `timezone` (None: UTC).

    A rule that has no DTSTART begins on 1 January 2020, at midnight; a zone in its DTSTART is not looked at.
    Raises ValueError for what is no rule, or no time zone.
    """

    rrule: str
    timezone: str | None = None
    _rule: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        zone_of(self.timezone)
        if not isinstance(self.rrule, str):
            raise TypeError(f"'rrule' is text such as 'FREQ=DAILY', not {self.rrule!r}, {kind_of(self.rrule)}.")
        module = _needed("dateutil.rrule", "RRule")
        try:
            rule = module.rrulestr(self.rrule, dtstart=datetime(2020, 1, 1), ignoretz=True, cache=False)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise ValueError(
                f"{self.rrule!r} is no recurrence rule: {error}. Write one as iCalendar has it, such as "
                "'FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9;BYMINUTE=0;BYSECOND=0'."
            ) from None
        object.__setattr__(self, "_rule", rule)

    def times(self, after: datetime) -> Iterator[datetime]:
        """Give the times after a moment, in order."""
        zone = zone_of(self.timezone)
        local = after.astimezone(zone).replace(tzinfo=None, fold=0) - _DAY  # clocks are put back by less
        rule = self._rule
        often: bool = getattr(rule, "_freq", 0) >= _needed("dateutil.rrule", "RRule").HOURLY  # a set of rules has none
        if often and rule._interval == 1 and rule._count is None:
            # Its library counts from the beginning, which takes seconds after some years of minutes.
            near = datetime.combine(local.date() - _DAY, rule._dtstart.time())
            rule = rule.replace(dtstart=max(near, rule._dtstart))
        return _utc(_localised(rule.xafter(local), zone, often), after)

    def __str__(self) -> str:
        return f"rule {self.rrule!r}{_in_zone(self.timezone)}"


Timing = CronSchedule | IntervalSchedule | RRuleSchedule


def zone_of(name: Any) -> tzinfo:
    """Return a time zone by its name, UTC for None. Raises ValueError for one that is not known."""
    if name is None or name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # few flows are scheduled

    try:
        if not isinstance(name, str):
            raise ValueError("its name is text")
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(
            f"There is no time zone {name!r} here. Write a name such as 'Europe/Berlin' "
            "(`zoneinfo.available_timezones()` lists those that there are; "
            "`pip install tzdata` brings them where the system has none)."
        ) from None


def _counted(start: datetime, interval: timedelta, first: int) -> Iterator[datetime]:
    return (start + number * interval for number in count(first))


def _localised(times: Iterator[datetime], zone: tzinfo, twice: bool) -> Iterator[datetime]:
    """Give the moments at which a wall clock shows these times; with `twice` both, where it shows one twice."""
    again: deque[datetime] = deque()
    for time in times:
        moment, later = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        while again and again[0] < moment:
            yield again.popleft()
        if twice and later > moment:
            again.append(later)
        yield moment
    yield from again


def _utc(times: Iterator[datetime], after: datetime) -> Iterator[datetime]:
    """Give those after a moment in UTC, and each but once: times that are left out meet those that are not."""
    last = after
    for time in times:
        moment = time.astimezone(UTC)
        if moment > last:
            last = moment
            yield moment


def _common(one: Iterator[datetime], other: Iterator[datetime]) -> Iterator[datetime]:
    """Give what both have."""
    left, right = next(one, None), next(other, None)
    while left is not None and right is not None:
        if left == right:
            yield left
        if left <= right:
            left = next(one, None)
        else:
            right = next(other, None)


def _as_interval(given: Any) -> timedelta:
    if isinstance(given, bool) or not isinstance(given, int | float | timedelta):
        raise TypeError(f"'interval' is a timedelta or a number of seconds, not {given!r}, {kind_of(given)}.")
    try:
        interval = given if isinstance(given, timedelta) else timedelta(seconds=given)
    except (OverflowError, ValueError):
        raise ValueError(f"'interval' can't be {given!r} seconds: a timedelta does not hold that.") from None
    if interval <= timedelta(0):
        raise ValueError(f"'interval' can't be {given!r}: it is above 0, such as 3600 (seconds) or timedelta(days=1).")
    return interval


def _as_anchor(given: Any, zone: tzinfo) -> datetime | None:
    if given is not None and not isinstance(given, datetime):
        raise TypeError(f"'anchor_date' is a datetime or None, not {given!r}, {kind_of(given)}.")
    return given.replace(tzinfo=zone) if given is not None and given.tzinfo is None else given


def _in_zone(timezone: str | None) -> str:
    return f" in {timezone}" if timezone else ""


def _cronsim() -> Any:
    return _needed("cronsim", "Cron")


def _needed(module: str, what: str) -> Any:
    """Import what a kind of schedule is made with, when one is made. Raises ImportError, which says how to have it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{what} schedules need the package {module.partition(".")[0]}: pip install "headrace[schedules]".'
        ) from error
