"""What a flow offers to be run by itself, at times: `to_deployment` and `serve`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.core.overlaps import ConcurrencyLimitConfig
    from headrace.deployments.runner import RunnerDeployment
    from headrace.schedules import Schedule


class Deployable:
    """A flow that may be deployed."""

    name: str

    def to_deployment(
        self,
        name: str,
        interval: timedelta | float | Iterable[timedelta | float] | None = None,
        cron: str | Iterable[str] | None = None,
        rrule: str | Iterable[str] | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule] | None = None,
        concurrency_limit: int | ConcurrencyLimitConfig | None = None,
        parameters: Mapping[str, Any] | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        enforce_parameter_schema: bool = True,
    ) -> RunnerDeployment:
        """Return a deployment of this flow, for `headrace.serve`.

        One of `interval` (a timedelta or seconds), `cron`, `rrule` (each one or several), `schedule` and `schedules`
        says when it runs; of a `paused` one nothing runs. `concurrency_limit`: how many of its runs there may be at
        a time.
        `parameters`: what its runs are given, validated at once unless `enforce_parameter_schema=False`; a schedule may
        have more. `tags` are those of its runs. `description` and `version` are the flow's unless they are given.

        Raises ValueError and TypeError for what can't be, SignatureMismatchError for parameters that the flow does not
        take, ParameterTypeError for those that do not validate, ImportError without ``headrace[schedules]`` for `cron`
        and `rrule`.
        """
        from headrace.deployments.runner import deployment_of  # few flows are deployed

        return deployment_of(
            self,
            name,
            interval=interval,
            cron=cron,
            rrule=rrule,
            schedule=schedule,
            schedules=schedules,
            paused=paused,
            concurrency_limit=concurrency_limit,
            parameters=parameters,
            description=description,
            tags=tags,
            version=version,
            enforce_parameter_schema=enforce_parameter_schema,
        )

    def serve(
        self,
        name: str | None = None,
        interval: timedelta | float | Iterable[timedelta | float] | None = None,
        cron: str | Iterable[str] | None = None,
        rrule: str | Iterable[str] | None = None,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule] | None = None,
        global_limit: int | ConcurrencyLimitConfig | None = None,
        parameters: Mapping[str, Any] | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        enforce_parameter_schema: bool = True,
        pause_on_shutdown: bool = True,
        print_starting_message: bool = True,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> None:
        """Make a deployment of this flow, and serve it until SIGINT or SIGTERM.

        `name` is that of the flow if it is not given, `global_limit` the `concurrency_limit` of `to_deployment`, which
        describes what makes the deployment; `headrace.serve` describes the rest.
        """
        from headrace.deployments.serving import serve  # as above

        deployment = self.to_deployment(
            name if name is not None else self.name,
            interval=interval,
            cron=cron,
            rrule=rrule,
            paused=paused,
            schedule=schedule,
            schedules=schedules,
            concurrency_limit=global_limit,
            parameters=parameters,
            description=description,
            tags=tags,
            version=version,
            enforce_parameter_schema=enforce_parameter_schema,
        )
        serve(
            deployment,
            pause_on_shutdown=pause_on_shutdown,
            print_starting_message=print_starting_message,
            limit=limit,
            timeout=timeout,
        )
