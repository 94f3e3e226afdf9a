"""What every store promises of artifacts and variables: kept as given, found by conditions, changed, removed."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.exceptions import ObjectAlreadyExists
from headrace.store.conditions import (
    AllOf,
    Between,
    Condition,
    Known,
    Like,
    NewestOfKey,
    Not,
    OfFlowRun,
    Tagged,
    one_of,
)
from headrace.store.protocol import Order, Store

from .making import T0, at, flow_run, new_id, record, task_run


def artifact(store: Store, seconds: float = 0, **given: Any) -> ArtifactRecord:
    """Keep an artifact; return it."""
    made = ArtifactRecord(**{"id": new_id(), "created": at(seconds), "updated": at(seconds)} | given)
    store.create_artifact(made)
    return made


def variable(store: Store, name: str, value: Any = 1, *, seconds: float = 0, **given: Any) -> VariableRecord:
    """Keep a variable; return it as it is kept."""
    overwrite = given.pop("overwrite", False)
    made = VariableRecord(
        **{"id": new_id(), "created": at(seconds), "updated": at(seconds), "name": name, "value": value} | given
    )
    return store.put_variable(made, overwrite=overwrite)


DATA = [None, "# Sales\n\0é\ud800", 12.5, 0, True, [1, [2]], {"a": {"b": [None]}, "é": "ü"}]


@pytest.mark.parametrize("data", DATA)
def test_an_artifact_is_read_as_it_was_kept(store: Store, data: Any) -> None:
    """With all that it says of itself, whatever JSON its data is."""
    run, of_task = new_id(), new_id()
    made = artifact(
        store,
        key="sales",
        type="table",
        description="of today",
        data=data,
        metadata_={"rows": "3"},
        flow_run_id=run,
        task_run_id=of_task,
    )
    assert store.artifacts() == [made]
    assert store.count_artifacts() == 1


def test_what_was_kept_is_nobody_elses(store: Store) -> None:
    """Changing what was given, or what was read, changes nothing in the store."""
    data, value = {"rows": [1]}, {"urls": ["a"]}
    artifact(store, data=data)
    variable(store, "sites", value)
    data["rows"].append(2)
    value["urls"].append("b")
    store.artifacts()[0].data["rows"].append(3)
    store.variables()[0].value["urls"].append("c")
    assert store.artifacts()[0].data == {"rows": [1]}
    assert store.variables()[0].value == {"urls": ["a"]}


def test_an_id_is_taken_once(store: Store) -> None:
    """A second artifact of the same id is refused, and the first stays."""
    made = artifact(store, data=1)
    with pytest.raises(ObjectAlreadyExists, match=f"There is an artifact {made.id} already"):
        store.create_artifact(made.changed({"data": 2}))
    assert store.artifacts() == [made]


def test_an_artifact_of_a_task_run_belongs_to_its_flow_run(store: Store) -> None:
    """Whether it says so or not; and goes with either."""
    flow = record(store, flow_run())
    task = record(store, task_run(flow_run_id=flow.id))
    made = artifact(store, task_run_id=task.id)
    assert store.artifacts() == [made.changed({"flow_run_id": flow.id})]
    assert store.delete("task", task.id)
    assert store.artifacts() == []
    artifact(store, flow_run_id=flow.id)
    other = artifact(store)
    assert store.delete("flow", flow.id)
    assert store.artifacts() == [other]


def test_some_fields_of_an_artifact_can_be_changed(store: Store) -> None:
    """Those that are named, and the moment of the change; the others stay."""
    made, other = artifact(store, key="p", type="progress", data=0.0), artifact(store)
    assert store.update_artifact(made.id, {"data": 50.0, "description": "half"}, at(5))
    assert store.artifacts() == [made.changed({"data": 50.0, "description": "half", "updated": at(5)}), other]
    assert store.update_artifact(made.id, {}, at(6))
    assert store.artifacts()[0].updated == at(6)
    assert not store.update_artifact(new_id(), {"data": 1}, at(5))
    with pytest.raises(ValueError, match=r"'key' of a kept artifact can't be changed; type, description, data"):
        store.update_artifact(made.id, {"key": "q"}, at(5))


def test_artifacts_are_found_by_conditions(store: Store) -> None:
    """On their fields, on the flow run that left them, and by being the newest of their key."""
    flow = record(store, flow_run(flow_name="ingest"))
    first = artifact(store, 0, key="sales", type="markdown", flow_run_id=flow.id)
    second = artifact(store, 1, key="sales", type="table")
    third = artifact(store, 2, type="table")
    by: list[tuple[Condition, list[ArtifactRecord]]] = [
        (one_of("key", ["sales"]), [first, second]),
        (Like("key", "ale"), [first, second]),
        (one_of("type", ["table"]), [second, third]),
        (Not(Known("key")), [third]),
        (Between("created", least=at(1)), [second, third]),
        (OfFlowRun(one_of("flow_name", ["ingest"])), [first]),
        (NewestOfKey(), [second]),
        (AllOf((NewestOfKey(), one_of("type", ["markdown"]))), []),
        (Not(NewestOfKey()), [first, third]),
    ]
    for condition, found in by:
        assert store.artifacts(condition) == found, condition
        assert store.count_artifacts(condition) == len(found)


def test_artifacts_are_listed_in_parts_and_orders(store: Store) -> None:
    """Those without a key come after those with one; equals in order of arrival."""
    a, none, b = artifact(store, 3, key="a"), artifact(store, 1), artifact(store, 2, key="b")
    assert store.artifacts(order=Order("key")) == [a, b, none]
    assert store.artifacts(order=Order("key", descending=True)) == [none, b, a]
    assert store.artifacts(order=Order("created")) == [none, b, a]
    assert store.artifacts(order=Order("created", descending=True), limit=1, offset=1) == [b]
    with pytest.raises(ValueError, match="Artifacts can't be sorted by 'name'; they can by id, key, created, updated"):
        store.artifacts(order=Order("name"))


def test_an_artifact_can_be_removed(store: Store) -> None:
    """Once; the one of its key before it is the newest then."""
    first, second = artifact(store, key="k"), artifact(store, key="k")
    assert [store.delete_artifact(second.id), store.delete_artifact(second.id)] == [True, False]
    assert store.artifacts(NewestOfKey()) == [first]


@pytest.mark.parametrize("value", DATA)
def test_a_variable_is_read_as_it_was_kept(store: Store, value: Any) -> None:
    """Whatever JSON its value is; its tags in their order."""
    kept = variable(store, "x", value, tags=("b", "a"))
    assert (kept.value, kept.tags) == (value, ("b", "a"))
    assert store.variables() == [kept]


def test_the_name_of_a_variable_is_its_own(store: Store) -> None:
    """It is refused to another, or becomes the other's with `overwrite`, which keeps id and creation."""
    first = variable(store, "x", 1, tags=("a",))
    with pytest.raises(ObjectAlreadyExists, match="There is a variable 'x' already"):
        variable(store, "x", 2)
    kept = variable(store, "x", 2, seconds=9, overwrite=True)
    assert kept == first.changed({"value": 2, "tags": (), "updated": at(9)})
    assert store.variables() == [kept]
    assert variable(store, "y", 3, overwrite=True).name == "y"


