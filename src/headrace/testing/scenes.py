"""What a test lived in, kept so that its runs can be told of when it is over: the test's own world, or a simulation.

A scene never changes. What it holds is as it was at the moment at which it was taken; taking one is cheap where the
runs are in memory, because nothing is read before somebody wants to know.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.clock.protocol import datetime_of
from headrace.clock.schedules import FirstCome, Schedule
from headrace.clock.virtual import VirtualClock
from headrace.drive.world import World
from headrace.exceptions import StoreError
from headrace.testing import replaying
from headrace.testing.stores import copy_of

if TYPE_CHECKING:
    from headrace.testing.faults.strikes import Strike
    from headrace.testing.simulated import Simulated
    from headrace.testing.slot_waits import SlotWait


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A world as it was at some moment.

    `world` holds the runs. `began` is second 0, None where that is the first thing that was recorded. The seconds are
    those that had passed; None where there is no such time, or nobody measured it. `options` are what repeats a
    simulation, none for a test's own world. `trouble` says why runs can't be shown. `error` is what it ended with.
    `in_order` says whether the store knows in which order states of different runs were recorded.
    """

    kind: str
    world: World
    began: datetime | None = None
    virtual_seconds: float | None = None
    real_seconds: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    strikes: tuple[Strike, ...] = ()
    slot_waits: tuple[SlotWait, ...] = ()
    trouble: str = ""
    error: BaseException | None = None
    in_order: bool = True

    @property
    def has_runs(self) -> bool:
        """Say whether anything ran in it."""
        store = self.world.store
        return bool(store.count("flow") + store.count("task"))

    def program(self, body: str = "...  # what the test does", imports: tuple[str, ...] = ()) -> str:
        """Return the program that repeats a simulation; "" for a test's own world."""
        return replaying.program(self.options, body, imports) if self.options else ""


def scene_of(simulation: Simulated, error: BaseException | None = None) -> Scene:
    """Take a simulation as it is now."""
    clock, world = simulation.clock, simulation._world
    began = datetime_of(clock.turns.start)
    kept, trouble = _kept(world, simulation.seed)
    return Scene(
        kind="simulation",
        world=kept,
        began=began,
        virtual_seconds=simulation.elapsed,
        real_seconds=simulation.real_seconds,
        options={
            "start": replaying.as_text(began),
            "seed": simulation.seed,
            "schedule": _said(simulation.schedule),
            **simulation.options,
        },
        strikes=tuple(simulation.struck),
        slot_waits=tuple(map(replace, world.told.slot_waits)) if world.told is not None else (),
        trouble=trouble,
        error=error,
        in_order=_in_order(world),
    )


def scene_of_world(world: World, real_seconds: float | None = None) -> Scene:
    """Take a test's own world as it is now."""
    kept, trouble = _kept(world, world.seed)
    if not isinstance(world.clock, VirtualClock):
        return Scene(kind="test", world=kept, real_seconds=real_seconds, trouble=trouble, in_order=_in_order(world))
    clock = world.clock
    began = datetime_of(clock.turns.start)
    return Scene(
        kind="test",
        world=kept,
        began=began,
        virtual_seconds=clock.elapsed,
        real_seconds=real_seconds,
        trouble=trouble,
        in_order=_in_order(world),
    )


def _in_order(world: World) -> bool:
    return not world.has_open_store or hasattr(world.store, "places")


def _said(schedule: Schedule) -> Schedule | None:
    return None if isinstance(schedule, FirstCome) else schedule


def _kept(world: World, seed: int) -> tuple[World, str]:
    """Return a world that holds what this one holds now, and why it does not where it can't."""
    from headrace.store.memory import MemoryStore  # in a moment of need only: who uses SQLite does without

    if not world.has_open_store:
        return World(MemoryStore, clock=world.clock, seed=seed), ""
    try:
        world.logs.flush()
        return World(copy_of(world.store), clock=world.clock, seed=seed), ""
    except StoreError as error:  # a test may have closed it
        return World(MemoryStore(), clock=world.clock, seed=seed), str(error)
