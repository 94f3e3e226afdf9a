"""The plugin: a world for every test, fixtures that look at it, virtual time, simulations.

Every hook here runs for every test of everybody who has headrace installed, so none may import headrace or do work
before somebody uses it. What is needed of headrace is in `headrace.testing`, which needs no pytest.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Generator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from . import reporting
from .covering import Covering, covers
from .environment import CleanEnvironment
from .fixtures import (
    OWN_RUNNER,
    clock_of_test,
    fake_clock,
    follow,
    headrace_settings,
    run_store,
    runs,
    simulation,
    store_of,
)
from .lines import LogsOfTries
from .markers import complaints, declare_markers, marked
from .options import SEED, TRACE, add_options, check_options, value_of
from .repeating import misfits, prepare, repeated
from .scopes import SCOPE, SIMULATION
from .worlds import Scope, Worlds

if TYPE_CHECKING:
    from .tracing import Tracing

__all__ = ["fake_clock", "headrace_settings", "run_store", "runs", "simulation"]

_WORLDS = pytest.StashKey[Worlds]()
#: Where traces were asked for.
_TRACING: pytest.StashKey[Tracing] = pytest.StashKey()


# options and markers -------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and isolate the session where that has not been done."""
    declare_markers(config)
    check_options(config)
    _isolate(config)
    if covers(config):
        config.pluginmanager.register(Covering(config, config.stash[_WORLDS]), "headrace-coverage")
    if value_of(config, TRACE) != "off" and not config.getoption("collectonly", False):
        from .tracing import Tracing  # few ask for it

        config.stash[_TRACING] = tracing = Tracing(config, config.stash[_WORLDS])
        config.pluginmanager.register(tracing, "headrace-tracing")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, Any]:
    """Let the collection of a file, or class, fail where a test in it is marked wrongly.

    So it is told where the workers of pytest-xdist collect, too: an error of the whole session ends them unheard.
    """
    report = yield
    wrong = [said for item in report.result if isinstance(item, pytest.Item) for said in _wrong(item)]
    if report.passed and wrong:
        report.outcome, report.longrepr, report.result = "failed", "\n".join(wrong), []
    return report


def _wrong(item: pytest.Item) -> list[str]:
    return [f"{item.nodeid}: {said}." for said in complaints(item) or misfits(item)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that ask for a simulation have one, and refuse wrong markers that other plugins have added."""
    for item in items:
        for said in _wrong(item):
            raise pytest.UsageError(said)
        names: list[str] | None = getattr(item, "fixturenames", None)
        if names is not None and marked(item, "simulate") is not None and "simulation" not in names:
            names.insert(0, "simulation")
        if names is not None and "anyio_backend" in names:
            _put_first(names, "simulation", "fake_clock")
        prepare(item)


def _put_first(names: list[str], *wanted: str) -> None:
    """Set these fixtures up before others: anyio makes a loop where the first async fixture needs one, and keeps it."""
    names.sort(key=lambda name: name not in wanted)


def pytest_collection_finish() -> None:
    """Do what the first simulation does for all before any test is timed: an example of a property has a deadline."""
    if "headrace.testing.simulation" in sys.modules:  # a test module has imported it: there will be simulations
        from headrace.testing import simulate

        with simulate():
            pass


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Isolate the session before any conftest can import headrace."""
    keep_as_it_is(early_config.pluginmanager.rewrite_hook, "headrace")
    _isolate(early_config)


def keep_as_it_is(rewrite_hook: object, package: str) -> None:
    """Take a package off the list of those whose assertions pytest rewrites.

    pytest puts everything there that was installed together with a plugin: the whole engine, whose import would then
    take seconds the first time. There is no public way to say no; where the list has moved, nothing is taken off.
    """
    listed = getattr(rewrite_hook, "_must_rewrite", None)
    if isinstance(listed, set) and package in listed:
        listed.discard(package)
        getattr(rewrite_hook, "_marked_for_rewrite_cache", {}).clear()


def _isolate(config: pytest.Config) -> None:
    if _WORLDS in config.stash:
        return
    environment, worlds = CleanEnvironment(), Worlds(Scope("session", 0))
    config.stash[_WORLDS] = worlds
    lines = LogsOfTries(config)
    environment.open(config.invocation_params.dir)
    worlds.open()
    worlds.tell(lines.begin)

    def restore() -> None:
        lines.end()
        environment.close()
        worlds.close()

    config.add_cleanup(restore)


def _seed_of(item: pytest.Item) -> int:
    seed = (marked(item, "headrace") or {}).get("seed", value_of(item.config, SEED))
    return random.SystemRandom().getrandbits(32) if seed is None else int(seed)


# worlds --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give the test a world of its own, set-up and tear-down included."""
    worlds = item.config.stash[_WORLDS]
    item.stash[SCOPE] = scope = Scope(item.nodeid, _seed_of(item), store_of(item))
    worlds.enter(scope)
    try:
        return (yield)
    finally:
        worlds.leave(scope)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Set up and tear down what outlives a test in the session's world."""
    if fixturedef.scope == "function":
        return (yield from _set_up(fixturedef, request))
    worlds = request.config.stash[_WORLDS]
    # Finalizers run last in, first out: what is added around the set-up surrounds the fixture's own tear-down.
    fixturedef.addfinalizer(worlds.leave_session)
    worlds.enter_session()
    try:
        return (yield)
    finally:
        worlds.leave_session()
        fixturedef.addfinalizer(worlds.enter_session)


def _set_up(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Generator[None, Any, Any]:
    """Let time be virtual before an async test's own event loop is made, and let that follow it.

    pytest-asyncio has a hook by which plugins make loops, `pytest_asyncio_loop_factories`. It is left to projects: who
    implements it makes the loops of all async tests, of projects that only have headrace installed too, changes their
    ids before pytest 8.4, and stands in the way of the project's own; a loop that tests share is made once, and each of
    them has another clock. So whatever loop there is follows the clock of the test.
    """
    if fixturedef.argname != OWN_RUNNER:
        return (yield)
    clock = clock_of_test(request)
    runner = yield
    if clock is not None:
        stack = ExitStack()
        request.addfinalizer(stack.close)
        follow(clock, runner.get_loop(), stack)
    return runner


# running and reporting -----------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a test several times that is marked so; leave the others to pytest."""
    __tracebackhide__ = True
    return True if repeated(pyfuncitem) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let stubs have their say at the end of a test: at its tear-down it would have passed already."""
    __tracebackhide__ = True
    try:
        result = yield
    except BaseException as error:
        if SIMULATION in item.stash:
            item.stash[SIMULATION].check_stubs(error)
        raise
    if SIMULATION in item.stash:
        item.stash[SIMULATION].check_stubs()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the runs of a failed test, and how to repeat it; its traceback without the engine's frames."""
    if call.excinfo is not None and "headrace.core" in sys.modules:
        from headrace.testing.hiding import hide_our_frames  # only who fails needs it

        hide_our_frames()
    report = yield
    if SCOPE in item.stash:
        tracing = item.config.stash.get(_TRACING, None)
        trace = tracing.traced(report, item, call) if tracing is not None else None
        if report.failed:
            reporting.add_runs(report, item, call, trace)
            if call.excinfo is not None:
                reporting.let_speak(report, call.excinfo)
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Explain how two lists of a run's states or delays differ, with the run's timeline."""
    if "headrace.testing" not in sys.modules:
        return None
    from headrace.testing.explaining import explain  # only who fails needs it

    return explain(op, left, right)
