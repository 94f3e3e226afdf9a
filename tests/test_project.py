"""What the project promises beside its code: its floors, its weight, its package, its examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.metadata import Metadata

import headrace

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/flows.py"))
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
HEAVY = {
    "asyncio",
    "cloudpickle",
    "fastapi",
    "httpx",
    "hypothesis",
    "multiprocessing",
    "pydantic",
    "pytest",
    "rich",
    "sqlite3",
    "tomlkit",
    "typer",
}


def python(*args: str) -> subprocess.CompletedProcess[str]:
    """Run a Python of its own in the checkout."""
    return subprocess.run(
        [sys.executable, *args], cwd=ROOT, capture_output=True, text=True, timeout=120, env=dict(os.environ)
    )


# code ----------------------------------------------------------------------------------------------------------


def test_imports_point_downwards_only():
    """The contract in pyproject.toml holds; what breaks it is in the message."""
    linted = python("-c", "import importlinter.cli as cli; cli.lint_imports_command()", "--no-cache")
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_importing_headrace_is_light():
    """Nothing is loaded that a plain sync flow does without; a script should start at once."""
    loaded = python("-c", "import sys; from headrace import flow, task; print(*sys.modules)").stdout.split()
    assert "headrace.flows" in loaded
    assert HEAVY.intersection(loaded) == set()


def test_a_sync_flow_never_loads_asyncio():
    """Running one flow with one task, store included, needs none of what async code needs."""
    script = (
        "import sys\n"
        "from headrace import flow, task\n"
        "one = task(lambda: 1, name='one')\n"
        "both = flow(lambda: one(), name='both')\n"
        "assert both() == 1\n"
        "print('asyncio' in sys.modules, 'pydantic' in sys.modules)"
    )
    ran = python("-c", script)
    assert ran.stdout.split() == ["False", "False"], ran.stderr


def test_the_version_is_written_in_one_place():
    """The package, its metadata and the build all read it from the same line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    source = (ROOT / project["tool"]["hatch"]["version"]["path"]).read_text()
    assert f'"{headrace.__version__}"' in source
    assert version("headrace") == headrace.__version__
    written = [path for path in ROOT.glob("src/**/*.py") if re.search(r"^__version__ = ", path.read_text(), re.M)]
    assert [path.name for path in written] == ["_version.py"]


# package -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    built = python("-c", f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))")
    assert built.returncode == 0, built.stderr
    return zipfile.ZipFile(folder / built.stdout.strip().splitlines()[-1])


def test_the_wheel_holds_both_packages_and_nothing_else(wheel):
    """One distribution brings the engine and the pytest plugin, and no tests or examples."""
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"headrace", "pytest_headrace"}
    assert [name for name in wheel.namelist() if "/test_" in name or "conftest" in name] == []


def test_both_packages_say_that_they_are_typed(wheel):
    """Type checkers look for py.typed."""
    assert {"headrace/py.typed", "pytest_headrace/py.typed"} <= set(wheel.namelist())


def test_what_pages_are_made_of_is_in_the_wheel(wheel):
    """Style sheets, scripts and templates are no modules, and are read at run time."""
    found = (path for kind in ("css", "js", "html") for path in (ROOT / "src").rglob(f"*.{kind}"))
    lying_there = {path.relative_to(ROOT / "src").as_posix() for path in found}
    assert lying_there <= set(wheel.namelist())
    assert {"headrace/pages/trace.js", "headrace/server/ui/templates/runs.html"} <= lying_there


def test_the_plugin_and_the_command_are_registered(wheel):
    """Installing is all it takes."""
    points = wheel.read(_in_info(wheel, "entry_points.txt")).decode()
    assert "headrace = headrace.cli:main" in points
    assert "[pytest11]\nheadrace = pytest_headrace.plugin" in points
    assert "[hypothesis]\nheadrace = pytest_headrace.for_hypothesis:register" in points


def test_the_metadata_is_valid_and_names_the_licence(wheel):
    """What package indexes check, and the licence's text beside it."""
    text = wheel.read(_in_info(wheel, "METADATA")).decode()
    metadata = Metadata.from_email(text, validate=True)
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert "Apache License" in wheel.read(_in_info(wheel, "licenses/LICENSE")).decode()
    assert message_from_string(text)["Requires-Python"] == ">=3.11"


def _in_info(wheel: zipfile.ZipFile, name: str) -> str:
    (found,) = [entry for entry in wheel.namelist() if entry.endswith(f".dist-info/{name}")]
    return found


# examples and pages --------------------------------------------------------------------------------------------


def test_every_example_has_tests_and_is_part_of_the_demo():
    """An example that nobody runs would rot."""
    demo = (ROOT / "Makefile").read_text()
    for name in EXAMPLES:
        assert (ROOT / "examples" / name / f"test_{name}.py").exists(), name
        assert f"examples/{name}/flows.py:" in demo, name


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    """Links within the checkout name files that are there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_make_target_is_listed_by_make_help():
    """A target with a description is all that somebody new has to know."""
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split()
    assert sorted(targets) == sorted(re.findall(r"^([a-z]+):.*## ", makefile, re.M))
