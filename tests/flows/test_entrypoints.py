"""Flows that are found by where they are written down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace import Flow
from headrace.exceptions import MissingFlowError, ScriptError, UnspecifiedFlowError
from headrace.flows import (
    load_flow_from_entrypoint,
    load_flow_from_script,
    load_flows_from_script,
    load_function_and_convert_to_flow,
    select_flow,
)

FLOWS = """
from headrace import flow

x = 1

@flow
def ingest(day):
    return day

@flow(name="Nightly")
def report():
    return 2

def plain():
    return 3

class Jobs:
    @flow
    @staticmethod
    def sweep():
        return 4
"""

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a file into the working directory; what loading it changes is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)

    def write(text: str, name: str = "entry_flows.py") -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("entrypoint", "name", "result"),
    [
        ("entry_flows.py:report", "Nightly", 2),
        ("./entry_flows.py:report", "Nightly", 2),
        ("entry_flows.py:Nightly", "Nightly", 2),
        ("entry_flows:report", "Nightly", 2),
        ("entry_flows.report", "Nightly", 2),
        ("entry_flows.py:Jobs.sweep", "sweep", 4),
    ],
)
def test_a_flow_is_found_in_a_file_or_a_module(write: Write, entrypoint: str, name: str, result: int) -> None:
    """By its function's name or its own, after a colon, or after a dot for modules."""
    write(FLOWS)
    found = load_flow_from_entrypoint(entrypoint)
    assert isinstance(found, Flow)
    assert (found.name, found()) == (name, result)


def test_a_flow_is_found_in_a_package(write: Write) -> None:
    """Seen from the working directory."""
    write("", "entry_package/__init__.py")
    write(FLOWS, "entry_package/jobs.py")
    assert load_flow_from_entrypoint("entry_package.jobs.ingest").name == "ingest"
    assert load_flow_from_entrypoint("entry_package.jobs:ingest").name == "ingest"


@pytest.mark.parametrize(
    ("entrypoint", "error", "told"),
    [
        ("entry_flows.py:ingst", MissingFlowError, "Did you mean ingest"),
        ("entry_flows.py:plain", MissingFlowError, "plain is a function"),
        ("entry_flows.ingst", MissingFlowError, "holds no flow 'ingst'"),
        ("entry_flows.py", UnspecifiedFlowError, "several flows: ingest, report"),
        ("nothing.py:f", ScriptError, "There is no file nothing.py"),
        ("nothing_there.f", ScriptError, "There is no module nothing_there"),
    ],
)
def test_what_is_not_there_is_told(write: Write, entrypoint: str, error: type[Exception], told: str) -> None:
    """With what there is."""
    write(FLOWS)
    with pytest.raises(error, match=told):
        load_flow_from_entrypoint(entrypoint)


def test_a_file_that_breaks_is_the_cause_of_the_error(write: Write) -> None:
    """What it raised is attached."""
    write("import nothing_of_that_name\n", "entry_broken.py")
    with pytest.raises(ScriptError, match=r"entry_broken\.py could not be loaded") as caught:
        load_flow_from_entrypoint("entry_broken.py:f")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_all_flows_of_a_script_are_loaded_and_one_is_selected(write: Write) -> None:
    """By the flow's name; without one there may be only one."""
    write(FLOWS)
    flows = load_flows_from_script("entry_flows.py")
    assert [found.name for found in flows] == ["ingest", "Nightly"]
    assert select_flow(flows, "Nightly") is flows[1]
    assert select_flow(flows[:1]) is flows[0]
    assert load_flow_from_script("entry_flows.py", "Nightly").name == "Nightly"
    with pytest.raises(UnspecifiedFlowError, match="ingest, Nightly"):
        load_flow_from_script("entry_flows.py")
    with pytest.raises(MissingFlowError, match="no flow 'weekly'"):
        select_flow(flows, "weekly")
    with pytest.raises(MissingFlowError, match="holds no flow"):
        select_flow([])


def test_a_plain_function_is_made_a_flow(write: Write) -> None:
    """And a flow is taken as it is."""
    write(FLOWS)
    made = load_function_and_convert_to_flow("entry_flows.py:plain")
    assert (made.name, made()) == ("plain", 3)
    assert load_function_and_convert_to_flow("entry_flows.py:report").name == "Nightly"
