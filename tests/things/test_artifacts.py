"""Artifacts: what flows and tasks leave for people to see, with Prefect's names for it."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import namedtuple
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from headrace import artifacts, flow, task
from headrace.artifacts import (
    Artifact,
    ImageArtifact,
    LinkArtifact,
    MarkdownArtifact,
    ProgressArtifact,
    TableArtifact,
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from headrace.exceptions import InvalidNameError, ObjectNotFound, SimulatedCrash
from headrace.store.protocol import Store
from headrace.task_runners import ProcessPoolTaskRunner
from headrace.testing import simulate


@pytest.mark.parametrize(
    ("create", "type_", "data"),
    [
        (
            lambda: create_link_artifact("https://a.example", key="k"),
            "markdown",
            "[https://a.example](https://a.example)",
        ),
        (lambda: create_link_artifact("https://a.example", "here", "k"), "markdown", "[here](https://a.example)"),
        (lambda: create_markdown_artifact("# Sales", "k"), "markdown", "# Sales"),
        (lambda: create_table_artifact([{"city": "Oslo"}], "k"), "table", '[{"city": "Oslo"}]'),
        (lambda: create_progress_artifact(25, "k"), "progress", 25),
        (lambda: create_image_artifact("https://a.example/i.png", "k"), "image", "https://a.example/i.png"),
        (lambda: Artifact(type="own", key="k", data={"a": [1]}).create().id, "own", '{"a": [1]}'),
    ],
)
def test_each_kind_is_kept_in_a_form_of_its_own(create: Callable[[], UUID], type_: str, data: Any) -> None:
    """And its id is returned; the newest of a key is found by it."""
    artifact_id = create()
    found = Artifact.get("k")
    assert found is not None
    assert (found.id, found.key, found.type, found.data) == (artifact_id, "k", type_, data)


def test_an_artifact_belongs_to_the_run_that_leaves_it(run_store: Store, runs: Any) -> None:
    """To its flow run, and to its task run where that leaves it, a subflow's to the subflow; outside a run to none."""

    @task
    def inner() -> None:
        create_markdown_artifact("in a task", key="task")

    @flow
    def sub() -> None:
        create_markdown_artifact("in a subflow", key="sub")

    @flow
    def outer() -> None:
        create_markdown_artifact("in a flow", key="flow")
        inner.submit().wait()
        sub()

    outer()
    create_markdown_artifact("outside", key="none")
    whose = {found.key: (found.flow_run_id, found.task_run_id) for found in run_store.artifacts()}
    whole = runs.flow("outer").id
    assert [artifact.key for artifact in runs.flow("outer").artifacts] == ["flow", "task"]
    assert [artifact.data for artifact in runs.task("inner").artifacts] == ["in a task"]
    assert whose == {
        "flow": (whole, None),
        "task": (whole, runs.task("inner").id),
        "sub": (runs.flow("sub").id, None),
        "none": (None, None),
    }


def test_artifacts_with_a_key_are_versions_of_one_thing(fake_clock: Any) -> None:
    """The newest is what the key stands for."""
    create_markdown_artifact("old", key="report")
    fake_clock.advance(60)
    newest = create_markdown_artifact("new", key="report")
    found = Artifact.get("report")
    assert found is not None
    assert (found.id, found.data) == (newest, "new")
    assert Artifact.get("unknown") is None
    assert Artifact.get() is None


def test_get_or_create_makes_one_where_there_is_none() -> None:
    """And says whether it did."""
    made, was_made = Artifact.get_or_create("plan", "of the day", "x", type="markdown")
    assert (was_made, made.key, made.description, made.data) == (True, "plan", "of the day", '"x"')
    assert MarkdownArtifact.get_or_create(key="plan", markdown="y") == (made, False)
    text, was_made = MarkdownArtifact.get_or_create(key="text", markdown="y")
    assert (text.data, was_made) == ("y", True)


def test_progress_can_be_told_again(run_store: Store, fake_clock: Any) -> None:
    """The same artifact has the new progress; its description stays unless another is given."""
    progress = create_progress_artifact(0, key="copy", description="copying")
    fake_clock.advance(5)
    assert update_progress_artifact(progress, 50) == progress
    (found,) = run_store.artifacts()
    assert (found.data, found.description) == (50, "copying")
    assert (found.updated - found.created).total_seconds() == 5
    update_progress_artifact(progress, 100.0, description="copied")
    assert [(found.data, found.description) for found in run_store.artifacts()] == [(100, "copied")]


@pytest.mark.parametrize(("given", "kept"), [(-3, 0), (0.5, 0.5), (250, 100), (float("inf"), 100)])
def test_progress_stays_within_0_and_100(given: float, kept: float) -> None:
    """What lies outside is taken for the nearer end."""
    assert ProgressArtifact(progress=given).format() == kept


def test_what_does_not_exist_can_not_progress() -> None:
    """The error names the id."""
    missing = uuid4()
    with pytest.raises(ObjectNotFound, match=f"There is no artifact {missing} in the store"):
        update_progress_artifact(missing, 5)


