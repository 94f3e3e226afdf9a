"""When deployments run: `Cron`, `Interval` and `RRule`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headrace.core.schedules import CronSchedule, IntervalSchedule, RRuleSchedule, Timing

__all__ = ["Cron", "Interval", "RRule", "Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a deployment is due, and with which `parameters` besides its own. Made by `Cron`, `Interval` and `RRule`.

    One that is not `active` is never due. `slug` is a name for it.
    """

    timing: Timing
    active: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)
    slug: str | None = None

    def times(self, after: datetime) -> Iterator[datetime]:
        """Give the times after an aware moment, in order and in UTC. Raises ValueError for a naive one."""
        if after.tzinfo is None:
            raise ValueError(f"A schedule is asked for times after an aware datetime, not after {after!r}: add tzinfo.")
        return self.timing.times(after)

    def __str__(self) -> str:
        return str(self.timing)


def Cron(  # noqa: N802 - the field's name
    cron: str,
    /,
    timezone: str | None = None,
    day_or: bool = True,
    active: bool = True,
    parameters: Mapping[str, Any] | None = None,
    slug: str | None = None,
) -> Schedule:
    """Return a schedule by a cron expression of five fields, on the wall clock of `timezone` (None: UTC).

    `day_or=False`: where day of the month and day of the week are restricted, both must fit. `Schedule` says the rest.
    Raises ValueError for what is no cron expression or no time zone, ImportError without ``headrace[schedules]``.
    """
    return Schedule(CronSchedule(cron, timezone, day_or), active, dict(parameters or {}), slug)


def Interval(  # noqa: N802 - as above
    interval: timedelta | float,
    /,
    anchor_date: datetime | None = None,
    timezone: str | None = None,
    active: bool = True,
    parameters: Mapping[str, Any] | None = None,
    slug: str | None = None,
) -> Schedule:
    """Return a schedule by an interval, a timedelta or seconds, above 0.

    It is counted from `anchor_date`, None: from when serving begins. A day or more goes by the wall clock of `timezone`
    (None: UTC). `Schedule` says the rest. Raises ValueError and TypeError for what is none of these.
    """
    return Schedule(IntervalSchedule(interval, anchor_date, timezone), active, dict(parameters or {}), slug)  # type: ignore[arg-type]


def RRule(  # noqa: N802 - as above
    rrule: str,
    /,
    timezone: str | None = None,
    active: bool = True,
    parameters: Mapping[str, Any] | None = None,
    slug: str | None = None,
) -> Schedule:
    """Return a schedule by a recurrence rule as iCalendar has it, on the wall clock of `timezone` (None: UTC).

    `Schedule` says the rest. Raises ValueError for what is no rule or no time zone, ImportError without
    ``headrace[schedules]``.
    """
    return Schedule(RRuleSchedule(rrule, timezone), active, dict(parameters or {}), slug)
