"""Each example runs as a script, and from the command line."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    """What a script writes, it writes here."""
    monkeypatch.chdir(tmp_path)


def run_script(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what `python examples/NAME/flows.py` does."""
    monkeypatch.syspath_prepend(str(EXAMPLES / name))
    runpy.run_path(str(EXAMPLES / name / "flows.py"), run_name="__main__")


@pytest.mark.parametrize(
    ("name", "flows"), [("hello", ["my-flow", "My Flow"]), ("etl", ["etl"]), ("crawler", ["crawl"])]
)
def test_the_script_runs_its_flows_to_completion(name, flows, monkeypatch, runs, fake_clock):
    """Without arguments, and without anything to be started or configured first."""
    run_script(name, monkeypatch)
    assert [run.definition_name for run in runs.flows()] == flows
    assert {run.state.name for run in runs.flows()} == {"Completed"}


def test_the_script_with_worker_processes_runs_to_completion(tmp_path):
    """In a process of its own, because its workers import the main script."""
    home = {"HEADRACE_HOME": str(tmp_path / "home")}
    script = str(EXAMPLES / "fan_out" / "flows.py")
    ended = subprocess.run([sys.executable, script], env=os.environ | home, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "There are 17984 primes below 200000" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        ("hello/flows.py:my_flow", []),
        ("etl/flows.py:etl", ["pages=2", "database=orders.db"]),
        ("crawler/flows.py:crawl", ["most=2"]),
        ("fan_out/flows.py:count_primes", ["below=100", "stretch=50"]),
    ],
)
def test_the_flow_runs_from_the_command_line(target, parameters, tmp_path):
    """With parameters, as the example's first lines say."""
    given = [word for parameter in parameters for word in ("-p", parameter)]
    ended = subprocess.run(
        [sys.executable, "-m", "headrace", "run", str(EXAMPLES / target), *given],
        env=os.environ | {"HEADRACE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "✓ Completed" in ended.stdout
