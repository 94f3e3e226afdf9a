"""When schedules are due."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from headrace.schedules import Cron, Interval, RRule, Schedule

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")


def local(schedule: Schedule, after: datetime, number: int) -> list[str]:
    """Return times as the wall clock of their zone shows them, with its distance from UTC."""
    zone = ZoneInfo(schedule.timing.timezone or "UTC")
    return [f"{time.astimezone(zone):%d %H:%M %z}" for time in islice(schedule.times(after), number)]


# where clocks are changed --------------------------------------------------------------------------------------

CHANGES = {  # zone: noon of the days before clocks are put forward and back, and the distances from UTC, winter first
    "Europe/Berlin": (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC), "+0100", "+0200"),
    "America/New_York": (
        *(datetime(2026, 3, 7, 17, tzinfo=UTC), datetime(2026, 10, 31, 17, tzinfo=UTC)),
        *("-0500", "-0400"),
    ),
}
#: An hour, in each zone, of which a minute is left out in spring and there twice in autumn.
CHANGED_AT = {"Europe/Berlin": (2, 2), "America/New_York": (2, 1)}


def daily(hour: int, zone: str) -> list[Schedule]:
    """Return the three ways to say: every day at half past an hour."""
    return [
        Cron(f"30 {hour} * * *", timezone=zone),
        Interval(timedelta(days=1), anchor_date=datetime(2020, 1, 1, hour, 30), timezone=zone),
        RRule(f"FREQ=DAILY;BYHOUR={hour};BYMINUTE=30;BYSECOND=0", timezone=zone),
    ]


@pytest.mark.parametrize("zone", CHANGES)
def test_what_is_due_daily_keeps_its_time_of_day(zone: str) -> None:
    """Before and after clocks are changed."""
    spring, autumn, winter, summer = CHANGES[zone]
    for schedule in daily(9, zone):
        assert [time[3:] for time in local(schedule, spring - timedelta(days=1), 3)] == [
            *(f"09:30 {winter}", f"09:30 {summer}", f"09:30 {summer}"),
        ]
        assert [time[3:] for time in local(schedule, autumn - timedelta(days=1), 3)] == [
            *(f"09:30 {summer}", f"09:30 {winter}", f"09:30 {winter}"),
        ]


@pytest.mark.parametrize("zone", CHANGES)
def test_a_time_that_is_left_out_is_due_after_the_change(zone: str) -> None:
    """Once, that day; the next it is due as always."""
    spring, _, _, summer = CHANGES[zone]
    for schedule in daily(CHANGED_AT[zone][0], zone):
        first, second = (time[3:] for time in local(schedule, spring, 2))
        assert first in (f"03:00 {summer}", f"03:30 {summer}"), schedule
        assert second == f"02:30 {summer}", schedule


@pytest.mark.parametrize("zone", CHANGES)
def test_a_time_that_is_there_twice_is_due_the_first_time(zone: str) -> None:
    """And not once more an hour later."""
    _, autumn, winter, summer = CHANGES[zone]
    hour = CHANGED_AT[zone][1]
    for schedule in daily(hour, zone):
        assert [time[3:] for time in local(schedule, autumn, 2)] == [f"0{hour}:30 {summer}", f"0{hour}:30 {winter}"]


@pytest.mark.parametrize("zone", CHANGES)
@pytest.mark.parametrize("schedule", ["cron", "interval", "rule"])
def test_what_is_due_hourly_is_due_every_hour_that_passes(zone: str, schedule: str) -> None:
    """Whatever clocks show meanwhile."""
    made = {
        "cron": Cron("30 * * * *", timezone=zone),
        "interval": Interval(3600, anchor_date=datetime(2026, 1, 1, 0, 30), timezone=zone),
        "rule": RRule("FREQ=HOURLY;BYMINUTE=30;BYSECOND=0", timezone=zone),
    }[schedule]
    for change in CHANGES[zone][:2]:
        times = list(islice(made.times(change), 48))
        assert {after - before for before, after in pairwise(times)} == {timedelta(hours=1)}
        assert times[0] == change + timedelta(minutes=30)


# properties ----------------------------------------------------------------------------------------------------

moments = st.datetimes(datetime(2021, 1, 1), datetime(2036, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
crons = st.builds(
    "{} {} {} * {}".format,
    st.sampled_from(["*", "*/7", "0", "30", "15,45", "59"]),
    st.sampled_from(["*", "*/5", "0", "1", "2", "2-3", "23"]),
    st.sampled_from(["*", "1", "13", "*/2"]),
    st.sampled_from(["*", "0", "1-5", "5"]),
)
schedules = st.one_of(
    st.builds(Cron, crons, st.sampled_from(ZONES), st.booleans()),
    st.builds(
        Interval,
        st.timedeltas(timedelta(seconds=1), timedelta(days=40)),
        st.none() | st.datetimes(datetime(2021, 1, 1), datetime(2036, 1, 1)),
        st.sampled_from(ZONES),
    ),
    st.builds(
        RRule,
        st.builds(
            "FREQ={};INTERVAL={}".format, st.sampled_from(["HOURLY", "DAILY", "WEEKLY", "MONTHLY"]), st.integers(1, 5)
        ),
        st.sampled_from(ZONES),
    ),
)


@given(schedule=schedules, after=moments)
def test_times_lie_after_the_moment_and_strictly_increase(schedule: Schedule, after: datetime) -> None:
    """And they are aware, in UTC."""
    times = list(islice(schedule.times(after), 12))
    assert all(before < later for before, later in pairwise([after, *times]))
    assert all(time.tzinfo is UTC for time in times)


@given(schedule=schedules, after=moments)
def test_times_do_not_depend_on_when_they_are_asked_for(schedule: Schedule, after: datetime) -> None:
    """Asked after the third, one is told the fourth and those that follow."""
    if isinstance(schedule.timing, IntervalSchedule):
        schedule = Schedule(schedule.timing.anchored(after))
    times = list(islice(schedule.times(after), 8))
    assert list(islice(schedule.times(times[2]), 5)) == times[3:]


@given(
    hour=st.integers(4, 23),
    minute=st.integers(0, 59),
    zone=st.sampled_from(ZONES),
    after=moments,
)
def test_a_daily_time_that_always_exists_is_what_the_clock_shows(
    hour: int, minute: int, zone: str, after: datetime
) -> None:
    """Clocks are changed in the small hours, which these are not; a day is never left out."""
    for schedule in (
        Cron(f"{minute} {hour} * * *", timezone=zone),
        Interval(86400, anchor_date=datetime(2021, 1, 1, hour, minute), timezone=zone),
        RRule(f"FREQ=DAILY;BYHOUR={hour};BYMINUTE={minute};BYSECOND=0", timezone=zone),
    ):
        shown = [time.astimezone(ZoneInfo(zone)) for time in islice(schedule.times(after), 5)]
        assert {(time.hour, time.minute, time.second) for time in shown} == {(hour, minute, 0)}
        assert {later.date() - before.date() for before, later in pairwise(shown)} == {timedelta(days=1)}


# what they mean ------------------------------------------------------------------------------------------------

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_either_day_will_do_or_both_must_fit() -> None:
    """`day_or` is for expressions that restrict both."""
    either, both = (Cron("0 0 13 * 5", day_or=day_or) for day_or in (True, False))
    assert local(either, NEW_YEAR, 3) == ["02 00:00 +0000", "09 00:00 +0000", "13 00:00 +0000"]
    assert [f"{time:%m-%d %a}" for time in islice(both.times(NEW_YEAR), 2)] == ["02-13 Fri", "03-13 Fri"]


def test_words_stand_for_expressions() -> None:
    """As cron has them."""
    assert list(islice(Cron("@daily").times(NEW_YEAR), 3)) == list(islice(Cron("0 0 * * *").times(NEW_YEAR), 3))


def test_a_rule_may_end() -> None:
    """There are no times after it."""
    rule = RRule("DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=2")
    assert local(rule, NEW_YEAR, 5) == ["01 09:00 +0000", "02 09:00 +0000"]


def test_a_short_interval_is_counted_from_its_anchor() -> None:
    """Which may be long ago, or far ahead; without one it is counted from when it is asked."""
    assert local(Interval(7200, anchor_date=NEW_YEAR - timedelta(minutes=10)), NEW_YEAR, 1) == ["01 01:50 +0000"]
    assert local(Interval(7200, anchor_date=NEW_YEAR + timedelta(days=1)), NEW_YEAR, 1) == ["01 02:00 +0000"]
    assert local(Interval(7200), NEW_YEAR, 1) == ["01 02:00 +0000"]


def test_the_names_of_clients_are_the_same_schedules() -> None:
    """Scripts import them from there."""
    assert Cron("@daily").timing == CronSchedule(cron="@daily", timezone=None)
    assert Interval(60).timing == IntervalSchedule(interval=timedelta(minutes=1))
    assert RRule("FREQ=DAILY").timing == RRuleSchedule(rrule="FREQ=DAILY")


# what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cron", ["", "* * * *", "* * * * * *", "61 * * * *", "0 25 * * *", "every day", "0 0 30 2 *"])
def test_what_is_no_cron_expression_is_refused(cron: str) -> None:
    """It says why, and what to write."""
    with pytest.raises(ValueError, match=r"is no cron expression: .* Write five fields") as caught:
        Cron(cron)
    assert repr(cron) in str(caught.value)


@pytest.mark.parametrize("rule", ["", "daily", "FREQ=NEVER", "BYHOUR=9", "FREQ=DAILY;BYHOUR=x"])
def test_what_is_no_rule_is_refused(rule: str) -> None:
    """It says why, and what to write."""
    with pytest.raises(ValueError, match=r"is no recurrence rule: .*Write one") as caught:
        RRule(rule)
    assert repr(rule) in str(caught.value)


@pytest.mark.parametrize("zone", ["Middle/Earth", "", "../etc/passwd", "CEST"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    """By each kind."""
    for make in (lambda: Cron("@daily", zone), lambda: Interval(60, None, zone), lambda: RRule("FREQ=DAILY", zone)):
        with pytest.raises(ValueError, match=r"There is no time zone .* Write a name such as 'Europe/Berlin'"):
            make()


@pytest.mark.parametrize("interval", [0, -5, timedelta(0), timedelta(days=-1), float("inf"), float("nan")])
def test_an_interval_is_above_0(interval: float) -> None:
    """And no more than a timedelta holds."""
    with pytest.raises(ValueError, match="'interval' can't be"):
        Interval(interval)


def test_what_is_of_another_type_is_refused() -> None:
    """True is no second."""
    with pytest.raises(TypeError, match="'interval' is a timedelta or a number of seconds, not True"):
        Interval(True)
    with pytest.raises(TypeError, match="'cron' is text such as"):
        Cron(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'rrule' is text such as"):
        RRule(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'anchor_date' is a datetime or None"):
        Interval(5, anchor_date="today")  # type: ignore[arg-type]


def test_times_are_asked_for_after_an_aware_moment() -> None:
    """A naive one could be anywhere."""
    with pytest.raises(ValueError, match="aware datetime"):
        Cron("@daily").times(datetime(2026, 1, 1))


@pytest.mark.parametrize(("package", "made"), [("cronsim", "Cron('@daily')"), ("dateutil", "RRule('FREQ=DAILY')")])
def test_a_missing_package_is_said_to_be_missing(package: str, made: str) -> None:
    """When a schedule is made that needs it; an interval needs none, and importing no more."""
    code = f"import sys; sys.modules[{package!r}] = None; from headrace.schedules import *; Interval(5); {made}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f'need the package {package}: pip install "headrace[schedules]".' in ended.stderr.splitlines()[-1]


def test_nothing_is_imported_before_it_is_needed() -> None:
    """Neither by the module, nor by an interval."""
    code = "import sys, headrace.schedules as s; s.Interval(5); print(sorted({'cronsim', 'dateutil'} & {*sys.modules}))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
