"""`simulate`: a world of its own, on virtual time, in which everything happens the same way every time."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, cast

from headrace.clock import SystemClock
from headrace.clock.protocol import Over
from headrace.clock.schedules import Schedule, as_schedule
from headrace.clock.virtual import DEFAULT_START, VirtualClock, VirtualEvent
from headrace.drive.world import use_world
from headrace.exceptions import SimulationError
from headrace.store.protocol import Store
from headrace.testing import endings, isolation
from headrace.testing.faults.crashes import Crash
from headrace.testing.faults.failures import Failure, Slowness
from headrace.testing.faults.far import in_worker
from headrace.testing.faults.plan import Faults
from headrace.testing.faults.stores import StoreFault
from headrace.testing.faults.strikes import Strike
from headrace.testing.faults.stubs import Stub
from headrace.testing.following.active import frozen_moment
from headrace.testing.hearing import Hearing
from headrace.testing.interrupting import LineByLine
from headrace.testing.paths import path_named
from headrace.testing.runs import Runs
from headrace.testing.stores import opener
from headrace.testing.virtual import virtual_time
from headrace.testing.worlds import SimulatedWorld

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["Condition", "Simulation", "Started", "current_simulation", "simulate"]


class Condition(Protocol):
    """What `run_until` waits for: called after each transition."""

    def __call__(self) -> bool:
        """Say whether it is so."""
        ...


class Started(Protocol):
    """Something that goes on in the simulation beside the test."""

    def result(self, timeout: float | None = None) -> Any:
        """Wait on virtual time, and return what the function returned, or raise what it raised."""
        ...

    def done(self) -> bool:
        """Say whether it has ended."""
        ...


class _Started:
    """A function in a thread of its own, which takes part."""

    def __init__(self, clock: VirtualClock, fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
        name = getattr(fn, "name", None) or getattr(fn, "__name__", "started")
        self._ended = clock.event(f"{name} to end")
        self._value: Any = None
        self._error: BaseException | None = None
        self._call = functools.partial(fn, *args, **kwargs)
        threading.Thread(target=self._run, name=str(name), daemon=True).start()

    def _run(self) -> None:
        try:
            value = self._call()
            self._value = asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error
        finally:
            self._ended.set()

    def done(self) -> bool:
        return self._ended.is_set()

    def result(self, timeout: float | None = None) -> Any:
        if not self._ended.wait(timeout):
            raise TimeoutError(f"It did not end within {timeout} virtual seconds.")
        if self._error is not None:
            raise self._error
        return self._value


async def _awaited(value: Any) -> Any:
    return await value


class Simulation:
    """A world of its own: an empty store, a virtual clock, a seeded source of chance, turns for everybody.

    See `simulate`. `runs` finds the runs, `store` is the store, `clock` the clock; `seed` and `schedule` repeat it.
    """

    def __init__(
        self, world: SimulatedWorld, clock: VirtualClock, seed: int, options: Mapping[str, object] | None = None
    ) -> None:
        self._world = world
        #: Of `simulate`, where they are not what they are by default.
        self.options = options or {}
        self.clock = clock
        self.seed = seed
        self.runs = Runs(world)
        self._faults = Faults(world, world.processes, world.told_before)
        self._real = SystemClock()
        self._began = self._real.monotonic_ns()
        self._watched: list[tuple[Callable[[], bool], VirtualEvent]] = []
        world.after_each(self._look)

    # time ----------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The virtual moment, aware UTC."""
        return self.clock.now()

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start; an int where they are whole."""
        return self.clock.elapsed

    @property
    def real_seconds(self) -> float:
        """Real seconds since the start."""
        return (self._real.monotonic_ns() - self._began) / 1e9

    @property
    def schedule(self) -> Schedule:
        """What chooses who goes next; its repr is what to write to have it again."""
        return self.clock.turns.schedule

    def advance(self, seconds: float) -> None:
        """Let virtual seconds pass, stepping through every deadline on the way. Raises ValueError below 0."""
        _refuse_in_loop("advance(…)", "await asyncio.sleep(…)")
        self.clock.advance(seconds)

    def run_until(self, condition: Callable[[], bool], timeout: float | None = None) -> None:
        """Let the others go on until a condition holds, and stop the world there: nobody moves until this thread waits.

        It is looked at after each transition: ``runs.task("load").reaches("AwaitingRetry")``, or any function. Raises
        TimeoutError after `timeout` virtual seconds, DeadlockError when nothing is left that could make it true.
        """
        _refuse_in_loop("run_until(…)", "await simulation.wait_until(…)")
        if condition():
            return
        event = self.clock.event(_described(condition))
        self._watched.append((condition, event))
        if not event.wait(timeout):
            self._watched.remove((condition, event))
            raise TimeoutError(f"{_described(condition)} did not come within {timeout} virtual seconds.")

    async def wait_until(self, condition: Callable[[], bool], timeout: float | None = None) -> None:
        """Do as `run_until` in async code: the loop's other tasks go on."""
        flag, loop = asyncio.Event(), asyncio.get_running_loop()

        class _Bell:
            def set(self) -> None:
                loop.call_soon_threadsafe(flag.set)

        if not condition():
            self._watched.append((condition, cast("VirtualEvent", _Bell())))
            await asyncio.wait_for(flag.wait(), timeout)

    def _look(self) -> None:
        """Ring for the conditions that hold now, and let who waits for them go first."""
        for watched in list(self._watched):
            condition, event = watched
            if condition():
                self._watched.remove(watched)
                event.set()
                self.clock.turns.let_go_first()

    # what runs -----------------------------------------------------------------------------------------------------

    def start(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Started:
        """Let a flow, or any function, run beside the test; it begins when the test waits."""
        return _Started(self.clock, fn, args, kwargs)

    # stubs and faults ----------------------------------------------------------------------------------------------

    def stub(
        self,
        task: Any,
        outcome: Any = None,
        *,
        takes: float | list[float] = 0,
        run: str | None = None,
        exhausted: Literal["raise", "last", "real"] = "raise",
        unused: Literal["raise", "ignore"] = "raise",
    ) -> Stub:
        """Let something stand in for the bodies of a task or flow; states, retries, names and hooks stay the engine's.

        `task`: a task, a flow, or a name or pattern of tasks, flows or runs. `outcome`: a value to return, an exception
        to raise or a function to call at each call; or a list of these, one for each call in order, over all runs and
        attempts. `Returns(…)` and `Raises(…)` say which is meant, for a list that is a value, say. `takes`: virtual
        seconds before that, or a list of them (the last counts from there on). `run`: only runs of this name, pattern.

        A stub that is never called fails the test at the end (`unused`: "raise" or "ignore"); one that is called more
        often than its list is long at once, by a StubError (`exhausted`: "raise"; "last" gives the last again, "real"
        calls the body). Returns what knows of the calls; used as a context manager it is removed at the end.
        """
        return self._faults.stub(task, outcome, takes, run, exhausted, unused)

    def check_stubs(self, error: BaseException | None = None) -> None:
        """Raise what leaving the simulation would raise of its stubs: AssertionError for one that was never called.

        `error` is one that is on its way already: then nothing is raised. Either way it has been said, and leaving the
        simulation does not say it again.
        """
        self._faults.check_stubs(error)

    def fail(
        self,
        task: Any,
        error: BaseException | type[BaseException],
        attempts: int | Iterable[int] | None = (1,),
        *,
        run: str | None = None,
    ) -> Failure:
        """Raise an error instead of calling the body, or its stub, at these attempts of a run.

        The first attempt is 1; None: all. `task` and `run` say of which runs, as in `stub`.
        """
        return self._faults.fail(task, error, attempts, run)

    def slow(
        self, task: Any, seconds: float, attempts: int | Iterable[int] | None = None, *, run: str | None = None
    ) -> Slowness:
        """Let so many virtual seconds pass before the body, or what stands in for it, at these attempts (None: all).

        They count for time-outs. `task` and `run` say of which runs, as in `stub`.
        """
        return self._faults.slow(task, seconds, attempts, run)

    def store_fails(
        self,
        on: Literal["transition", "create", "propose", "read", "slots", "logs"] = "transition",
        nth: int = 1,
        error: BaseException | type[BaseException] | None = None,
        *,
        times: int | None = 1,
        run: str | None = None,
        state: str | None = None,
    ) -> StoreFault:
        """Let the store raise an error (None: a StoreError) instead of doing the `nth` such operation.

        `on`: "transition" (any states of a run are written), "create" (its first are), "propose" (a run is moved from
        outside), "slots" (concurrency slots are asked for or given back), "logs", or "read" (a run, or code in it,
        looks something up). `times`: how many in a row fail (None: all from there on). Only those count that are about
        runs of the name or pattern `run`, and that write the `state`.
        """
        return self._faults.store_fails(on, nth, error, times, run, state)

    def crash(
        self,
        at: tuple[str, str] | tuple[str, str, int] | Callable[[], bool] | int,
        *,
        before: bool = False,
    ) -> Crash:
        """Let the process of a run die at a transition: nothing more is recorded of it, nor of what it started.

        Its process is the outermost run and all that belongs to it; code there meets a `SimulatedCrash`, and meets it
        again if it goes on. `at`: a run and a state, ``("load-1", "Running")`` (the name or pattern of a run, a task or
        a flow; a third item is for the how manieth time), a condition like that of `run_until`, or a number: the n-th
        time that states are written. The transition is the last that is written; with `before` it is the first that is
        not. Of a run that is called, Pending and Running are written together.
        """
        return self._faults.crash(at, before)

    @property
    def struck(self) -> list[Strike]:
        """What stubs and faults have done so far, in order: `at` which moment, to which `run`, and `what`, in words."""
        return list(self._faults.strikes)

    @property
    def store(self) -> Store:
        """The store itself."""
        return self._world.store

    def __repr__(self) -> str:
        return f"<Simulation with seed {self.seed}, {self.elapsed} s after its start>"


_open: list[Simulation] = []


def open_simulations() -> list[Simulation]:
    """Return the simulations that are open, the innermost last."""
    return list(_open)


def current_simulation() -> Simulation:
    """Return the innermost simulation that is open. Raises RuntimeError where there is none."""
    if not _open:
        raise RuntimeError("No simulation is open: write `with simulate() as simulation:` around this.")
    return _open[-1]


class simulate:  # noqa: N801 - used like a function
    """Give what happens in the block a world of its own, on virtual time.

    A context manager, sync or async, and a decorator; each entry is a fresh simulation. `start`: an aware datetime or
    ISO 8601 text (default: the moment at which freezegun has frozen time, else 2026-01-01T00:00:00Z). `seed` is that
    of ids, names and jitter. `schedule` chooses who goes next: None (first come, first served), `seed(n)`, a `Hold` or
    a list of them. `store`: "memory", "sqlite" (a file that goes away in the end), or a store. `real_processes`: let
    tasks of the process runner run in processes, not in threads. `runner` takes the place of the flows' own task
    runners: "inline" (submitted runs are carried out at once), "threads", "processes" (real ones), or "async" (threads,
    and event loops carry runs out, sync ones too). `lines`: let a schedule interrupt threads between two lines of your
    functions, too, and not only where they meet the engine or wait. A real wait that stops everything for
    `stall_seconds` of real time is a StallError. `max_jumps` in a row without any run moving on, or more than
    `max_seconds` of virtual time, are a RunawayError. All three are above 0; raises ValueError or TypeError for
    arguments that can't be.
    """

    def __init__(
        self,
        start: datetime | str | None = None,
        *,
        seed: int = 0,
        schedule: Any = None,
        store: Any = "memory",
        real_processes: bool = False,
        runner: Literal["inline", "threads", "processes", "async"] | None = None,
        lines: bool = False,
        stall_seconds: float = 10.0,
        max_jumps: int = 100_000,
        max_seconds: float = 100 * 366 * 86_400.0,
    ) -> None:
        self._start = _moment(start)
        self._seed = _whole(seed)
        self._schedule = as_schedule(schedule)
        self._open_store = opener(store)
        self._real_processes = real_processes
        self._path = path_named(runner) if runner is not None else None
        self._lines = lines
        self._replayed_by: dict[str, object] = {"real_processes": real_processes} if real_processes else {}
        self._replayed_by |= {"lines": lines} if lines else {}
        self._replayed_by |= {"runner": runner} if runner is not None else {}
        self._replayed_by |= {"store": store} if isinstance(store, str) and store != "memory" else {}
        self._limits = (
            _above_zero(stall_seconds, "stall_seconds"),
            _above_zero(max_jumps, "max_jumps"),
            _above_zero(max_seconds, "max_seconds"),
        )
        self._stack: list[ExitStack] = []

    def __enter__(self) -> Simulation:
        stall_seconds, max_jumps, max_seconds = self._limits
        start = self._start or frozen_moment() or DEFAULT_START
        clock = VirtualClock(start, schedule=self._schedule.fresh(), stall_seconds=stall_seconds)
        clock.turns.most_jumps, clock.turns.most_nanoseconds = max_jumps, int(max_seconds * 1e9)
        with ExitStack() as stack:
            world = SimulatedWorld(stack.enter_context(self._open_store()), clock, self._seed)
            world.in_process = not self._real_processes
            if self._lines:
                world.lines = clock.lines = LineByLine(clock.turns)
            if self._path is not None:
                self._path.take(world)
            stack.enter_context(use_world(world, everywhere=True))
            stack.callback(isolation.end, world)
            stack.enter_context(virtual_time(world, clock))
            world.follow = in_worker
            simulation = Simulation(world, clock, self._seed, self._replayed_by)
            clock.turns.chief = clock.turns.here()
            _open.append(simulation)
            stack.callback(_open.remove, simulation)
            stack.push(_Farewell(simulation))
            stack.push(simulation._faults)
            hearing = Hearing(clock.turns)
            stack.push(_Ending(clock, hearing))
            stack.enter_context(hearing.listening())
            self._stack.append(stack.pop_all())
        return simulation

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._stack.pop().__exit__(kind, error, traceback)

    async def __aenter__(self) -> Simulation:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self.__exit__(kind, error, traceback)

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function: each call is a simulation of its own; see `current_simulation`."""
        if inspect.iscoroutinefunction(fn):

            @functools.wraps(fn)
            async def simulated_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                async with self:
                    return await fn(*args, **kwargs)

            return cast("Callable[P, R]", simulated_async)

        @functools.wraps(fn)
        def simulated(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return fn(*args, **kwargs)

        return simulated


class _Farewell:
    """Tell who wants to know that a simulation ends, and with which error, before its store is gone."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def __call__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        endings.tell(self._simulation, error)


class _Ending:
    """Leave a simulation: end what still waits, and raise what somebody has swallowed that must not be."""

    def __init__(self, clock: VirtualClock, hearing: Hearing) -> None:
        self._clock = clock
        self._hearing = hearing

    def __call__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._clock.turns.dismiss(Over)
        swallowed = self._hearing.swallowed
        if swallowed is not None and error is not swallowed and not isinstance(error, SimulationError):
            raise swallowed


def _refuse_in_loop(what: str, instead: str) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"simulation.{what} would stop the event loop that it is called in: write {instead}.")


def _described(condition: Callable[[], bool]) -> str:
    describe = getattr(condition, "describe", None)
    return str(describe()) if callable(describe) else getattr(condition, "__name__", repr(condition))


def _moment(start: datetime | str | None) -> datetime | None:
    if start is None:
        return None
    if isinstance(start, str):
        try:
            start = datetime.fromisoformat(start)
        except ValueError:
            raise ValueError(
                f"A simulation can't start at {start!r}: write ISO 8601, like '2026-01-01T00:00:00Z'."
            ) from None
        if start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
    if not isinstance(start, datetime):
        raise TypeError(f"A simulation starts at a datetime or ISO 8601 text, not at {start!r}.")
    if start.tzinfo is None:
        raise ValueError(f"A simulation starts at an aware datetime, not at the naive {start!r}: add tzinfo.")
    return start.astimezone(UTC)


def _whole(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"The seed of a simulation is a whole number, not {seed!r}.")
    return seed


_Number = TypeVar("_Number", int, float)


def _above_zero(given: _Number, name: str) -> _Number:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(f"{name} of a simulation is a number, not {given!r}.")
    if not given > 0:
        raise ValueError(f"{name} of a simulation is a number above 0, not {given!r}.")
    return given
