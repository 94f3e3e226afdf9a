"""Putting worlds for tests in the place of the process's own, and its log where test frameworks look for it."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.clock import SystemClock
from headrace.drive import logs
from headrace.drive.world import World, keep_apart, replace_process_world
from headrace.settings import current_settings, scopes
from headrace.testing.stores import opener

if TYPE_CHECKING:
    from headrace.testing.worlds import SimulatedWorld

#: How long to wait, in seconds of real time, for threads of the engine that have been told to end.
_PATIENCE_SECONDS = 1.0
#: The threads that ring time limits and that watch virtual clocks serve all worlds.
_OF_THE_PROCESS = frozenset({"headrace-alarms", "headrace-watch-time"})


@dataclass(frozen=True, slots=True)
class _Before:
    """How things were before tests took over."""

    world: World | None
    configured: bool
    handlers: list[logging.Handler]
    propagate: bool
    level: int
    level_of_setting: int | None
    elders: frozenset[threading.Thread]


#: Test sessions run inside test sessions: a stack.
_before: list[_Before] = []
#: Who wants to look at a test's world, or a simulation's, before it is closed. Empty but where something is measured.
last_looks: list[Callable[[World], object]] = []


def take_over() -> None:
    """Keep runs out of the user's store, and log lines off the console: they go to the root logger's handlers alone."""
    root = logs.ROOT
    world = replace_process_world(None)
    elders = frozenset(threading.enumerate())
    _before.append(
        _Before(world, logs._configured, list(root.handlers), root.propagate, root.level, logs._level, elders)
    )
    scopes.forget()
    logs._configured = True
    root.handlers[:] = [logs.StoreHandler()]
    root.propagate = True
    logs.set_level(current_settings().logging_level)


def give_back() -> None:
    """Undo `take_over`. Threads that tests have begun and not ended stay in a world of tests."""
    before = _before.pop()
    begun = set(threading.enumerate()) - before.elders - {threading.current_thread()}
    keep_apart(begun, IsolatedWorld(0))
    root = logs.ROOT
    replace_process_world(before.world)
    scopes.forget()
    logs._configured = before.configured
    root.handlers[:] = before.handlers
    root.propagate = before.propagate
    root.setLevel(before.level)
    logs._level = before.level_of_setting


class IsolatedWorld(World):
    """A world with a store of its own, made when first looked at: in memory, or a file that goes away in the end."""

    def __init__(self, seed: int, store: str = "memory") -> None:
        self._folder = ExitStack()
        super().__init__(lambda: self._folder.enter_context(opener(store)())(), seed=seed)
        self.elders = frozenset(threading.enumerate())

    def close(self) -> None:
        """Let go of the store, and of its file."""
        super().close()
        self._folder.close()


def new_world(seed: int, store: str = "memory") -> IsolatedWorld:
    """Return a world for a test, or for the session."""
    return IsolatedWorld(seed, store)


def live_in(world: World | None) -> World | None:
    """Let the process live in a world (None: one that is made when needed); return the one before."""
    return replace_process_world(world)


def end(world: IsolatedWorld | SimulatedWorld) -> None:
    """Close a world, and what its runs have left behind in this process: threads that began since, event loops."""
    if not world.has_open_store:
        return
    for look in tuple(last_looks):
        look(world)
    bridge = sys.modules.get("headrace.drive.bridge")
    if bridge is not None:
        bridge.close_thread_loop()
    world.close()
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("headrace-")]
    _join(thread for thread in ours if thread not in world.elders and thread.name not in _OF_THE_PROCESS)


def _join(threads: Iterable[threading.Thread]) -> None:
    """Wait for threads, but no longer in all than our patience lasts: one may be stuck in a user's function."""
    clock = SystemClock()
    until = clock.monotonic_ns() + int(_PATIENCE_SECONDS * 1e9)
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(until - clock.monotonic_ns(), 0) / 1e9)
