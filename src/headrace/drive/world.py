"""The world that a run lives in: its clock, its source of chance, its ids, its store, and where its log goes.

One world is the process's own; a test puts another in its place. Inside a run the world is found through a context
variable, which the runners copy into their threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary, WeakSet

from headrace.clock import Clock, SystemClock
from headrace.core.records import Run, TaskRun
from headrace.core.states import State
from headrace.drive import logs
from headrace.drive.activities import Activities
from headrace.drive.logs import LogShipper
from headrace.effects import Call, Draw, NewId, Now, Record, ReleaseSlots, RequestSlots, Say
from headrace.ids import IdSource
from headrace.settings import current_settings

if TYPE_CHECKING:
    from headrace.core.limits import SlotAnswer
    from headrace.drive.background import Background
    from headrace.drive.slots import SlotBell
    from headrace.keeping.shelf import Shelf
    from headrace.runs.context import RunContext
    from headrace.store.protocol import OwnStore, Store
    from headrace.store.roster import Roster


class Understudy(Protocol):
    """In a simulation: says what is called in the place of users' functions."""

    def __call__(self, effect: Call, /) -> Call:
        """Return the call to make for this one."""
        ...

    def far(self, body: Any, begins: bool, within: RunContext, /) -> Any:
        """Answer for a body that the worker process of a run calls: whether another is called in its place.

        As it begins: how many seconds pass, and what comes of it then.
        """
        ...


_UNSEEDED: WeakSet[World] = WeakSet()


def _after_fork() -> None:
    """Draw anew in a child process, which would else give its runs the ids that its parent and siblings give theirs."""
    for world in list(_UNSEEDED):
        world._begin_chance(SystemRandom().getrandbits(64))


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)


