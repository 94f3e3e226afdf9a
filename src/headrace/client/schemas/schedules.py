"""The kinds of schedules, under the names that clients have for them."""

from headrace.core.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

__all__ = ["CronSchedule", "IntervalSchedule", "RRuleSchedule"]