def test_some_fields_of_a_variable_can_be_changed(store: Store) -> None:
    """Its name too, where no other has it."""
    x, y = variable(store, "x"), variable(store, "y")
    assert store.update_variable(x.id, {"value": [1], "tags": ("t",), "name": "z"}, at(4))
    assert store.variables() == [x.changed({"value": [1], "tags": ("t",), "name": "z", "updated": at(4)}), y]
    assert store.update_variable(y.id, {"name": "y"}, at(4))
    with pytest.raises(ObjectAlreadyExists, match="There is a variable 'z' already"):
        store.update_variable(y.id, {"name": "z"}, at(5))
    assert not store.update_variable(new_id(), {"value": 1}, T0)
    with pytest.raises(ValueError, match="'created' of a kept variable can't be changed; name, value, tags can"):
        store.update_variable(x.id, {"created": T0}, T0)


def test_a_variable_that_there_is_not_takes_nobodys_name(store: Store) -> None:
    """It is not there to be changed, whatever its name was to be."""
    variable(store, "taken")
    assert not store.update_variable(new_id(), {"name": "taken"}, at(1))


def test_variables_are_found_and_removed(store: Store) -> None:
    """By name, by a part of it, by tags; in order of names."""
    b, a = variable(store, "site-b", tags=("web",)), variable(store, "site-a")
    assert store.variables(order=Order("name")) == [a, b]
    assert store.variables(Like("name", "site"), order=Order("name", descending=True), limit=1) == [b]
    assert store.variables(Tagged("web")) == [b]
    assert store.variables(Not(Known("tags"))) == [a]
    assert store.count_variables(one_of("name", ["site-a", "no"])) == 1
    with pytest.raises(ValueError, match="Variables have no field 'key' to look for; there are id, name, tags"):
        store.variables(NewestOfKey())
    assert [store.delete_variable(b.id), store.delete_variable(b.id)] == [True, False]
    assert store.variables() == [a]
