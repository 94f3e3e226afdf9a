"""Nothing is lost and nothing is there twice, whoever is killed in the middle of a load."""

from __future__ import annotations

from pathlib import Path

from headrace import flow, task
from headrace.drive.world import World, use_world
from headrace.store.memory import MemoryStore
from headrace.store.sqlite import SqliteStore

from .killing import Place, differences, kill


def test_what_scripts_have_seen_is_on_the_server_whatever_was_killed(tmp_path: Path) -> None:
    """The server, then a script while the server is away, then the server in the middle of catching up."""
    place = Place(tmp_path)
    place.start_server()
    first, second = place.script("first", 100_000), place.script("second", 300, home="other")
    place.wait_for("first", 100)
    place.kill_server()
    place.wait_for("first", len(place.seen("first")) + 100)
    kill(first)
    assert second.wait() == 0
    place.start_server()
    third = place.script("third", 100_000)
    place.wait_for("third", 100)
    place.kill_server()
    kill(third)
    place.start_server()
    assert place.script("fourth", 1).wait() == 0
    assert place.script("fifth", 1, home="other").wait() == 0
    place.kill_server()
    assert list(tmp_path.glob("*/spool/*")) == []
    store = SqliteStore(tmp_path / "served.db")
    names = ("first", "second", "third", "fourth", "fifth")
    assert differences(store, {name: place.seen(name) for name in names}) == []
    store.close()


def test_what_is_lost_or_there_twice_would_be_found() -> None:
    """By the comparison that the test above, and the drill, are made of."""
    store = MemoryStore()
    world = World(store)
    with use_world(world):
        load(3)
        assert differences(store, {"load": [0, 1, 2]}) == []
        assert differences(store, {"load": [0, 1, 2, 3]})[0] == "load: step 3 went through []"
        assert differences(store, {"load": [0]}) == ["load: 2 steps more than were seen"]
        load(3)
    assert differences(store, {"load": [], "other": []}) == ["load: 2 flow runs", "other: 0 flow runs"]


@task(task_run_name="{number}")
def step(number: int) -> None: ...


@flow(flow_run_name="load")
def load(count: int) -> None:
    for number in range(count):
        step(number)
