"""Which virtual clock a piece of code follows, if any."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from types import FrameType

from headrace.clock.protocol import nanoseconds_of
from headrace.clock.virtual import VirtualClock

#: The clocks that are followed, the innermost last.
CLOCKS: list[VirtualClock] = []

#: Packages of the standard library in which user code waits.
_WAITING = frozenset({"threading", "queue", "sched", "asyncio", "concurrent", "contextlib"})
#: What runs the tests, or polls something real.
_TOOLS = frozenset(
    {
        "_pytest", "coverage", "doctest", "execnet", "freezegun", "headrace", "hypothesis", "pluggy", "pytest",
        "pytest_asyncio", "pytest_cov", "pytest_randomly", "pytest_rerunfailures", "pytest_timeout", "sybil", "xdist",
    }
)  # fmt: skip
REAL = (frozenset(sys.stdlib_module_names) - _WAITING - {"__main__"}) | _TOOLS
_NOT_USERS = frozenset(sys.stdlib_module_names) - {"__main__"} | _TOOLS | {"pytest_headrace"}


def clock_here() -> VirtualClock | None:
    """Return the clock that this thread takes part in; None: it is on real time."""
    for clock in reversed(CLOCKS):
        if clock.turns.here() is not None:
            return clock
    return None


def clock_of(frame: FrameType) -> VirtualClock | None:
    """Return the clock that the code of a frame in this thread follows."""
    if is_real(frame.f_globals.get("__name__")):
        return None
    return clock_here()


def is_users(module: object) -> bool:
    """Say whether a module is neither the standard library's nor one of those that run the tests."""
    return not isinstance(module, str) or module.partition(".")[0] not in _NOT_USERS


def is_real(module: object) -> bool:
    """Say whether a module stays on real time, whatever thread it runs in."""
    return isinstance(module, str) and module.partition(".")[0] in REAL


def wall_ns(clock: VirtualClock) -> int:
    """Return the wall clock in nanoseconds since 1970: freezegun's where it has frozen time, else virtual time."""
    frozen = frozen_moment()
    return clock.time_ns() if frozen is None else nanoseconds_of(frozen)


def frozen_moment() -> datetime | None:
    """Return the moment at which freezegun has frozen time, aware UTC; None where it has not."""
    freezegun = sys.modules.get("freezegun.api")
    if freezegun is None or not freezegun.freeze_factories:
        return None
    at: datetime = freezegun.freeze_factories[-1]()
    return at.replace(tzinfo=UTC)
