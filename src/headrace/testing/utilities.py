"""Isolation for tests that do without our pytest plugin: with unittest, say, or with a fixture that moved over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.drive.world import current_world
from headrace.testing import isolation

__all__ = ["exceptions_equal", "headrace_test_harness"]


def exceptions_equal(one: BaseException | None, other: BaseException | None) -> bool:
    """Say whether two exceptions are of one type with the same arguments, as those are that came from elsewhere."""
    if one is None or other is None:
        return one is other
    return type(one) is type(other) and one.args == other.args


class _OwnWorld(isolation.IsolatedWorld):
    """The world of one block."""


@contextmanager
def headrace_test_harness(server_startup_timeout: float | None = None) -> Iterator[None]:
    """Keep the runs of the block in a store in memory of its own, that is gone after it.

    Blocks nest. Where the pytest plugin is at work each test has a store of its own already, and this does nothing:
    what fixtures of the plugin show is what the test has run. There is no server to be waited for;
    `server_startup_timeout` has no effect.
    """
    here = current_world()
    if isinstance(here, isolation.IsolatedWorld) and not isinstance(here, _OwnWorld):
        yield
        return
    world = _OwnWorld(seed=0)
    before = isolation.live_in(world)
    try:
        yield
    finally:
        isolation.live_in(before)
        isolation.end(world)
