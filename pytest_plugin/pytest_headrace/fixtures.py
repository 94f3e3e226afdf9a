"""The plugin's fixtures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from .markers import marked
from .options import SEED, STORE, value_of
from .scopes import SCOPE, SIMULATION

if TYPE_CHECKING:
    from headrace.settings import Settings
    from headrace.testing import Runs, Simulation, Store, VirtualClock

#: pytest-asyncio's: each holds the event loop of tests and fixtures of one scope.
OWN_RUNNER = "_function_scoped_runner"
_SHARED_RUNNERS = tuple(f"_{scope}_scoped_runner" for scope in ("class", "module", "package", "session"))


@pytest.fixture
def run_store(request: pytest.FixtureRequest) -> Store:
    """The store of this test: empty at the start, gone with the test."""
    _simulated_first(request)
    from headrace.testing import recorded_runs

    return recorded_runs().store


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> Runs:
    """The runs of this test; see `headrace.testing.Runs`."""
    _simulated_first(request)
    from headrace.testing import recorded_runs

    return recorded_runs()


@pytest.fixture
def simulation(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    """A simulation around this test: virtual time, turns, stubs and faults; see `headrace.testing.simulate`."""
    from headrace.testing import simulate

    shared = _shared_loop(request)
    with simulate(**simulation_options(request.node)) as simulated, ExitStack() as stack:
        follow(simulated.clock, shared, stack)
        request.node.stash[SIMULATION] = simulated
        yield simulated
        del request.node.stash[SIMULATION]


@pytest.fixture
def fake_clock(request: pytest.FixtureRequest) -> Iterator[VirtualClock]:
    """The clock alone: it jumps over every wait of the engine and of your code, and equals its seconds."""
    if "simulation" in request.fixturenames:
        yield request.getfixturevalue("simulation").clock
        return
    from headrace.testing import virtual_time

    shared = _shared_loop(request)
    with virtual_time() as clock, ExitStack() as stack:
        follow(clock, shared, stack)
        yield clock


@pytest.fixture
def headrace_settings() -> Iterator[SettingsOfTest]:
    """The settings of this test: read one as an attribute, change some by calling it; see `headrace.settings`."""
    with ExitStack() as stack:
        yield SettingsOfTest(stack)


class SettingsOfTest:
    """The settings in force, and a way to change them until the test ends."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(self, updates: Mapping[str, Any] | None = None, **more: Any) -> Settings:
        """Set some, by the name of a setting or of its variable (`logging_level`, `HEADRACE_LOGGING_LEVEL`)."""
        from headrace.settings import current_settings, temporary_settings

        named = {name if name.isupper() else f"HEADRACE_{name.upper()}": value for name, value in more.items()}
        self._stack.enter_context(temporary_settings({**(updates or {}), **named}))
        return current_settings()

    def __getattr__(self, name: str) -> Any:
        from headrace.settings import current_settings

        return getattr(current_settings(), name)


def simulation_options(item: pytest.Item) -> dict[str, Any]:
    """Return the arguments of a test's simulation: those of its marker, completed by the options of the session."""
    given = marked(item, "simulate") or {}
    given.setdefault("seed", seed_of(item))
    given.setdefault("store", store_of(item))
    return given


def seed_of(item: pytest.Item) -> int:
    """Return the seed of a test."""
    seed: int = item.stash[SCOPE].seed if SCOPE in item.stash else value_of(item.config, SEED) or 0
    return seed


def store_of(item: pytest.Item) -> str:
    """Return where the runs of a test are kept."""
    kind: str = (marked(item, "headrace_store") or {}).get("kind") or value_of(item.config, STORE)
    return kind


def _simulated_first(request: pytest.FixtureRequest) -> None:
    """Let a simulation begin before somebody asks for its runs."""
    if "simulation" in request.fixturenames:
        request.getfixturevalue("simulation")


def clock_of_test(request: pytest.FixtureRequest) -> VirtualClock | None:
    """Return the virtual clock of a test, set up now if need be; None where it has none."""
    names = [name for name in ("simulation", "fake_clock") if name in request.fixturenames]
    given = request.getfixturevalue(names[0]) if names else None
    clock: VirtualClock | None = getattr(given, "clock", given)
    return clock


def _shared_loop(request: pytest.FixtureRequest) -> Any:
    """Return the event loop that an async test shares with others, made now if need be: while time is real."""
    name = next((name for name in _SHARED_RUNNERS if name in request.fixturenames), None)
    return request.getfixturevalue(name).get_loop() if name is not None else None


def follow(clock: VirtualClock, loop: Any, stack: ExitStack) -> None:
    """Let an event loop follow a clock, whoever made it; None: there is none."""
    from headrace.testing import follow_in_loop

    try:
        if loop is not None:
            stack.enter_context(follow_in_loop(clock, loop))
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