class World:
    """Carry out the effects that need no waiting. `store` may be given as a function, to be opened when first needed.

    `seed` makes ids, names and jitter reproducible; None takes one from the system, and after a fork another one.
    """

    #: Whether tasks of the process runner run in threads of this process, as in a simulation.
    in_process = False
    #: In tests: says which task runner takes the place of a flow's own.
    other_runner: Callable[[Any], Any] | None = None
    #: In tests: whether sync runs, too, are told by event loops, but for those that sync code inside a loop calls.
    prefers_loops = False
    #: Where users' code follows this world's clock: what lets it do so in another process, given a world and a clock.
    follow: Callable[[World, Any], AbstractContextManager[object]] | None = None
    understudy: Understudy | None = None
    #: In a simulation whose schedule chooses: lets other tasks of the event loop go first, before states are recorded.
    pause: Callable[[], Awaitable[None]] | None = None
    #: Where tests measure what they cover: told of each run that is made, before anything of it is recorded.
    witness: Callable[[RunContext], object] | None = None

    def __init__(
        self, store: Store | Callable[[], Store], *, clock: Clock | None = None, seed: int | None = None
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self._begin_chance(SystemRandom().getrandbits(64) if seed is None else seed)
        if seed is None:
            _UNSEEDED.add(self)
        self._store = None if callable(store) else store
        self._open_store = store if callable(store) else None
        self._lock = threading.RLock()
        self.logs = LogShipper(self)
        self._slots: SlotBell | None = None
        self._shelf: Shelf | None = None
        self._roster: Roster | None = None
        self._background: Background | None = None
        self.activities = Activities()

    def _begin_chance(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.new_id = IdSource(self.clock.time_ns, self.random)

    @property
    def store(self) -> Store:
        """The store, opened at the first look."""
        store = self._store
        if store is None:
            with self._lock:
                if self._store is None:
                    assert self._open_store is not None, "a world has a store or a way to open one"
                    self._store = self._open_store()
                store = self._store
        return store

    @property
    def store_is_shared(self) -> bool:
        """Say whether other processes may change what the store holds."""
        return self.store.shared

    @property
    def roster(self) -> Roster | None:
        """Where it is said what this process is at work on; None where nobody else could find it."""
        if self._roster is None and self.store_is_shared and (rosters := self.store.rosters) is not None:
            from headrace.store.roster import Roster  # where runs are kept in memory there is none

            with self._lock:
                self._roster = self._roster or Roster(rosters)
        return self._roster

    @property
    def has_open_store(self) -> bool:
        """Say whether anybody has looked at the store yet."""
        return self._store is not None

    @property
    def slots(self) -> SlotBell:
        """Who holds concurrency slots in this process, and who waits for them."""
        if self._slots is None:
            with self._lock:
                self._slots = self._slots or self._new_slots()
        return self._slots

    def _new_slots(self) -> SlotBell:
        from headrace.drive.slots import SlotBell  # most runs never ask for slots

        return SlotBell(self)

    @property
    def background(self) -> Background:
        """What this process has to do with task runs in the background."""
        if self._background is None:
            from headrace.drive.background import Background  # most processes never look there

            with self._lock:
                self._background = self._background or Background(self)
        return self._background

    @property
    def shelf(self) -> Shelf:
        """Where results go that name no storage, and those that are at hand."""
        if self._shelf is None:
            from headrace.keeping.shelf import Shelf  # most runs keep no results

            with self._lock:
                self._shelf = self._shelf or Shelf(in_memory=self.store.location == "memory")
        return self._shelf

    def runner_of(self, definition: Any) -> Any:
        """Return a task runner for one attempt of a flow run: the flow's own, or what takes its place."""
        own = definition.new_task_runner()
        return own if self.other_runner is None else self.other_runner(own)

    def cast(self, effect: Call) -> Call:
        """Return the call to make for one that a story asks for: that, or its understudy's."""
        return effect if self.understudy is None else self.understudy(effect)

    def story(self, callee: Any, context: RunContext) -> Coroutine[Any, Any, Any]:
        """Return the story to tell of a run: its flow's or task's own."""
        told: Coroutine[Any, Any, Any] = callee.story(context)
        return told

    def schedule(self, definition: Any, run: TaskRun, queue: str, call: bytes) -> None:
        """Record a run of a task as Scheduled, for whoever serves the queue."""
        self.background.schedule(run, queue, call)

    def close(self) -> None:
        """Write out what is left of the log, and let go of the store."""
        self.logs.close()
        if self._background is not None:
            self._background.close()
        if self._roster is not None:
            self._roster.close()
        if self._store is not None:
            self._store.close()

    # instant effects -------------------------------------------------------------------------------------------

    def record(self, effect: Record) -> State | None:
        """Let the run enter the states and write them, or bring the run up to date with who was quicker."""
        run = effect.run
        before = (run.state, run.history_length, run.run_count, run.start_time, run.end_time, run.total_run_time)
        now = self.clock.now()
        entered = [run.enter(state, now) for state in effect.states]
        try:
            if before[1] == 0:
                self.store.create(run, entered)
                return None
            standing = self.store.transition(run, entered)
            if standing is not None:
                self.catch_up(run)
        except BaseException:
            # What the store has not taken has not happened.
            run.state, run.history_length, run.run_count, run.start_time, run.end_time, run.total_run_time = before
            raise
        return standing

    def catch_up(self, run: Run) -> None:
        """Bring a run up to date with what others have done with it. Raises ObjectNotFound for one that is gone."""
        stored: Run = self.store.flow_run(run.id) if run.kind == "flow" else self.store.task_run(run.id)
        for name in ("state", "history_length", "run_count", "start_time", "end_time", "total_run_time"):
            setattr(run, name, getattr(stored, name))

    def now(self, effect: Now) -> Any:
        """Read the clock."""
        return self.clock.now()

    def draw(self, effect: Draw) -> float:
        """Draw from the seeded source."""
        return self.random.random()

    def make_id(self, effect: NewId) -> UUID:
        """Make an id."""
        return self.new_id()

    def say(self, effect: Say) -> None:
        """Write a line to the run's log."""
        self.logs.say(effect.run, effect.level, effect.message, effect.error)

    def request_slots(self, effect: RequestSlots) -> tuple[SlotAnswer, int]:
        """Ask the store for slots."""
        return self.slots.request(effect.request)

    def release_slots(self, effect: ReleaseSlots) -> None:
        """Give slots back."""
        self.slots.release(effect.ticket)


#: How each instant effect is carried out; the drivers look here first.
INSTANT: dict[type, Callable[[World, Any], Any]] = {
    Now: World.now,
    Draw: World.draw,
    NewId: World.make_id,
    Record: World.record,
    Say: World.say,
    RequestSlots: World.request_slots,
    ReleaseSlots: World.release_slots,
}


def default_store() -> Store:
    """Open the store that the settings name: that of a server, where there is one, or else `own_store`."""
    settings = current_settings()
    if settings.api_url is None:
        return own_store()
    return store_at(settings.api_url, settings.api_auth_string, settings.api_key)


def store_at(url: str, auth: str | None, key: str | None) -> Store:
    """Return the store behind a server, with spools in the home directory; `auth` and `key` are a RemoteStore's."""
    from headrace.store.remote.store import RemoteStore  # few report to a server

    home = current_settings().home
    return RemoteStore(url, home / "spool", auth=auth, key=key, rosters=home / "at-work")


def own_store() -> OwnStore:
    """Open the store that needs no server: one SQLite file in the home directory, or a database by its address."""
    address = current_settings().server_database_connection_url
    if address is not None:
        from headrace.store.addresses import open_address

        return open_address(address, current_settings().home / "at-work")
    from headrace.store.sqlite import SqliteStore  # sqlite3 takes milliseconds, and tests may never need it

    return SqliteStore(current_settings().store_path)


_WORLD: ContextVar[World | None] = ContextVar("headrace_world", default=None)
_process_world: World | None = None
_process_lock = threading.Lock()
#: Threads that are not to see the process's world, and the one that they see; None while there are none.
_apart: WeakKeyDictionary[threading.Thread, World] | None = None


def current_world() -> World:
    """Return the world that this code is in: that of the run around it, else the process's."""
    return _WORLD.get() or process_world()


logs.find_world = current_world
State.now = staticmethod(lambda: current_world().clock.now())
State.new_id = staticmethod(lambda: current_world().new_id())


def process_world() -> World:
    """Return the process's own world, made at the first call from the settings."""
    global _process_world
    if _apart is not None and (world := _apart.get(threading.current_thread())) is not None:
        return world
    if _process_world is None:
        with _process_lock:
            if _process_world is None:
                _process_world = World(default_store)
    return _process_world


def keep_apart(threads: Iterable[threading.Thread], world: World) -> None:
    """Let threads live in another world than the process's own, from now on."""
    global _apart
    for thread in threads:
        _apart = WeakKeyDictionary() if _apart is None else _apart
        _apart[thread] = world


def replace_process_world(world: World | None) -> World | None:
    """Put another world in the place of the process's own (None: make a fresh one when needed); return the old one."""
    global _process_world
    with _process_lock:
        before, _process_world = _process_world, world
    return before


@contextmanager
def use_world(world: World, *, everywhere: bool = False) -> Iterator[World]:
    """Live in this world inside the block; `everywhere`: also in threads that were begun without a context."""
    token = _WORLD.set(world)
    before = replace_process_world(world) if everywhere else None
    try:
        yield world
    finally:
        if everywhere:
            replace_process_world(before)
        _WORLD.reset(token)
