"""A flow run as a pytest file, which passes in a project of its own."""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from headrace import flow
from headrace.client.as_test import NotATest, copy_as_test, reading
from headrace.core.records import FlowRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import current_world
from headrace.store.protocol import RunFilter
from tests.plugin.sessions import INI
from tests.server.conftest import begun

SHOP = """
import datetime
from headrace import flow, task
from headrace.states import Completed

class Gone(Exception):
    pass

tried = []

@task(retries=2, retry_delay_seconds=60, task_run_name="fetch-{city}", persist_result=True)
def fetch(city):
    tried.append(city)
    if city == "Turin" and tried.count(city) < 2:
        raise ConnectionError("down", 3)
    if city == "Atlantis":
        raise Gone("there is no Atlantis")
    return {"city": city, "at": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)}

@task(persist_result=True)
def count(page):
    return [len(page["city"])]

@task
def note(text):
    return object()

@task(persist_result=True)
def skip():
    return Completed(name="Skipped", message="not today", data=7)

@task(timeout_seconds=5)
def dawdle():
    import time
    time.sleep(60)

@flow(flow_run_name="inner")
def inner(letters):
    return count({"city": "x" * letters})

@flow(flow_run_name="survey-{label}")
def survey(label: str, cities: list[str], day: datetime.date = datetime.date(2026, 1, 1)):
    assert isinstance(day, datetime.date)
    counts = [count.submit(page) for page in fetch.map(cities)]
    inner(3)
    note("done")
    skip()
    dawdle(return_state=True)
    return sum(one for found in counts for one in found.result())

@flow(flow_run_name="asynchronous")
async def asynchronous():
    return count({"city": "Rome"})

@flow(flow_run_name="twice")
def twice():
    return [count({"city": "Rome"}) for _ in "ab"]
"""


@pytest.fixture
def shop(pytester: pytest.Pytester) -> Iterator[Any]:
    """The module of somebody's flows."""
    pytester.makeini(INI)
    pytester.makepyfile(shop=SHOP)
    pytester.syspathinsert()
    yield importlib.import_module("shop")
    del sys.modules["shop"]


def copied(name: str) -> str:
    """Return the flow run of this name as a test."""
    (run,) = current_world().store.flow_runs(RunFilter(name=name))
    return copy_as_test(current_world(), run.id)


def test_runs_pass_as_tests_of_the_code_that_they_ran(shop: Any, pytester: pytest.Pytester, fake_clock: Any) -> None:
    """One that completed after a retry, one that failed, an async one, one that cached; no body of a task is called."""
    shop.survey("north", ["Oslo", "Turin"])
    shop.survey("lost", ["Rome", "Atlantis"], return_state=True)
    asyncio.run(shop.asynchronous())
    shop.twice()
    shop.tried.clear()
    names = ("survey-north", "survey-lost", "asynchronous", "twice")
    pytester.makepyfile(**{f"test_{n}": copied(name) for n, name in enumerate(names)})
    pytester.runpytest_inprocess("-q").assert_outcomes(passed=4)
    assert shop.tried == []
    assert "('count', 'Pending Running Cached'): 1" in copied("twice")


def test_a_change_of_the_code_that_changes_the_history_fails_the_test(
    shop: Any, pytester: pytest.Pytester, fake_clock: Any
) -> None:
    """Which is what it is for."""
    shop.survey("south", ["Oslo"])
    pytester.makepyfile(test_it=copied("survey-south"))
    shop.note.fn = lambda text: shop.count({"city": text})
    shop.survey.fn.__globals__["inner"] = lambda letters: None
    result = pytester.runpytest_inprocess("-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*'inner'*"])


def test_a_copy_says_what_could_not_be_had(shop: Any, fake_clock: Any) -> None:
    """Results that were not kept, and classes of errors."""
    shop.survey("lost", ["Atlantis"], return_state=True)
    text = copied("survey-lost")
    assert "NOT HAD: what these returned was not kept, or is no plain value. None stands in: note (1 call)." in text
    assert "class Gone(Exception):" in text
    assert "Stands in for the Gone that was raised" in text


def test_a_stub_is_for_a_run_where_names_tell_them_apart(shop: Any, fake_clock: Any) -> None:
    """Else for all calls, in their order; values that would mean several outcomes are marked as one."""
    shop.survey("north", ["Oslo", "Turin"])
    text = copied("survey-north")
    assert "run='fetch-Oslo')" in text
    assert "ConnectionError('down', 3)," in text
    assert re.search(r"simulation.stub\('count', \[\[\d\], \[\d\], \[\d\]\]\)", text)
    assert "simulation.stub('skip', Completed(name='Skipped', message='not today', data=7))" in text


@flow(flow_run_name="at-the-top")
def at_the_top() -> None:
    below()


@flow(flow_run_name="below")
def below() -> None:
    pass


def test_what_a_test_can_not_repeat_is_refused() -> None:
    """With the reason."""
    at_the_top()
    with pytest.raises(NotATest, match=r"the run of a subflow: copy the flow run .* around it"):
        copied("below")
    with pytest.raises(NotATest, match="has not ended"):
        copy_as_test(current_world(), begun().id)
    cancelled = begun("cancelled", StateType.PENDING, StateType.RUNNING, StateType.CANCELLED)
    cancelled_run = current_world().store.flow_run(cancelled.id)
    assert cancelled_run.entrypoint is None
    with pytest.raises(NotATest, match="was not recorded"):
        copy_as_test(current_world(), cancelled.id)


def test_a_run_that_was_ended_from_outside_is_refused() -> None:
    """A crash is not in the code."""
    world = current_world()
    now, new_id = world.clock.now(), world.new_id
    run = FlowRun(id=new_id(), name="crashed", created=now, flow_name="F", flow_id=new_id(), entrypoint="shop:survey")
    world.store.create(run, [run.enter(State(type_), now) for type_ in ("PENDING", "RUNNING", "CRASHED")])
    with pytest.raises(NotATest, match="'crashed' was Crashed: that came from outside"):
        copied("crashed")


def test_runs_of_very_many_task_runs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads such a test."""
    monkeypatch.setattr(reading, "MOST", 0)
    at_the_top()
    with pytest.raises(NotATest, match="more than 0 task runs"):
        copied("at-the-top")