def test_what_is_no_text_is_escaped(run_store: Store) -> None:
    """A lone surrogate, from the name of a file say, would else break pages and databases."""
    create_markdown_artifact("a\ud800\0", description="\udfff")
    (found,) = run_store.artifacts()
    assert (found.data, found.description) == ("a\\ud800\\x00", "\\udfff")


@pytest.mark.parametrize(
    ("key", "near"), [("Bad Key", "bad-key"), ("under_score", "under-score"), ("", "daily-report"), (7, "7")]
)
def test_a_key_is_made_of_few_characters(run_store: Store, key: Any, near: str) -> None:
    """Else nothing is kept, and the error shows one that would do."""
    with pytest.raises(InvalidNameError, match=rf"{key!r} can't be the key of an artifact: .*, as in '{near}'"):
        create_markdown_artifact("text", key=key)
    assert run_store.artifacts() == []


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("table", "kept"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}),
        ([[1, float("nan")], [float("inf"), None]], [[1, None], [None, None]]),
        ([{"day": date(2026, 3, 1), "sum": Decimal("1.50")}], [{"day": "2026-03-01", "sum": "1.50"}]),
        ([], []),
        ((Point(1, 2),), [[1, 2]]),
        ([{date(2026, 3, 1): {"b", "a"}}], [{"2026-03-01": ["a", "b"]}]),
    ],
)
def test_a_table_is_kept_as_json(table: Any, kept: Any) -> None:
    """Numbers that are none become null, and what JSON can't say its text."""
    assert json.loads(TableArtifact(table=table).format()) == kept


@pytest.mark.parametrize("table", ["text", 3, {"a": 1}, [1, 2], [{"a": 1}, [2]]])
def test_what_is_no_table_is_refused(table: Any) -> None:
    """With the forms that a table can have."""
    with pytest.raises(TypeError, match=r"is no table: write a dict of columns, as .* a list of dicts"):
        create_table_artifact(table)


@pytest.mark.parametrize("progress", ["50", None, True, float("nan")])
def test_what_is_no_number_is_no_progress(progress: Any) -> None:
    """Neither at first nor later."""
    with pytest.raises(TypeError, match=r"is no progress: write a number from 0 to 100"):
        create_progress_artifact(progress)


def test_async_code_may_await_each_of_them(run_store: Store) -> None:
    """And need not; the twins give coroutines that can be passed on."""

    @flow
    async def leaves() -> None:
        assert isinstance(await create_markdown_artifact("a"), UUID)
        assert isinstance(create_markdown_artifact("b"), UUID)
        await asyncio.gather(
            artifacts.acreate_markdown_artifact("c"),
            artifacts.acreate_link_artifact("https://a.example"),
            artifacts.acreate_table_artifact([]),
            artifacts.acreate_image_artifact("https://a.example/i.png"),
        )
        progress = await artifacts.acreate_progress_artifact(1)
        assert await artifacts.aupdate_progress_artifact(progress, 2) == progress
        made = await LinkArtifact(link="https://b.example", key="k").acreate()
        assert await Artifact.aget("k") == made == await Artifact.get("k")
        assert await ImageArtifact.aget_or_create("k", image_url="") == (made, False)
        assert await LinkArtifact(link="x").aformat() == "[x](x)"

    asyncio.run(leaves())
    assert len({found.flow_run_id for found in run_store.artifacts()}) == 1
    assert run_store.count_artifacts() == 8


def test_parameters_are_those_of_prefect() -> None:
    """Their names, order and defaults; each function has a twin that takes the same."""
    expected = {
        "create_link_artifact": "link link_text=None key=None description=None client=None",
        "create_markdown_artifact": "markdown key=None description=None",
        "create_table_artifact": "table key=None description=None",
        "create_progress_artifact": "progress key=None description=None",
        "update_progress_artifact": "artifact_id progress description=None client=None",
        "create_image_artifact": "image_url key=None description=None",
    }
    for name, told in expected.items():
        for function in (getattr(artifacts, name), getattr(artifacts, f"a{name}")):
            given = [
                each.name if each.default is each.empty else f"{each.name}={each.default}"
                for each in inspect.signature(function).parameters.values()
            ]
            assert " ".join(given) == told


@task
def leave_in_a_process() -> UUID:
    """Leave an artifact where tasks run in processes of their own."""
    return create_markdown_artifact("far away", key="far")


def test_a_task_in_another_process_leaves_its_artifact_here(run_store: Store, runs: Any) -> None:
    """In the store of its flow run."""

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def outer() -> UUID:
        return leave_in_a_process.submit().result()

    artifact_id = outer()
    (found,) = run_store.artifacts()
    assert (found.id, found.task_run_id) == (artifact_id, runs.task("leave_in_a_process").id)


def test_a_process_that_died_leaves_nothing_more() -> None:
    """In a simulation: what code of it still does is not kept."""

    @task(retries=1)
    def dies() -> None:
        try:
            create_markdown_artifact("alive")
            nested()
        finally:
            create_markdown_artifact("dead")

    @task
    def nested() -> None:
        return None

    with simulate() as simulation:
        simulation.crash(("nested", "Running"))
        with pytest.raises(SimulatedCrash):
            dies()
        assert [found.data for found in simulation.store.artifacts()] == ["alive"]
