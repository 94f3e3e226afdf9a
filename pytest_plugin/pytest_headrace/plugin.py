"""The plugin: a store for every test, fixtures that look at runs, a clock that does not wait.

Every hook here runs for every test of everybody who has headrace installed, so none may import headrace or do work
before somebody uses it. What is needed of headrace is in `headrace.testing`, which needs no pytest.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .environment import CleanEnvironment
from .worlds import Scope, Worlds

if TYPE_CHECKING:
    from headrace.clock.virtual import VirtualClock
    from headrace.store.protocol import Store
    from headrace.testing import Runs

_SEED_HELP = (
    "the seed of each test's ids, names and jitter: a whole number, or 'random' for a new one per test (default: 0)"
)
_MARKER = "headrace(seed): the seed of this test's ids, names and jitter, in place of --headrace-seed"

_WORLDS = pytest.StashKey[Worlds]()
_SEED = pytest.StashKey["int | None"]()
_SCOPE = pytest.StashKey[Scope]()
_FUNCTION_RUNNER = "_function_scoped_runner"  # pytest-asyncio's
_WIDER_RUNNERS = frozenset(f"_{scope}_scoped_runner" for scope in ("class", "module", "package", "session"))


# options -------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("headrace")
    group.addoption("--headrace-seed", metavar="SEED", default=None, help=_SEED_HELP)
    parser.addini("headrace_seed", _SEED_HELP, default="0")


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and isolate the session where that has not been done."""
    config.addinivalue_line("markers", _MARKER)
    config.stash[_SEED] = _session_seed(config)
    _isolate(config)


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
    environment.open(config.invocation_params.dir)
    worlds.open()

    def restore() -> None:
        environment.close()
        worlds.close()

    config.add_cleanup(restore)


def _session_seed(config: pytest.Config) -> int | None:
    given = config.getoption("headrace_seed")
    place = "--headrace-seed" if given is not None else "headrace_seed"
    text = str(given if given is not None else config.getini("headrace_seed")).strip()
    if text == "random":
        return None
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(f"{place} can't be {text!r}: write a whole number, or 'random'.") from None


def _seed_of(item: pytest.Item) -> int:
    marker = item.get_closest_marker("headrace")
    seed = _marked_seed(*marker.args, **marker.kwargs) if marker is not None else item.config.stash[_SEED]
    return random.SystemRandom().getrandbits(32) if seed is None else seed


def _marked_seed(seed: int) -> int:
    """Return the seed of a marker; called with its arguments, so that a wrong marker fails like a wrong call."""
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise TypeError(f"The seed of @pytest.mark.headrace is a whole number, not {seed!r}.")
    return seed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse wrong markers before any test runs."""
    for item in items:
        for marker in item.iter_markers("headrace"):
            try:
                _marked_seed(*marker.args, **marker.kwargs)
            except TypeError as error:
                hint = str(error).replace("_marked_seed()", "@pytest.mark.headrace")
                raise pytest.UsageError(f"{item.nodeid}: {hint}") from None


# worlds --------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give the test a world of its own, set-up and tear-down included."""
    worlds = item.config.stash[_WORLDS]
    item.stash[_SCOPE] = scope = Scope(item.nodeid, _seed_of(item))
    worlds.enter(scope)
    try:
        return (yield)
    finally:
        worlds.leave(scope)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Set up and tear down what outlives a test in the session's world; start the clock before the event loop."""
    if fixturedef.scope == "function":
        if fixturedef.argname == _FUNCTION_RUNNER and "fake_clock" in request.fixturenames:
            request.getfixturevalue("fake_clock")
        return (yield)
    worlds = request.config.stash[_WORLDS]
    # Finalizers run last in, first out: what is added around the set-up surrounds the fixture's own tear-down.
    fixturedef.addfinalizer(worlds.leave_session)
    worlds.enter_session()
    try:
        return (yield)
    finally:
        worlds.leave_session()
        fixturedef.addfinalizer(worlds.enter_session)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the runs of a failed test, and the seed to repeat it with."""
    report = yield
    scope = item.stash.get(_SCOPE, None)
    if report.failed and scope is not None and scope.world is not None and scope.world.has_open_store:
        from headrace.testing.timelines import drawn

        said = f"seed {scope.seed}: repeat with --headrace-seed={scope.seed}"
        report.sections.append(("headrace", "\n".join([said, *drawn(scope.world)])))
    return report


def pytest_assertrepr_compare(config: pytest.Config, op: str, left: object, right: object) -> list[str] | None:
    """Explain how two lists of a run's states or delays differ, with the run's timeline."""
    explaining = sys.modules.get("headrace.testing.comparing")
    return explaining.explain(op, left, right) if explaining is not None else None


# fixtures ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run_store() -> Store:
    """The store of this test: in memory, empty at the start, gone with the test."""
    from headrace.testing import recorded_runs

    return recorded_runs().store


@pytest.fixture
def runs() -> Runs:
    """The runs of this test; see `headrace.testing.Runs`."""
    from headrace.testing import recorded_runs

    return recorded_runs()


@pytest.fixture
def fake_clock(request: pytest.FixtureRequest) -> Iterator[VirtualClock]:
    """A clock that jumps over every wait of the engine, `time.sleep` and event loops; equals its seconds."""
    wider = _WIDER_RUNNERS.intersection(request.fixturenames)
    if wider:
        scope = min(wider).split("_")[1]
        pytest.fail(
            f"fake_clock gives a test an event loop on virtual time, but this test shares one on real time (loop scope "
            f"{scope!r}). Write @pytest.mark.asyncio(loop_scope='function').",
            pytrace=False,
        )
    from headrace.testing import virtual_time

    with virtual_time() as clock:
        yield clock
