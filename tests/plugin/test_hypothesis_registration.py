"""Hypothesis knows the types of headrace without being told, and pays nothing until they are used."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.states import State
from pytest_headrace.strategies import states

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that, on the path, declares the entry point as our distribution does."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["hypothesis"]
    about = tmp_path / "declared-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 1.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[hypothesis]", *lines, ""]))
    return tmp_path


def run(code: str, folder: Path) -> str:
    """Run code in a process of its own with the folder on the path."""
    paths = [str(folder), str(ROOT / "src"), str(ROOT / "pytest_plugin")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_hypothesis_imports_no_headrace(installed: Path) -> None:
    """Everybody who has headrace installed runs the entry point in each session that uses Hypothesis."""
    said = run(
        "import sys, hypothesis; print('pytest_headrace.for_hypothesis' in sys.modules, "
        "[name for name in sys.modules if name.startswith(('headrace', 'pytest_headrace.strategies'))])",
        installed,
    )
    assert said.strip() == "True []"


@pytest.mark.parametrize("first", ["hypothesis", "headrace.states"])
def test_types_are_known_whichever_is_imported_first(installed: Path, first: str) -> None:
    """headrace may be imported before Hypothesis is, or after."""
    said = run(
        f"import {first}, hypothesis.strategies as st\n"
        "from headrace.states import State\n"
        "import hypothesis\n"
        "@hypothesis.settings(database=None)\n"
        "@hypothesis.given(...)\n"
        "def check(state: State): assert isinstance(state, State)\n"
        "check()\n"
        "from pytest_headrace.strategies import Policy, Script\n"
        "print(st.from_type(Policy), st.from_type(Script))",
        installed,
    )
    assert said.strip() == "retry_policies() outcomes()"


@given(state=states())
def test_states_have_the_data_that_goes_with_them(state: State) -> None:
    """An end can be asked for its result; all have their moment."""
    assert state.timestamp is not None
    if state.is_completed():
        assert state.result() == state.data
    elif state.is_final():
        assert isinstance(state.result(raise_on_failure=False), Exception)
    assert (state.state_details.scheduled_time is not None) is state.is_scheduled()


@given(data=st.data())
def test_states_can_be_restricted(data: st.DataObject) -> None:
    """By name, and to ends or to what is none."""
    assert data.draw(states(names=["Paused", "Late"])).name in ("Paused", "Late")
    assert data.draw(states(final=True)).is_final()
    assert not data.draw(states(final=False)).is_final()
    assert data.draw(states(names=["Failed"], errors=[KeyError])).data.args == ("as drawn",)
    assert data.draw(states(names=["Cached"], values=[7])).result() == 7


def test_states_that_can_not_be_are_refused_at_once() -> None:
    """An unknown name, or a selection that leaves nothing."""
    with pytest.raises(TypeError, match="names 'Done'"):
        states(names=["Done"])
    with pytest.raises(TypeError, match="No state is left"):
        states(names=["Failed"], final=False)
