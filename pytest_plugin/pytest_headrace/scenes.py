"""What a test lived in: its own world, and its simulations, open or ended. Nothing where it did not use headrace."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .replaying import program, with_marker
from .scopes import SCOPE

if TYPE_CHECKING:
    from headrace.testing.scenes import Scene
    from headrace.testing.simulation import Simulation

#: How many simulations that ended well are shown, where none ended with the test's error.
_MOST_ENDED = 2


class Shown(NamedTuple):
    """A scene, and the program that repeats it; "" where only the test does."""

    scene: Scene
    program: str


def scenes_of_failure(item: pytest.Item, call: pytest.CallInfo[None]) -> list[Shown]:
    """Return what tells why a test failed: simulations that are open, or ended with its error, and its own runs."""
    scope = item.stash[SCOPE]
    open_ones = list(_open(item))
    errors = {id(error) for error in _chain(call.excinfo.value if call.excinfo is not None else None)}
    met = [scene for scene in scope.failed if id(scene.error) in errors][-1:]
    ended = met or ([] if open_ones else list(scope.ended)[-_MOST_ENDED:])
    return [*open_ones, *(_ended(scene, item) for scene in ended), *_own(item, call)]


def all_scenes(item: pytest.Item, call: pytest.CallInfo[None]) -> list[Shown]:
    """Return all that is known of a test's scenes."""
    scope = item.stash[SCOPE]
    return [*_open(item), *(_ended(scene, item) for scene in [*scope.failed, *scope.ended]), *_own(item, call)]


def _ended(scene: Scene, item: pytest.Item) -> Shown:
    repeats = any(item.get_closest_marker(name) is not None for name in ("explore", "every_runner"))
    return Shown(scene, program(item, scene) if repeats else scene.program())


def _own(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Shown]:
    world = item.stash[SCOPE].world
    if world is None or not world.has_open_store:
        return
    from headrace.testing.scenes import scene_of_world

    scene = scene_of_world(world, call.duration)
    if scene.trouble or scene.has_runs:
        yield Shown(scene, "")


def _open(item: pytest.Item) -> Iterator[Shown]:
    """Yield the simulations that are still open, the innermost first; the outermost may be that of the fixture."""
    simulating = sys.modules.get("headrace.testing.simulation")
    simulations: list[Simulation] = simulating.open_simulations() if simulating is not None else []
    if not simulations:
        return
    from headrace.testing.scenes import scene_of

    for simulation in reversed(simulations):
        scene = scene_of(simulation)
        if simulation is simulations[0] and "simulation" in getattr(item, "fixturenames", ()):
            scene = with_marker(item, scene)
            yield Shown(scene, program(item, scene))
        else:
            yield _ended(scene, item)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error with all that it came from, and all that it holds."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
