"""What is left of a simulation when it has ended."""

from __future__ import annotations

import pytest

from headrace import flow
from headrace.testing import Simulation, endings, simulate
from headrace.testing.scenes import Scene, scene_of


@flow
def greet() -> str:
    return "hello"


@pytest.fixture
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens, as outside of pytest."""
    monkeypatch.setattr(endings, "LISTENERS", [])


@pytest.mark.usefixtures("unheard")
def test_an_error_that_leaves_a_simulation_says_what_ran() -> None:
    """In a note, where no test framework shows it."""

    @simulate(seed=4)
    def fails() -> None:
        greet()
        raise LookupError

    with pytest.raises(LookupError) as caught:
        fails()
    (note,) = caught.value.__notes__
    assert note.startswith("simulation from 2026-01-01T00:00:00Z (seed 4): 0 s of virtual time")
    assert "✓ Completed" in note


@pytest.mark.usefixtures("unheard")
def test_what_is_no_exception_is_left_alone() -> None:
    """An interrupt is no failure of the simulation."""
    with pytest.raises(KeyboardInterrupt) as caught, simulate():
        raise KeyboardInterrupt
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_a_scene_outlives_its_simulation(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its runs were kept in."""
    scenes: list[Scene] = []

    def listen(simulation: Simulation, error: BaseException | None) -> None:
        scenes.append(scene_of(simulation, error))

    monkeypatch.setattr(endings, "LISTENERS", [listen])
    with simulate(store=store) as simulation:
        greet()
        simulation.advance(5)
    (scene,) = scenes
    (run,) = scene.world.store.flow_runs()
    assert [state.name for state in scene.world.store.history(run.id)] == ["Pending", "Running", "Completed"]
    assert scene.virtual_seconds == 5
    assert scene.error is None


def test_a_schedule_can_be_asked_for() -> None:
    """It is what repeats the simulation, beside the seed."""
    with simulate() as simulation:
        assert repr(simulation.schedule) == "None"
