"""A flow, when it runs, and with what: what makes a deployment, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

import headrace
from headrace import flow
from headrace.client.schemas.objects import ConcurrencyLimitConfig
from headrace.client.schemas.schedules import CronSchedule
from headrace.deployments import RunnerDeployment
from headrace.exceptions import ParameterTypeError, SignatureMismatchError
from headrace.schedules import Cron, Interval, RRule


@flow(version="3")
def report(day: str = "today", pages: int = 1) -> None:
    """Write a report."""


def test_a_deployment_says_what_it_is() -> None:
    """Its flow's description and version, unless it has its own."""
    made = report.to_deployment("nightly", tags=["a", "b"], parameters={"pages": 2}, concurrency_limit=1)
    assert (made.name, made.flow_name, made.full_name) == ("nightly", "report", "report/nightly")
    assert (made.description, made.version, made.tags) == ("Write a report.", "3", {"a", "b"})
    assert (made.parameters, made.concurrency_limit, made.paused) == ({"pages": 2}, 1, False)
    own = report.to_deployment("nightly", description="Own.", version="4")
    assert (own.description, own.version, own.concurrency_limit) == ("Own.", "4", None)


def test_the_id_of_a_deployment_follows_from_its_names() -> None:
    """So that runs of yesterday's process are found today."""
    assert report.to_deployment("a").id == report.to_deployment("a", cron="@daily").id
    others = [report.to_deployment("b"), report.with_options(name="other").to_deployment("a")]
    assert len({report.to_deployment("a").id, *(other.id for other in others)}) == 3


@pytest.mark.parametrize(
    ("given", "schedules"),
    [
        ({}, ()),
        ({"cron": "@daily"}, (Cron("@daily"),)),
        ({"cron": ["@daily", "@hourly"]}, (Cron("@daily"), Cron("@hourly"))),
        ({"interval": 60}, (Interval(60),)),
        ({"interval": [60, timedelta(days=1)]}, (Interval(60), Interval(86400))),
        ({"rrule": "FREQ=DAILY"}, (RRule("FREQ=DAILY"),)),
        ({"schedule": Cron("@daily", timezone="Asia/Kolkata")}, (Cron("@daily", timezone="Asia/Kolkata"),)),
        ({"schedules": [CronSchedule("@daily"), Interval(60)]}, (Cron("@daily"), Interval(60))),
    ],
)
def test_there_are_several_ways_to_say_when(given: Any, schedules: Any) -> None:
    """All of them come to the same."""
    assert report.to_deployment("d", **given).schedules == schedules


def test_two_ways_to_say_when_are_refused() -> None:
    """It says what to write for several."""
    with pytest.raises(ValueError, match=r"'interval' and 'cron' were given: .*schedules=\["):
        report.to_deployment("d", interval=60, cron="@daily")


@pytest.mark.parametrize("given", [{"schedule": "@daily"}, {"schedules": [60]}, {"schedules": 60}, {"interval": "1h"}])
def test_what_is_no_schedule_is_refused(given: Any) -> None:
    """It says what it was, and what makes one."""
    with pytest.raises(TypeError, match=r"Cron, Interval or RRule|see `flow.to_deployment`|timedelta or a number"):
        report.to_deployment("d", **given)


@pytest.mark.parametrize("name", ["", " ", "a/b"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """The slash stands between the names of flow and deployment."""
    with pytest.raises(ValueError, match="A deployment can't be called"):
        report.to_deployment(name)


def test_parameters_are_checked_at_once() -> None:
    """As a call's are; those of schedules too."""
    with pytest.raises(ParameterTypeError, match="pages"):
        report.to_deployment("d", cron="@daily", parameters={"pages": "many"})
    with pytest.raises(SignatureMismatchError, match="page"):
        report.to_deployment("d", parameters={"page": 1})
    with pytest.raises(ParameterTypeError, match="pages"):
        report.to_deployment("d", schedules=[Cron("@daily", parameters={"pages": "many"})])
    report.to_deployment("d", cron="@daily", parameters={"pages": "many"}, enforce_parameter_schema=False)


def test_a_parameter_without_a_default_has_to_be_given() -> None:
    """Nobody is there to give it when the flow runs."""

    @flow
    def needs(value: int) -> None: ...

    with pytest.raises(ParameterTypeError, match="value: Field required"):
        needs.to_deployment("d", cron="@daily")
    needs.to_deployment("d", schedules=[Cron("@daily", parameters={"value": 1})])


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_at_least_1(limit: int) -> None:
    """Whether it is a number or says more."""
    with pytest.raises(ValueError, match=f"'concurrency_limit' can't be {limit}"):
        report.to_deployment("d", concurrency_limit=limit)
    with pytest.raises(ValueError, match=f"'limit' can't be {limit}"):
        ConcurrencyLimitConfig(limit)
    with pytest.raises(ValueError, match="'SOMETIMES' is not a valid"):
        ConcurrencyLimitConfig(1, "SOMETIMES")  # type: ignore[arg-type]


def test_the_names_are_where_scripts_look_for_them() -> None:
    """In the packages of these names."""
    assert isinstance(report.to_deployment("d"), RunnerDeployment)
    assert headrace.serve is headrace.deployments.serve
    assert headrace.aserve is headrace.deployments.aserve
