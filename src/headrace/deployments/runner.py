"""A deployment: a flow, when it runs, and with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from headrace.core import names
from headrace.core.overlaps import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from headrace.core.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from headrace.core.wording import kind_of
from headrace.exceptions import SignatureMismatchError
from headrace.ids import named_id
from headrace.schedules import Cron, Interval, RRule, Schedule

__all__ = ["RunnerDeployment"]

_TIMINGS = (CronSchedule, IntervalSchedule, RRuleSchedule)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunnerDeployment:
    """A flow under a name, its schedules, and what its runs are given.

    Made by `flow.to_deployment`, which describes it.
    """

    name: str
    flow: Any = field(repr=False)
    schedules: tuple[Schedule, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False
    concurrency: ConcurrencyLimitConfig | None = None
    description: str | None = None
    tags: frozenset[str] = frozenset()
    version: str | None = None
    enforce_parameter_schema: bool = True

    @property
    def flow_name(self) -> str:
        """The name of its flow."""
        return str(self.flow.name)

    @property
    def full_name(self) -> str:
        """The names of the flow and of the deployment, with a slash between them."""
        return f"{self.flow_name}/{self.name}"

    @property
    def id(self) -> UUID:
        """The id of all deployments of these two names (derived from them)."""
        return named_id(f"deployment:{self.full_name}")

    @property
    def concurrency_limit(self) -> int | None:
        """How many of its runs there may be at a time, None: any number."""
        return self.concurrency.limit if self.concurrency is not None else None

    @property
    def cancels_new(self) -> bool:
        """Whether a run that is one too many is cancelled, instead of waiting."""
        return (
            self.concurrency is not None and self.concurrency.collision_strategy is ConcurrencyLimitStrategy.CANCEL_NEW
        )

    def given(self, schedule: Schedule | None) -> dict[str, Any]:
        """Return the parameters of a run that a schedule is the reason of."""
        return {**self.parameters, **(schedule.parameters if schedule is not None else {})}


def deployment_of(
    flow: Any,
    name: str,
    *,
    interval: Any = None,
    cron: Any = None,
    rrule: Any = None,
    schedule: Any = None,
    schedules: Any = None,
    paused: bool | None = None,
    concurrency_limit: Any = None,
    parameters: Mapping[str, Any] | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    version: str | None = None,
    enforce_parameter_schema: bool = True,
) -> RunnerDeployment:
    """Return the deployment that `flow.to_deployment` describes, checked."""
    deployment = RunnerDeployment(
        name=_checked_name(name),
        flow=flow,
        schedules=_schedules(interval, cron, rrule, schedule, schedules),
        parameters=dict(parameters or {}),
        paused=bool(paused),
        concurrency=ConcurrencyLimitConfig.of(concurrency_limit),
        description=description if description is not None else flow.description,
        tags=frozenset(names.check_tags(tuple(tags or ()), "a deployment", 'tags=["nightly", "web"]')),
        version=version if version is not None else flow.version,
        enforce_parameter_schema=enforce_parameter_schema,
    )
    _check_parameters(deployment)
    return deployment


def _checked_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"The name of a deployment is text, not {name!r}, {kind_of(name)}.")
    if not name.strip() or "/" in name:
        raise ValueError(f"A deployment can't be called {name!r}: write a name such as 'nightly', without a slash.")
    return name


def _schedules(interval: Any, cron: Any, rrule: Any, schedule: Any, schedules: Any) -> tuple[Schedule, ...]:
    ways = {"interval": interval, "cron": cron, "rrule": rrule, "schedule": schedule, "schedules": schedules}
    given = [way for way, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ValueError(
            f"{' and '.join(map(repr, given))} were given: one of them says when a deployment runs. For several "
            "kinds at once write schedules=[Cron('0 9 * * *'), Interval(3600)], from headrace.schedules."
        )
    if not given:
        return ()
    way, value = given[0], ways[given[0]]
    if way == "schedule":
        return (_as_schedule(value),)
    if way == "schedules":
        return tuple(_as_schedule(one) for one in _several(value, way))
    make: Any = {"interval": Interval, "cron": Cron, "rrule": RRule}[way]
    is_one = isinstance(value, str | int | float | timedelta)
    return tuple(make(one) for one in ([value] if is_one else _several(value, way)))


def _several(value: Any, way: str) -> Sequence[Any]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"{way!r} can't be {value!r}, {kind_of(value)}: see `flow.to_deployment` for what it may be.")
    return list(value)


def _as_schedule(given: Any) -> Schedule:
    if isinstance(given, _TIMINGS):
        return Schedule(given)
    if not isinstance(given, Schedule):
        raise TypeError(
            f"A schedule is made by Cron, Interval or RRule of headrace.schedules, and {given!r} is {kind_of(given)}."
        )
    return given


def _check_parameters(deployment: RunnerDeployment) -> None:
    """Raise SignatureMismatchError or ParameterTypeError for what the flow would refuse when it runs."""
    flow = deployment.flow
    for schedule in deployment.schedules:
        _check_names(deployment, deployment.given(schedule))
        if deployment.enforce_parameter_schema and flow.should_validate_parameters:
            flow.validate_parameters(deployment.given(schedule))
    if not deployment.schedules:
        _check_names(deployment, deployment.parameters)


def _check_names(deployment: RunnerDeployment, given: Mapping[str, Any]) -> None:
    known = deployment.flow.binder.signature.parameters
    if any(name not in known for name in given):
        raise SignatureMismatchError.from_names(deployment.flow_name, known, given)
